"""The lock that pins images to digests."""

import pytest

from components import images
from xstilts.errors import UserError

DIGEST = "sha256:" + "0f" * 32
CPU = f"registry.example:5000/team/xstilts@{DIGEST}"


def message(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    return caught.value.problems


def test_the_repository_s_lock_can_be_read_and_only_pins_digests():
    found = images.read_lock()
    assert set(found) <= set(images.FLAVOURS)
    assert all(images.is_pinned(found[flavour]) for flavour in found)


@pytest.mark.parametrize(
    "reference",
    [CPU, f"xstilts@{DIGEST}", f"a/b/c@{DIGEST}", f"host/xstilts:1.0@{DIGEST}"],
)
def test_a_digest_reference_is_pinned(reference):
    assert images.pinned({"cpu": reference}, "cpu") == reference


@pytest.mark.parametrize(
    "reference",
    [
        "xstilts",
        "xstilts:dev",
        "registry.example:5000/xstilts:1.0",
        f"xstilts@{DIGEST[:-1]}",
        f"xstilts@{DIGEST.upper()}",
        f"xstilts@md5:{'0' * 32}",
        f"@{DIGEST}",
        DIGEST,
        f"{CPU} ",
        f"{CPU}\nlabel",
        "",
    ],
)
def test_anything_else_is_refused_with_file_flavour_value_and_remedy(reference):
    (problem,) = message(images.pinned, {"cpu": reference}, "cpu")
    for part in ("components/images.lock", "cpu", repr(reference), "make push", "--dev"):
        assert part in problem


def test_a_flavour_without_an_image_is_named_with_those_there_are():
    (problem,) = message(images.pinned, {"cpu": CPU}, "cuda")
    for part in ("components/images.lock", "'cuda'", "it has cpu", "make push", "--dev"):
        assert part in problem
    (problem,) = message(images.pinned, {}, "cpu")
    assert "it has none" in problem


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "images.lock"
    images.write_lock(path, {"cuda": f"xstilts@{DIGEST}", "cpu": CPU})
    assert images.read_lock(path) == {"cpu": CPU, "cuda": f"xstilts@{DIGEST}"}
    images.write_lock(path, {"cpu": CPU})
    assert images.read_lock(path) == {"cpu": CPU}


def test_a_tag_never_reaches_the_file(tmp_path):
    path = tmp_path / "images.lock"
    images.write_lock(path, {"cpu": CPU})
    before = path.read_bytes()
    message(images.write_lock, path, {"cpu": "xstilts:dev"})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_lock_has_no_images(tmp_path):
    path = tmp_path / "images.lock"
    images.write_lock(path, {})
    assert images.read_lock(path) == {}


def test_a_missing_lock_is_named(tmp_path):
    (problem,) = message(images.read_lock, tmp_path / "images.lock")
    assert str(tmp_path / "images.lock") in problem
    assert "make push" in problem


@pytest.mark.parametrize("text", ["- cpu\n", "cpu", "cpu: [", "\x00"])
def test_a_lock_that_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "images.lock"
    path.write_text(text)
    (problem,) = message(images.read_lock, path)
    assert str(path) in problem


def test_a_lock_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "images.lock"
    path.write_bytes(b"cpu: \xff\xfe")
    (problem,) = message(images.read_lock, path)
    assert str(path) in problem


def test_all_wrong_entries_are_reported_together(tmp_path):
    path = tmp_path / "images.lock"
    path.write_text("gpu: x\ncpu: 3\ncuda:\n")
    problems = message(images.read_lock, path)
    assert len(problems) == 3
    for problem, part in zip(problems, ("'gpu'", "cpu: 3", "cuda: None"), strict=True):
        assert part in problem


def test_the_lock_says_what_its_images_were_built_from(tmp_path):
    path = tmp_path / "images.lock"
    for revision in ("0" * 40, "12345678" * 5, "1e10" * 10):  # which YAML could take for numbers
        images.write_lock(path, {"cpu": CPU}, revision)
        assert images.read_revision(path) == revision
        assert images.read_lock(path) == {"cpu": CPU}
    images.write_lock(path, {"cpu": CPU})
    assert images.read_revision(path) == ""


def test_a_revision_that_yaml_takes_for_a_number_is_refused(tmp_path):
    path = tmp_path / "images.lock"
    path.write_text("revision: 12345678\n")
    (problem,) = message(images.read_revision, path)
    assert "revision: 12345678 is no text: quote it" in problem

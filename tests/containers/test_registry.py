"""Pushing images: the lock gets digests that pull the same image, or nothing at all."""

import importlib.util
import subprocess
import uuid
from pathlib import Path

import pytest
import registry as loopback

from components.images import FLAVOURS, read_lock, read_revision
from xstilts.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def docker(*arguments: str, **keywords) -> str:
    command = [str(ROOT / "docker" / "engine.sh")]
    client = subprocess.check_output(command, text=True).strip()
    done = subprocess.run([client, *arguments], capture_output=True, text=True, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def push():
    spec = importlib.util.spec_from_file_location("push", ROOT / "docker" / "push.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.push


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with loopback.registry(tmp_path_factory.mktemp("registry")) as address:
        yield f"{address}/team"
        # What a push found there came back to the engine, and belongs to no test
        left = docker("image", "ls", "--quiet", f"{address}/team/xstilts").split()
        for identity in dict.fromkeys(left):
            docker("image", "rm", "--force", identity)


@pytest.fixture
def image(tmp_path):
    """Makes small images of a name that only this test has."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    made = set()

    def make(flavour: str, revision: str | None = COMMIT, more: str = "") -> str:
        (tmp_path / "file").write_text(f"{name} {flavour} {revision} {more}")
        label = [] if revision is None else [f"LABEL org.opencontainers.image.revision={revision}"]
        lines = "\n".join(["FROM scratch", "COPY file /", *label])
        (tmp_path / "Dockerfile").write_text(lines)
        made.add(docker("build", "--quiet", "--tag", f"{name}:{flavour}", str(tmp_path)))
        return name

    yield make
    for identity in made & set(docker("image", "ls", "--quiet", "--no-trunc").split()):
        docker("image", "rm", "--force", identity)  # with all its names


def refused(push, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        push(*arguments)
    return str(caught.value)


def test_both_flavours_are_pinned_to_digests_that_pull_what_was_pushed(
    push, registry, image, tmp_path
):
    names = {image(flavour) for flavour in FLAVOURS}
    name = names.pop()
    lock = tmp_path / "images.lock"
    pushed = push(registry, name, lock)
    assert read_lock(lock) == pushed
    assert set(pushed) == set(FLAVOURS)
    for flavour, reference in pushed.items():
        before = docker("image", "inspect", "--format", "{{.Id}}", f"{name}:{flavour}")
        tag = f"{registry}/xstilts:{flavour}-{COMMIT}"
        docker("image", "rm", "--force", f"{name}:{flavour}", tag, reference)
        docker("pull", "--quiet", reference)
        assert docker("image", "inspect", "--format", "{{.Id}}", reference) == before
        docker("image", "rm", reference)


def test_the_lock_names_nothing_older_than_this_push(push, registry, image, tmp_path):
    lock = tmp_path / "images.lock"
    digest = "0" * 64
    lock.write_text(f"cpu: old@sha256:{digest}\ncuda: old@sha256:{digest}\n")
    pushed = push(registry, image("cpu"), lock)
    assert read_lock(lock) == pushed
    assert set(pushed) == {"cpu"}


def test_an_image_that_the_registry_has_of_the_commit_stays(push, registry, image, tmp_path):
    revision = uuid.uuid4().hex + "0" * 8
    first = push(registry, image("cpu", revision), tmp_path / "first.lock")
    assert read_revision(tmp_path / "first.lock") == revision
    # The same commit built once more, on another machine: other bytes
    name = image("cpu", revision, "at another time")
    reference = f"{registry}/xstilts:cpu-{revision}"
    docker("image", "rm", "--force", reference)
    assert push(registry, name, tmp_path / "second.lock") == first
    assert (tmp_path / "second.lock").read_bytes() == (tmp_path / "first.lock").read_bytes()


def test_flavours_are_those_that_are_wanted(push, registry, image, tmp_path):
    image("cuda", COMMIT[::-1])  # of another commit, which is of no interest
    name = image("cpu")
    lock = tmp_path / "images.lock"
    assert set(push(registry, name, lock, ["cpu"])) == {"cpu"}
    assert "'gpu' is no flavour" in refused(push, registry, name, lock, ["gpu"])
    assert f"no image {name}:cuda: build it" in refused(
        push, registry, _without(name, "cuda"), lock, ["cuda", "cpu"]
    )


def _without(name: str, flavour: str) -> str:
    docker("image", "rm", "--force", f"{name}:{flavour}")
    return name


@pytest.mark.parametrize("revision", [f"{COMMIT}-dirty", "", None])
def test_an_image_that_no_commit_describes_is_not_pushed(push, registry, image, tmp_path, revision):
    lock = tmp_path / "images.lock"
    name = image("cpu", revision)
    problem = refused(push, registry, name, lock)
    assert f"{name}:cpu" in problem
    assert "commit the changes" in problem
    assert not lock.exists()


def test_flavours_of_different_commits_are_not_pushed(push, registry, image, tmp_path):
    image("cpu")
    name = image("cuda", COMMIT[::-1])
    problem = refused(push, registry, name, tmp_path / "images.lock")
    assert COMMIT in problem
    assert COMMIT[::-1] in problem
    assert not (tmp_path / "images.lock").exists()


def test_without_images_or_registry_the_command_to_run_is_named(push, registry, tmp_path):
    lock = tmp_path / "images.lock"
    assert "make image" in refused(push, registry, "test-no-such-image", lock)
    assert "REGISTRY=" in refused(push, "", "test-no-such-image", lock)


def test_an_unreachable_registry_leaves_the_lock_as_it_was(push, image, tmp_path):
    lock = tmp_path / "images.lock"
    lock.write_text("# as it was\n")
    with loopback.registry(tmp_path / "gone") as address:
        pass
    assert address in refused(push, f"{address}/team", image("cpu"), lock)
    assert lock.read_text() == "# as it was\n"


def test_the_registry_ends_with_its_block(tmp_path):
    with loopback.registry(tmp_path) as address:
        assert address.startswith("127.0.0.1:")
        with loopback.registry(tmp_path / "second") as other:
            assert other != address
    done = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == ""

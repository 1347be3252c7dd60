"""The store on a real S3 server: objects, what a check finds, and DVC's remote."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from xstilts.cli import main
from xstilts.store import objects, remote
from xstilts.store.location import Location
from xstilts.study.state import run_dvc

CONFIG = "[core]\n    analytics = false\n    check_update = false\n"


def test_an_object_comes_back_as_it_was_written(s3, store, bucket):
    data = bytes(range(256)) * 100
    objects.write(store, data, "runs", "a b@1 ä.bin")
    assert objects.read(store, "runs", "a b@1 ä.bin") == data
    objects.write(store, b"newer", "runs", "a b@1 ä.bin", content_type="text/plain")
    assert objects.read(store, "runs", "a b@1 ä.bin") == b"newer"
    whole = Location(bucket, endpoint=s3.endpoint)
    assert objects.names(whole) == ["some/prefix/runs/a b@1 ä.bin"]
    head = s3.client().head_object(Bucket=bucket, Key="some/prefix/runs/a b@1 ä.bin")
    assert head["ContentType"] == "text/plain"


def test_an_object_that_is_not_there(store):
    assert objects.read(store, "nothing") is None
    assert objects.names(store) == []
    assert objects.names(store, "nothing") == []


def test_a_listing_has_all_pages_and_only_its_folder(store):
    """The server gives 100 keys a page."""
    expected = [f"{i % 7}/{i:04}.json" for i in range(250)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: objects.write(store, b"{}", "many", name), expected))
    objects.write(store, b"", "many-others", "x")
    objects.write(store, b"", "many")
    assert objects.names(store, "many") == sorted(expected)
    assert objects.names(store.below("many")) == sorted(expected)
    assert objects.names(store, "many", "3") == [f"{i:04}.json" for i in range(250) if i % 7 == 3]
    whole = Location(store.bucket, endpoint=store.endpoint)
    assert len(objects.names(whole)) == 252


def test_folders_are_listed_without_what_is_in_them(store):
    for name in ("a/1", "a/2/3", "b/4", "file"):
        objects.write(store, b"", "top", name)
    assert objects.folders(store, "top") == ["a", "b"]
    assert objects.folders(store, "top", "b") == []
    assert objects.folders(store) == ["top"]


def test_a_folder_is_uploaded_with_types_that_a_browser_shows(s3, store, bucket, tmp_path):
    types = {
        "index.html": "text/html; charset=utf-8",
        "tables/scores.json": "application/json",
        "tables/scores.csv": "text/csv; charset=utf-8",
        "picture.svg": "image/svg+xml",
        "dvc.lock": "application/yaml",
        "packed.json.gz": "application/octet-stream",
        "model.safetensors": "application/octet-stream",
    }
    for name in types:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"this is {name}", encoding="utf-8")
    assert objects.upload_folder(store, tmp_path, "results") == len(types)
    assert objects.names(store, "results") == sorted(types)
    for name, expected in types.items():
        head = s3.client().head_object(Bucket=bucket, Key=store.key("results", name))
        assert head["ContentType"] == expected
        assert objects.read(store, "results", name) == f"this is {name}".encode()


def test_a_large_file_is_uploaded_in_parts(s3, store, bucket, tmp_path):
    content = os.urandom(20 * 2**20)
    (tmp_path / "model.bin").write_bytes(content)
    assert objects.upload_folder(store, tmp_path, "results") == 1
    assert objects.read(store, "results", "model.bin") == content
    head = s3.client().head_object(Bucket=bucket, Key=store.key("results", "model.bin"))
    assert head["ETag"].strip('"').endswith("-3")


@pytest.fixture
def project(tmp_path):
    return dvc_project(tmp_path / "one")


def dvc_project(folder):
    """The least that DVC and our command line take for a clone, with one file to push."""
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text(CONFIG + "    no_scm = true\n")
    (folder / "pipelines" / "studies").mkdir(parents=True)
    (folder / "dvc.yaml").write_text("stages: {copy: {cmd: cp in out, deps: [in], outs: [out]}}")
    (folder / "in").write_text("content")
    return folder


def test_dvc_pushes_and_pulls_with_the_written_remote(store, project, tmp_path):
    remote.configure(project, store)
    assert remote.configured(project) == store
    run_dvc(project, "repro")
    run_dvc(project, "push")
    assert objects.names(store, "files", "md5")
    other = dvc_project(tmp_path / "two")
    (other / "dvc.lock").write_text((project / "dvc.lock").read_text())
    remote.configure(other, store)
    run_dvc(other, "pull")
    assert (other / "out").read_text() == "content"


def test_dvc_uses_the_profile(s3, bucket, project, tmp_path, use_key):
    keys = tmp_path / "credentials"
    keys.write_text(
        f"[lab]\naws_access_key_id = {s3.access}\naws_secret_access_key = {s3.secret}\n"
    )
    use_key(AWS_SHARED_CREDENTIALS_FILE=str(keys), AWS_ACCESS_KEY_ID="AKIDOESNOT")
    store = Location(bucket, endpoint=s3.endpoint, profile="lab")
    remote.configure(project, store)
    run_dvc(project, "repro")
    run_dvc(project, "push")
    assert objects.names(store, "files", "md5")


def test_a_store_is_put_to_use_and_checked(s3, store, project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    assert main(["store", "use", store.url, "--endpoint", s3.endpoint]) == 0
    assert store.url in capsys.readouterr().out
    assert remote.configured(project) == Location(store.bucket, store.prefix, s3.endpoint)
    written = (project / ".dvc" / "config.local").read_text()
    assert s3.access not in written
    assert s3.secret not in written
    assert main(["store", "check"]) == 0
    assert main(["store", "check", "s3://not-there", "--endpoint", s3.endpoint]) == 2
    assert "error: There is no bucket 'not-there'" in capsys.readouterr().err


def test_a_store_with_problems_is_not_put_to_use(s3, project, monkeypatch, capsys, use_key):
    use_key(AWS_SECRET_ACCESS_KEY="a-wrong-secret")
    monkeypatch.chdir(project)
    assert main(["store", "use", "s3://not-there/a", "--endpoint", s3.endpoint]) == 2
    error = capsys.readouterr().err
    assert error.count("error: ") == 2
    assert "The secret key for the access key" in error
    assert "There is no bucket 'not-there'" in error
    assert not (project / ".dvc" / "config.local").exists()

"""`xstilts store` and the doctor's word on it, where no S3 server is needed."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from xstilts.cli import main
from xstilts.store import check, connection, push, remote, restore
from xstilts.store.location import Location
from xstilts.study import doctor

ROOT = Path(__file__).parents[2]
STORE = Location("bucket", "folder", endpoint="http://127.0.0.1:1")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A clone's skeleton, keys in the environment, and nothing of this machine's user."""
    (tmp_path / "pipelines" / "studies").mkdir(parents=True)
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setattr(connection, "_QUICK", (0.3, 0.3, 1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nowhere() -> str:
    """The address of a server that is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def fine(monkeypatch, project):
    """A configured store in which a check finds nothing; the stores that were checked."""
    checked = []

    def nothing(location, *, write=True):
        checked.append((location, write))
        return []

    monkeypatch.setattr(check, "problems", nothing)
    remote.configure(project, STORE)
    return checked


def test_a_url_with_mistakes(project, capsys):
    assert main(["store", "use", "s3://My_Bucket//a", "--endpoint", "localhost"]) == 2
    assert capsys.readouterr().err.count("error: ") == 3
    assert not (project / ".dvc" / "config.local").exists()


def test_a_store_that_is_not_there(project, nowhere, capsys):
    assert main(["store", "use", "s3://bucket", "--endpoint", nowhere]) == 2
    assert f"error: Nothing listens at {nowhere}" in capsys.readouterr().err
    assert not (project / ".dvc" / "config.local").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", [["check"], ["push"], ["restore"]])
def test_a_clone_without_a_store(command, capsys):
    assert main(["store", *command]) == 2
    assert "error: This clone has no store: give it one with `xstilts store use" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("command", [["check"], ["push"], ["restore"]])
def test_a_store_that_is_gone(project, nowhere, command, capsys):
    remote.configure(project, Location("bucket", endpoint=nowhere))
    assert main(["store", *command]) == 2
    assert f"error: Nothing listens at {nowhere}" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_an_endpoint_without_a_url(capsys):
    assert main(["store", "check", "--endpoint", "http://localhost"]) == 2
    assert "needs the store's URL before it" in capsys.readouterr().err


def test_the_store_of_the_clone_is_checked(fine, capsys):
    assert main(["store", "check"]) == 0
    assert fine == [(STORE, True)]
    assert capsys.readouterr().out.startswith(f"{STORE} can be listed, written, read")


def test_push_checks_and_counts(fine, monkeypatch, capsys):
    monkeypatch.setattr(push, "push", lambda root: 3 if root == Path() else 0)
    assert main(["store", "push"]) == 0
    assert fine == [(STORE, True)]
    assert capsys.readouterr().out.startswith("3 stages are in the store")


def test_restore_only_has_to_read(fine, monkeypatch, capsys):
    monkeypatch.setattr(restore, "restore", lambda _root, study, run: f"{run} of {study}")
    assert main(["store", "restore", "mini", "--run", "abc"]) == 0
    assert fine == [(STORE, False)]
    assert "are those of the run abc of mini; `dvc pull`" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_the_doctor_says_nothing_without_a_store():
    assert list(doctor._store()) == []


def test_the_doctor_on_a_store_that_is_gone(project, nowhere):
    remote.configure(project, Location("bucket", endpoint=nowhere))
    [finding] = doctor._store()
    assert finding.text.startswith(f"Nothing listens at {nowhere}")
    assert finding.remedy


@pytest.mark.usefixtures("fine")
def test_the_doctor_on_a_store_that_is_well():
    [finding] = doctor._store()
    assert finding.text == f"{STORE} can be listed, written and read"
    assert not finding.remedy


def test_the_doctor_on_settings_that_cannot_be_read(project):
    (project / ".dvc" / "config.local").write_text("[core\n")
    [finding] = doctor._store()
    assert finding.remedy

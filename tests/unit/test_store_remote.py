"""The store as DVC's remote: what is written, what is kept, what is read back."""

import subprocess

import pytest

from xstilts.errors import UserError
from xstilts.store import remote
from xstilts.store.location import Location
from xstilts.study.state import dvc

STORE = Location("bucket", "a/b", "http://127.0.0.1:9000", "us-east-1", "my lab")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder that DVC takes for a project, and no settings of this machine's user."""
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    return tmp_path


def local(project):
    return (project / ".dvc" / "config.local").read_text()


@pytest.mark.parametrize(
    "store", [STORE, Location("bucket"), Location("bucket", endpoint="http://h")]
)
def test_what_is_written_is_read_back(project, store):
    assert remote.configured(project) is None
    remote.configure(project, store)
    assert remote.configured(project) == store


def test_dvc_itself_sees_it(project):
    remote.configure(project, STORE)
    listed = subprocess.run(
        dvc("remote", "list"), cwd=project, capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == ["store", "s3://bucket/a/b", "(default)"]


def test_other_settings_stay(project):
    (project / ".dvc" / "config.local").write_text(
        "[cache]\n    type = hardlink\n"
        "['remote \"backup\"']\n    url = s3://elsewhere\n    access_key_id = abc\n"
        "['remote \"store\"']\n    url = s3://old\n    jobs = 3\n    profile = old\n"
    )
    remote.configure(project, Location("new", endpoint="http://h"))
    assert remote.configured(project) == Location("new", endpoint="http://h")
    for line in ("type = hardlink", "url = s3://elsewhere", "access_key_id = abc", "jobs = 3"):
        assert line in local(project)
    assert "old" not in local(project)
    assert (project / ".dvc" / "config").read_text().startswith("[core]\n    no_scm = true\n")


def test_a_store_in_the_shared_settings_counts_too(project):
    with (project / ".dvc" / "config").open("a") as config:
        config.write("['remote \"store\"']\n    url = s3://shared/x\n    region = us-east-1\n")
    assert remote.configured(project) == Location("shared", "x", region="us-east-1")
    remote.configure(project, Location("mine", region="eu-west-1"))
    assert remote.configured(project) == Location("mine", region="eu-west-1")


def test_settings_that_dvc_cannot_read(project):
    (project / ".dvc" / "config.local").write_text("[core\n")
    for action in (remote.configured, lambda root: remote.configure(root, STORE)):
        with pytest.raises(UserError, match=r"DVC's settings in .*\.dvc .* cannot be used"):
            action(project)
    assert local(project) == "[core\n"


def test_a_remote_that_is_no_store(project):
    (project / ".dvc" / "config.local").write_text("['remote \"store\"']\n    url = /mnt/disk\n")
    with pytest.raises(
        UserError, match=r"'/mnt/disk' is no place for a store.*`xstilts store use`"
    ):
        remote.configured(project)


def test_outside_a_project(tmp_path):
    with pytest.raises(UserError, match="is no DVC project"):
        remote.configured(tmp_path)

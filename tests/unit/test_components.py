"""Every component's frame: its arguments, its lock, its exit codes, what it leaves behind."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from components import stage
from xstilts.errors import UserError

ROOT = Path(__file__).parents[2]
PARAMS = {"study": {"name": "small"}, "prepare": {"a": {"rows": 3}, "b": {}}}
PAYLOAD = """\
import pathlib, time
from components.stage import run_stage
from xstilts.files import replaced_folder
def work(entry, folder):
    with replaced_folder(folder) as output:
        (output / "half").write_text(str(entry))
        pathlib.Path("started").write_text("yes")
        time.sleep(entry.get("seconds", 0))
run_stage("prepare", work)
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    (tmp_path / "payload.py").write_text(PAYLOAD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    return tmp_path


def run_stage(monkeypatch, work, *arguments: str, phase: str = "prepare") -> int:
    monkeypatch.setattr(sys, "argv", ["component", *arguments])
    before = signal.getsignal(signal.SIGTERM)
    try:
        stage.run_stage(phase, work)
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


@pytest.mark.usefixtures("project")
def test_the_work_gets_its_entry_and_its_folder(monkeypatch):
    got = []
    assert run_stage(monkeypatch, lambda *given: got.append(given), "a") == 0
    assert got == [({"rows": 3}, Path("data/a"))]


@pytest.mark.usefixtures("project")
def test_publish_gets_the_whole_study(monkeypatch):
    got = []
    assert run_stage(monkeypatch, lambda *given: got.append(given), phase="publish") == 0
    assert got == [(PARAMS, Path("results/small"))]


@pytest.mark.usefixtures("project")
def test_an_unknown_stage(monkeypatch, capsys):
    assert run_stage(monkeypatch, print, "c") == 2
    assert "error: params.yaml has no prepare stage 'c'; it has a, b." in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_every_problem_of_the_user_is_a_line(monkeypatch, capsys):
    def work(_entry, _folder):
        raise UserError(["one is wrong.", "two is wrong."])

    assert run_stage(monkeypatch, work, "a") == 2
    assert capsys.readouterr().err == "error: one is wrong.\nerror: two is wrong.\n"


@pytest.mark.usefixtures("project")
def test_a_full_disk(monkeypatch, capsys):
    def work(_entry, _folder):
        raise OSError(errno.ENOSPC, "No space left on device", "data/a/x.arrow")

    assert run_stage(monkeypatch, work, "a") == 2
    error = capsys.readouterr().err
    assert "no space left on the disk" in error
    assert "data/a/x.arrow" in error


@pytest.mark.usefixtures("project")
def test_other_errors_keep_their_trace(monkeypatch):
    def work(_entry, _folder):
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        run_stage(monkeypatch, work, "a")


def test_an_output_has_one_writer(project, monkeypatch, capsys):
    monkeypatch.setattr(stage, "_WAIT", 0.2)
    path = project / ".dvc/tmp/xstilts/locks/data-a.lock"
    path.parent.mkdir(parents=True)
    with path.open("w") as stream:
        stream.write("4711")
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert run_stage(monkeypatch, print, "a") == 2
        assert "process 4711 is writing data/a" in capsys.readouterr().err
        assert run_stage(monkeypatch, lambda *_: None, "b") == 0


def test_what_a_killed_predecessor_left_is_removed(project, monkeypatch):
    (project / "data/.a.12345678").mkdir(parents=True)
    (project / "data/.ab.12345678").mkdir()
    run_stage(monkeypatch, lambda *_: None, "a")
    assert [path.name for path in (project / "data").iterdir()] == [".ab.12345678"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_stage_that_is_ended_leaves_no_result(project, number, code):
    params = PARAMS | {"prepare": {"a": {"seconds": 60}}}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    process = subprocess.Popen(
        [sys.executable, "payload.py", "a"], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    _wait_for(project / "started")
    process.send_signal(number)
    assert process.wait(timeout=120) == code
    assert not (project / "data/a").exists()
    if number != signal.SIGKILL:
        assert list((project / "data").iterdir()) == []


def test_a_stage_under_dvc_ends_with_it(project):
    params = PARAMS | {"prepare": {"a": {"seconds": 60}}}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys\nchild = subprocess.Popen([sys.executable, "
         "'payload.py', 'a'])\nprint(child.pid, flush=True)\nchild.wait()"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "DVC_STAGE": "prepare@a"},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert parent.stdout
    child = int(parent.stdout.readline())
    _wait_for(project / "started")
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 120
    while _is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_running(process: int) -> bool:
    """Not ended, nor a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)

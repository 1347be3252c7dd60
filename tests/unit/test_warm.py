"""The process that has loaded the libraries already: it runs modules as they would run alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from xstilts.warm import ADDRESS, run_elsewhere, supported

pytestmark = pytest.mark.skipif(not supported(), reason="no pidfds, or a GPU")

MODULE = """\
import os, pathlib, sys, time
print("to stdout", os.environ["MARK"], *sys.argv[1:], flush=True)
print("to stderr", file=sys.stderr, flush=True)
pathlib.Path("here").write_text(str(os.getpid()))
if sys.argv[1] == "fail":
    raise ValueError("as asked")
if sys.argv[1] == "exit":
    sys.exit(int(sys.argv[2]))
if sys.argv[1] == "heavy":
    sys.exit(0 if "fractions" in sys.modules else 3)
if sys.argv[1] == "wait":
    try:
        time.sleep(60)
    finally:
        pathlib.Path("cleaned").write_text("up")
"""
CALL = (
    "import sys\nfrom xstilts.warm import run_elsewhere\n"
    "code = run_elsewhere('module', sys.argv[1:])\n"
    "sys.exit(99 if code is None else code)"
)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "module.py").write_text(MODULE)
    return tmp_path


@pytest.fixture
def server(folder):
    address = str(folder / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "xstilts.warm", address, "fractions"], cwd=folder
    )
    assert _soon(lambda: Path(address).exists())
    yield process, address
    process.kill()
    process.wait()


def _soon(condition) -> bool:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


def call(folder: Path, address: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", CALL, *arguments],
        cwd=folder,
        env=os.environ | {ADDRESS: address, "MARK": "mine"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def test_output_environment_folder_and_arguments_are_the_callers(server, folder):
    output, errors = (caller := call(folder, server[1], "a", "b")).communicate()
    assert (caller.returncode, output, errors) == (0, "to stdout mine a b\n", "to stderr\n")
    assert int((folder / "here").read_text()) != server[0].pid


@pytest.mark.parametrize(
    ("arguments", "code"), [(("exit", "2"), 2), (("fail",), 1), (("heavy",), 0)]
)
def test_the_exit_code_is_the_modules(server, folder, arguments, code):
    caller = call(folder, server[1], *arguments)
    errors = caller.communicate()[1]
    assert caller.returncode == code
    assert ("ValueError: as asked" in errors) == (arguments == ("fail",))


def test_several_at_once(server, folder):
    callers = [call(folder, server[1], "exit", str(number)) for number in range(8)]
    assert [caller.wait() for caller in callers] == list(range(8))


def _waiting(folder: Path, address: str) -> tuple[subprocess.Popen, psutil.Process]:
    caller = call(folder, address, "wait")
    assert caller.stdout
    caller.stdout.readline()
    assert _soon(lambda: (folder / "here").exists() and (folder / "here").read_text())
    return caller, psutil.Process(int((folder / "here").read_text()))


def _gone(process: psutil.Process) -> bool:
    return _soon(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_it_ends_when_its_caller_is_killed(server, folder):
    caller, copy = _waiting(folder, server[1])
    caller.kill()
    caller.communicate()
    assert _gone(copy)
    assert call(folder, server[1], "exit", "0").wait() == 0  # and the next is served


def test_it_ends_when_the_warm_process_is_killed(server, folder):
    caller, copy = _waiting(folder, server[1])
    server[0].kill()
    assert "ended while it ran module" in caller.communicate()[1]
    assert caller.returncode == 1
    assert _gone(copy)


def test_an_interrupt_of_the_group_lets_it_clean_up(server, folder):
    caller, _ = _waiting(folder, server[1])
    os.killpg(caller.pid, signal.SIGINT)
    caller.communicate()
    assert caller.returncode == 1
    assert (folder / "cleaned").exists()


def test_a_killed_copy_is_a_failure_of_the_caller(server, folder):
    caller, copy = _waiting(folder, server[1])
    copy.kill()
    caller.communicate()
    assert caller.returncode == 128 + signal.SIGKILL


def test_without_a_warm_process_the_caller_runs_by_itself(folder, monkeypatch):
    monkeypatch.delenv(ADDRESS, raising=False)
    assert run_elsewhere("module", []) is None
    monkeypatch.setenv(ADDRESS, str(folder / "nobody"))
    assert run_elsewhere("module", []) is None


def test_libraries_with_threads_are_refused(folder):
    (folder / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "xstilts.warm", str(folder / "socket"), "threaded"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "every process will load them itself" in done.stdout
    assert not (folder / "socket").exists()

"""A project with our graph and runner, whose stages do almost nothing.

The graph is the repository's own dvc.yaml; only the commands are replaced, and the code that
stages depend on. Each stage writes what it has read, so that a change upstream is seen
downstream, and notes that it ran. `slow` names a stage that waits; `wrong` one that fails by
the user's mistake, with the problem's text.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
STUDY = """\
name: small
question: Does it help?
source: world
models: [mini-encoder]
recipes:
  none: []
  mnli: [mnli]
baseline: none
targets: [panx, tatoeba]
seeds: [0]
languages: [en, de]
sizes: {train: 100, dev: 10, test: 10}
tasks:
  panx: {epochs: 2}
"""
PAYLOAD = """\
import hashlib, os, pathlib, sys, time
from components.stage import run_stage
from xstilts.errors import UserError
from xstilts.files import replaced_folder, sha256
phase = sys.argv.pop(1)
stage = os.environ["DVC_STAGE"]
def asked(name):
    path = pathlib.Path(name)
    return path.exists() and path.read_text().split("\\n")[0] == stage
def work(entry, folder):
    with pathlib.Path("ran").open("a") as stream:
        stream.write(stage + "\\n")
    if asked("wrong"):
        raise UserError(pathlib.Path("wrong").read_text().split("\\n")[1])
    inputs = [entry[name] for name in ("needs", "init", "data", "model_dir") if name in entry]
    if phase == "publish":
        inputs = ["evaluations/small"]
    with replaced_folder(folder) as output:
        text = repr(entry) + "".join(sha256(pathlib.Path(path)) for path in inputs)
        (output / "half").write_text(text)
        pathlib.Path("started-" + stage).touch()
        if asked("slow"):
            time.sleep(120)
        (output / "half").rename(output / "result")
run_stage(phase, work)
"""
# Without the process that loads torch: there is none to load here
DRIVER = """\
import sys
from xstilts import warm
warm.supported = lambda: False
from xstilts.cli import main
sys.exit(main(sys.argv[1:]))
"""


def small_project(folder: Path) -> Path:
    """Make the project in `folder`, as a Git and DVC repository."""
    folder.mkdir(parents=True)
    graph = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    graph = re.sub(r"python -m components\.(\w+)", r"python components/payload.py \1", graph)
    graph = re.sub(r"^ +- xstilts/.*\n", "", graph, flags=re.MULTILINE)
    (folder / "dvc.yaml").write_text(graph, encoding="utf-8")
    (folder / "components").mkdir()
    (folder / "components" / "payload.py").write_text(PAYLOAD, encoding="utf-8")
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    for name in (".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    studies = folder / "pipelines" / "studies"
    studies.mkdir(parents=True)
    (studies / "small.yaml").write_text(STUDY, encoding="utf-8")
    for name in ("xstilts/world/words", "xstilts/models/mini-encoder/weights"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("1", encoding="utf-8")
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    return folder


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """`xstilts ARGUMENTS` in the project, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "driver.py", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # The repository's code, although the project has folders of the same names
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def xstilts(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a command in the project."""
    process = start(folder, *arguments)
    output = process.communicate(timeout=300)[0]
    return process.returncode, output


def dvc(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def ran(folder: Path) -> list[str]:
    """The stages that ran since the last call, in alphabetical order."""
    path = folder / "ran"
    names = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return names


def results(folder: Path) -> dict[str, str]:
    """Digest of every file that stages have written."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("data", "models", "evaluations", "results")
        for path in sorted((folder / top).rglob("*"))
        if path.is_file() and path.parent != folder / top  # there lies the index, of no stage
    }


def at_work(folder: Path) -> list[psutil.Process]:
    """Living processes whose working folder is the project."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def stop(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> tuple[int, str]:
    """Send a signal to a runner; its exit code and output."""
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    return process.returncode, output

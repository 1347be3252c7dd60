"""The miniature study in a fresh clone, as `make run` runs it: stopped, killed, finished.

Takes minutes: the tests build on each other and share one clone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from xstilts.files import sha256

ROOT = Path(__file__).resolve().parents[2]
TRAINED = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa")


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone of what is committed here."""
    folder = tmp_path_factory.mktemp("mini") / "xstilts"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    bin_folder = str(Path(sys.executable).parent)
    return os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),  # the clone's code, not the installed one
        "OMP_NUM_THREADS": "1",  # as the runner has it: another number rounds differently
    }


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "xstilts.cli", *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path, *arguments: str) -> str:
    process = start(folder, *arguments)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    return output


def dvc(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["dvc", *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip


def at_work(folder: Path) -> list[psutil.Process]:
    """Processes that run in `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


def trainers(folder: Path) -> list[psutil.Process]:
    """Processes of stages; each of them may have ended by the time that it is looked at."""
    found = []
    for process in at_work(folder):
        with suppress(psutil.NoSuchProcess):
            if any(word.startswith("components.") for word in process.cmdline()):
                found.append(process)
    return found


def kill_one(folder: Path) -> bool:
    for process in trainers(folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            return True
    return False


def test_ctrl_c_leaves_nobody_behind(clone):
    runner = start(clone, "run", "mini")
    assert wait_until(lambda: trainers(clone), 120)
    os.kill(runner.pid, signal.SIGINT)
    assert "Stopped by SIGINT" in runner.communicate(timeout=60)[0]
    assert wait_until(lambda: not at_work(clone), 30)


def test_a_killed_stage_and_a_killed_runner_leave_nobody_behind(clone):
    runner = start(clone, "run", "mini")
    assert wait_until(lambda: kill_one(clone), 120)
    assert wait_until(lambda: trainers(clone), 120)
    runner.kill()
    runner.communicate()
    assert wait_until(lambda: not at_work(clone), 30)
    assert not (clone / "results" / "mini").exists()


def test_the_next_run_finishes(clone):
    output = finish(clone, "run", "mini")
    assert output.rstrip().endswith("results/mini/index.html")


@pytest.fixture(scope="module")
def board(clone) -> dict:
    path = clone / "results" / "mini" / "scores.json"
    assert path.is_file(), "the study did not finish"
    return json.loads(path.read_text())


def test_then_there_is_nothing_to_do(clone, board):
    assert board["study"] == "mini"
    assert "Nothing to do" in finish(clone, "run", "mini")
    assert "Data and pipelines are up to date" in dvc(clone, "repro")


def test_a_stage_that_runs_again_gives_the_same_weights_and_scores(clone, board):
    stage = "mini-encoder-none-panx-0"
    weights = [
        clone / "models" / "finetune" / stage / f"{n}.safetensors" for n in ("model", "head")
    ]
    before = [sha256(path) for path in weights]
    dvc(clone, "repro", "--single-item", "--force", f"finetune@{stage}")
    assert [sha256(path) for path in weights] == before
    finish(clone, "run", "mini")  # the stages behind it: its log of wall times is another one
    again = json.loads((clone / "results" / "mini" / "scores.json").read_text())
    assert again["cells"] == board["cells"]


def test_every_cell_of_the_grid_is_there(board):
    cells = {(c["model"], c["recipe"], c["target"], c["seed"]) for c in board["cells"]}
    recipes = {recipe for model, recipe, _, _ in cells if model == "mini-encoder"}
    targets = {target for _, _, target, _ in cells}
    assert len(recipes) >= 4
    assert len(targets) == 9
    assert {("mini-encoder", r, t, 0) for r in recipes for t in targets} <= cells
    assert {("mini-encoder-untrained", "none", t, 0) for t in targets} <= cells


def means(board: dict, model: str, target: str) -> tuple[float, float]:
    """English value and zero-shot mean of the baseline recipe."""
    values = {
        c["language"]: c["value"]
        for c in board["cells"]
        if (c["model"], c["recipe"], c["target"]) == (model, "none", target)
    }
    english = values.pop("en")
    return english, sum(values.values()) / len(values)


@pytest.mark.parametrize("target", TRAINED)
def test_no_score_is_a_shortcut(clone, board, target):
    """Ten points above the strongest shortcut in English, clearly above it elsewhere."""
    assert board["study"] == "mini"
    path = clone / "evaluations" / "mini" / f"shortcuts-{target}" / "scores.json"
    shortcuts = json.loads(path.read_text())
    english, zero_shot = means(board, "mini-encoder", target)
    for name, values in shortcuts["baselines"].items():
        others = [value for language, value in values.items() if language != "en"]
        assert english > values["en"] + 10, f"{name} in English"
        assert zero_shot > sum(others) / len(others) + 5, f"{name} in transfer"


def test_a_changed_learning_rate_runs_only_what_depends_on_it(clone, board):
    assert board["study"] == "mini"
    path, stage = clone / "params.yaml", "mini-encoder-none-panx-0"
    before = path.read_text()
    params = yaml.safe_load(before)
    params["finetune"][stage]["training"]["learning_rate"] /= 2
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    try:
        changed = set(json.loads(dvc(clone, "status", "--json")))
    finally:
        path.write_text(before)
    assert changed == {f"finetune@{stage}"}  # the stages behind it follow when it has run

"""Training in several processes that torchrun starts, and how they end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_entry import tiny_entry
from tiny_models import assert_same_weights

from xstilts.errors import UserError
from xstilts.models.checkpoint import load_model
from xstilts.training.run import run_training

LAUNCHER = """
import json, sys
from pathlib import Path
from xstilts.training.run import run_training
run_training(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
"""
PATIENCE = 120.0  # seconds


@pytest.fixture(autouse=True)
def _one_thread_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def _in_two_processes(entry: dict) -> dict:
    entry["training"] |= {"processes": 2, "zero_stage": 2}
    return entry


def test_two_processes_write_the_model_that_one_writes(tmp_path: Path):
    run_training(tiny_entry(tmp_path), tmp_path / "one")
    run_training(_in_two_processes(tiny_entry(tmp_path)), tmp_path / "two")
    (one, _), (two, _) = load_model(tmp_path / "one"), load_model(tmp_path / "two")
    assert_same_weights(two.state_dict(), one.state_dict())
    summary = json.loads((tmp_path / "two" / "training.json").read_text())
    assert (summary["world_size"], summary["zero_stage"]) == (2, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backbone", "data", "one", "two"]


def test_a_problem_that_the_processes_find_is_told_to_the_user(tmp_path: Path):
    entry = _in_two_processes(tiny_entry(tmp_path))
    weights = tmp_path / "backbone" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        run_training(entry, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backbone", "data"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills orphans")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_launched_it(tmp_path: Path, number: signal.Signals):
    entry = _in_two_processes(tiny_entry(tmp_path))
    entry["training"] |= {"epochs": 10_000, "evals": 10_000, "patience": 10_000}
    (tmp_path / "entry.json").write_text(json.dumps(entry))
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path / "entry.json"), str(tmp_path / "out")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        _wait_for(lambda: any(_evaluated(path) for path in tmp_path.glob(".out.*")))
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 3  # torchrun and two trainers
        process.send_signal(number)
        process.wait(PATIENCE)
        gone, alive = psutil.wait_procs(family, timeout=PATIENCE)
    finally:
        process.kill()
    assert not alive
    assert len(gone) == len(family)
    assert not (tmp_path / "out").exists()
    if number != signal.SIGKILL:
        assert not list(tmp_path.glob(".out.*"))


def _evaluated(folder: Path) -> bool:
    path = folder / "evals.csv"
    return path.exists() and len(path.read_text().splitlines()) > 2


def _wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "training did not start"
        time.sleep(0.1)

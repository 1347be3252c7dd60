"""Training in several processes that torchrun starts, and how they end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def test_two_nodes_write_the_model_that_one_writes(tmp_path: Path):
    run_training(tiny_entry(tmp_path), tmp_path / "one")
    (tmp_path / "entry.json").write_text(json.dumps(_in_two_processes(tiny_entry(tmp_path))))
    with _two_nodes(tmp_path) as nodes:
        codes = [node.wait(PATIENCE) for node in nodes]
    assert codes == [0, 0]
    (one, _), (two, _) = load_model(tmp_path / "one"), load_model(tmp_path / "node-0")
    assert_same_weights(two.state_dict(), one.state_dict())
    assert json.loads((tmp_path / "node-0" / "training.json").read_text())["world_size"] == 2
    assert not (tmp_path / "node-1").exists()  # the first node alone writes


def test_a_node_that_is_lost_ends_the_others(tmp_path: Path):
    entry = _in_two_processes(tiny_entry(tmp_path))
    entry["training"] |= {"epochs": 10_000, "evals": 10_000, "patience": 10_000}
    (tmp_path / "entry.json").write_text(json.dumps(entry))
    with _two_nodes(tmp_path) as (first, second):
        _wait_for(lambda: any(_evaluated(path) for path in tmp_path.glob(".node-0.*")))
        second.kill()
        assert first.wait(PATIENCE) not in (0, None)
    assert not (tmp_path / "node-0").exists()


def test_processes_that_the_nodes_cannot_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PET_NNODES", "3")
    with pytest.raises(UserError, match="2 processes cannot be shared evenly by 3 nodes"):
        run_training(_in_two_processes(tiny_entry(tmp_path)), tmp_path / "out")


@contextmanager
def _two_nodes(folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two nodes, as Kubeflow Trainer starts them, that train on what `folder` holds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"PET_NNODES": "2", "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port)}
    nodes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                LAUNCHER,
                str(folder / "entry.json"),
                str(folder / f"node-{rank}"),
            ],
            env=os.environ | where | {"PET_NODE_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    try:
        yield nodes
    finally:
        for node in nodes:
            node.kill()
            node.wait()


def _evaluated(folder: Path) -> bool:
    path = folder / "evals.csv"
    return path.exists() and len(path.read_text().splitlines()) > 2


def _wait_for(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "training did not start"
        time.sleep(0.1)

"""ZeRO stages and processes change where things are kept, never what is computed."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zero_worker
from tiny_models import assert_same_weights

from xstilts.files import read_json

HERE = Path(__file__).parent
pytestmark = pytest.mark.xdist_group("zero")  # what is run for all of them takes a minute


def trained(folder: Path, processes: int, *arguments: str) -> Path:
    """The folder, with one run in it for each of the worker's settings."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    script = [str(HERE / "zero_worker.py"), str(folder), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, *(torchrun if processes > 1 else []), *script]
    done = subprocess.run(
        command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module", params=["encoder", "mt5"])
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, Path]:
    """Folder of the four runs by number of processes."""
    return {
        processes: trained(tmp_path_factory.mktemp(f"zero{processes}"), processes, request.param)
        for processes in (1, 2)
    }


def _column(folder: Path, file: str, name: str) -> list[float]:
    with (folder / file).open() as stream:
        return [float(row[name]) for row in csv.DictReader(stream)]


def _assert_same_steps(folder: Path, reference: Path) -> None:
    losses = _column(folder, "steps.csv", "loss")
    assert len(losses) == zero_worker.STEPS
    np.testing.assert_allclose(losses, _column(reference, "steps.csv", "loss"), atol=1e-4)
    for name in ("lr", "tokens"):
        assert _column(folder, "steps.csv", name) == _column(reference, "steps.csv", name)
    norms = _column(folder, "steps.csv", "grad_norm")
    np.testing.assert_allclose(norms, _column(reference, "steps.csv", "grad_norm"), rtol=1e-3)
    assert _column(folder, "evals.csv", "score") == pytest.approx(
        _column(reference, "evals.csv", "score"), abs=1e-3
    )


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("stage", zero_worker.STAGES)
def test_all_stages_and_process_counts_give_the_same_steps(
    runs: dict[int, Path], processes: int, stage: int
):
    _assert_same_steps(runs[processes] / str(stage), runs[1] / "0")


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("stage", zero_worker.STAGES)
def test_all_stages_give_back_the_same_whole_weights(
    runs: dict[int, Path], processes: int, stage: int
):
    expected = torch.load(runs[1] / "0" / "weights.pt")
    weights = torch.load(runs[processes] / str(stage) / "weights.pt")
    assert_same_weights(weights, expected)


@pytest.mark.parametrize("name", ["offload", "adapters"])
def test_offload_and_adapters_of_two_processes_change_nothing_in_the_result(
    name: str, tmp_path: Path
):
    folder = trained(tmp_path, 2, "qwen", name)
    expected = torch.load(folder / "0" / "weights.pt")
    for run, settings in zero_worker.RUNS[name].items():
        _assert_same_steps(folder / run, folder / "0")
        assert_same_weights(torch.load(folder / run / "weights.pt"), expected)
        facts = read_json(folder / run / "summary.json")
        wanted = (settings["zero_stage"], settings.get("offload", "none"))
        assert (facts["zero_stage"], facts["offload"]) == wanted
        assert (facts["trained_parameters"] < facts["parameters"]) == (name == "adapters")

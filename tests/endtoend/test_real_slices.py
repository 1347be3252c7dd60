"""Real sentences of every XTREME task through the whole pipeline, from a mirror."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {"xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"}


@pytest.fixture(scope="module")
def board(tmp_path_factory, shared) -> dict:
    folder = tmp_path_factory.mktemp("real") / "xstilts"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
    }
    run = subprocess.run(
        [sys.executable, "-m", "xstilts.cli", "run", "real-slices", "--mirror", shared / "hub"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads((folder / "results" / "real-slices" / "scores.json").read_text())


def test_every_task_is_scored_in_several_languages(board):
    languages = {target: set() for target in TARGETS}
    for cell in board["cells"]:
        languages[cell["target"]].add(cell["language"])
        assert cell["n"] > 0
        assert 0 <= cell["value"] <= 100
    assert {"ar", "de", "en", "hi", "ru", "zh"} <= languages["xnli"]
    assert {"ar", "de", "en", "es", "hi", "ru", "tr"} <= languages["xquad"]
    assert {"ar", "de", "fr", "hi", "ka", "ru", "zh"} <= languages["tatoeba"]
    assert languages["bucc2018"] == {"zh"}


def test_no_row_of_the_mirror_is_skipped(board):
    n = {(c["target"], c["language"]): c["n"] for c in board["cells"] if c["recipe"] == "none"}
    assert n["xnli", "de"] == 2460
    assert n["xquad", "tr"] == 1190
    assert n["tatoeba", "ka"] == 746
    assert n["udpos", "tl"] == 54


def test_the_training_source_is_named(board):
    training = board["provenance"]["training"]["targets"]
    assert training["xnli"]["task"] == "snli"
    assert training["xquad"]["task"] == training["mlqa"]["task"] == "tydiqa"
    assert "validation" in training["pawsx"]["split"]

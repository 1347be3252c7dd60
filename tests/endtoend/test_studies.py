"""A small study of all three architectures in one of its profiles, run in a fresh clone.

Takes minutes. The studies of the project in their profile `mini` go the same way; each takes
longer than all other tests together.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
STUDY = {
    "name": "three",
    "question": "Do three architectures gain the same?",
    "asks": "models",
    "source": "hub",
    "models": ["xlm-roberta-base", "mt5-base", "xglm-564m"],
    "recipes": {"none": [], "mnli": ["mnli"], "stsb": ["stsb"]},
    "comparisons": [["mnli", "stsb"]],
    "baseline": "none",
    "targets": ["xnli", "udpos", "tatoeba"],
    "seeds": [0],
    "profiles": {
        "tiny": {
            "like": "phang2020-mini",
            "models": ["mini-encoder", "mini-encdec", "mini-decoder"],
            "sizes": {"train": 100, "dev": 20, "test": 20},
            "finetune": {"epochs": 1},
            "intermediate": {"epochs": 1},
        }
    },
}
MODELS = STUDY["profiles"]["tiny"]["models"]


def xstilts(folder: Path, *arguments: str) -> str:
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
    }
    run = subprocess.run(
        [sys.executable, "-m", "xstilts.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "xstilts"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    path = folder / "pipelines" / "studies" / "three.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False), encoding="utf-8")
    xstilts(folder, "run", "three", "--profile", "tiny")
    return folder


@pytest.fixture(scope="module")
def board(clone) -> dict:
    return json.loads((clone / "results" / "three-tiny" / "scores.json").read_text())


def test_every_model_is_scored_after_every_recipe(board):
    found = {(cell["model"], cell["recipe"], cell["target"]) for cell in board["cells"]}
    wanted = {(m, r, t) for m in MODELS for r in STUDY["recipes"] for t in STUDY["targets"]}
    assert found == wanted


def test_models_and_recipes_are_compared(board):
    means = {(own["model"], own["recipe"]): own["average"]["value"] for own in board["summary"]}
    pairs = {(own["model"], own["other"]) for own in board["statistics"]["models"]}
    assert len(pairs) == 3
    compared = [own for own in board["statistics"]["comparisons"] if own["of"] == "average"]
    assert [own["model"] for own in compared] == MODELS
    for own in compared:
        assert own["low"] < own["value"] < own["high"]
        difference = means[own["model"], "mnli"] - means[own["model"], "stsb"]
        assert own["value"] == pytest.approx(difference, abs=0.02)


def test_the_report_begins_with_what_the_study_asks(clone, board):
    said = " ".join(xstilts(clone, "report", "three", "--profile", "tiny").split())
    assert said.startswith(STUDY["question"])
    assert sum(name in board["answer"].split(". ")[0] for name in MODELS) > 1

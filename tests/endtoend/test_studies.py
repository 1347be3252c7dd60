"""A study of the project in its profile `mini`, and a small one of all three architectures.

Takes minutes: both are run in a fresh clone, as a user would.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "name": "three",
    "question": "Do three architectures gain the same?",
    "asks": "models",
    "source": "world",
    "models": ["mini-encoder", "mini-encdec", "mini-decoder"],
    "recipes": {"none": [], "mnli": ["mnli"]},
    "baseline": "none",
    "targets": ["xnli", "udpos", "xquad", "tatoeba"],
    "seeds": [0],
    "sizes": {"train": 200, "dev": 20, "test": 20},
    "training": {"precision": "bf16", "batch_size": 16, "epochs": 1, "learning_rate": 3e-4},
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "xstilts"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    return folder


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


def scores(folder: Path, study: str) -> dict:
    return json.loads((folder / "results" / study / "scores.json").read_text())


def test_syntax_is_compared_with_semantics(clone):
    xstilts(clone, "run", "syntax-semantics", "--profile", "mini")
    board = scores(clone, "syntax-semantics-mini")
    assert board["asks"] == "comparisons"
    assert {cell["seed"] for cell in board["cells"]} == {0, 1, 2}
    assert {cell["recipe"] for cell in board["cells"]} == {
        "none", "parsing", "tagging", "ccg", "stsb", "qqp", "pawsx",
    }  # fmt: skip
    own = board["statistics"]["comparisons"][0]
    assert (own["first"], own["second"]) == ("syntax", "semantics")
    assert own["low"] < own["value"] < own["high"]
    means = {record["recipe"]: record["average"]["value"] for record in board["summary"]}
    first, second = (
        sum(means[name] for name in names) / 3
        for names in (("parsing", "tagging", "ccg"), ("stsb", "qqp", "pawsx"))
    )
    assert own["value"] == pytest.approx(first - second, abs=0.02)
    said = xstilts(clone, "report", "syntax-semantics", "--profile", "mini").splitlines()
    assert said[0] == board["question"]
    assert "syntax" in said[1]
    assert "semantics" in said[1]


def test_three_architectures_in_one_study(clone):
    path = clone / "pipelines" / "studies" / "three.yaml"
    path.write_text(yaml.safe_dump(SMALL, sort_keys=False), encoding="utf-8")
    xstilts(clone, "run", "three")
    board = scores(clone, "three")
    found = {(cell["model"], cell["recipe"], cell["target"]) for cell in board["cells"]}
    assert len(found) == len(SMALL["models"]) * len(SMALL["recipes"]) * len(SMALL["targets"])
    pairs = {(own["model"], own["other"]) for own in board["statistics"]["models"]}
    assert len(pairs) == 3
    assert board["answer"].split(". ")[0].count("mini-") > 1

"""Retraining in containers: what did not change costs nothing, new data run what depends on them.

The study reads a folder that DVC tracks, as a schedule's would: a run gets its revision, and has
nothing else of it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import mirrors
import pytest
from local_runs import clone, do, outcomes, read, run, runs, status

from xstilts.store import fragments, objects
from xstilts.store.location import Location
from xstilts.study.params import read_params
from xstilts.study.plan import descendants, stages

MIRROR = "data-mirror"
CHAMPION = "transfer"
STUDY = f"""\
name: smoke
question: What does it take to train again?
source: {{kind: mirror, path: {MIRROR}}}
models: [mini-encoder]
controls: []
recipes:
  none: []
  mnli: [mnli]
baseline: none
targets: [panx]
languages: [en, de]
seeds: [0]
training: {{precision: fp32, batch_size: 16, epochs: 1, evals: 1}}
"""
SIZES = {"train": 64, "dev": 24, "test": 48}


@dataclass(frozen=True)
class Retraining:
    """A clone with its study, and the folders of three runs: first, equal data, new data."""

    clone: Path
    first: Location
    equal: Location
    changed: Location


@pytest.fixture(scope="module")
def retraining(image, s3, tmp_path_factory):
    """Three runs of a study that challenge a champion; the last one on other training data."""
    folder = clone(tmp_path_factory.mktemp("retraining") / "checkout")
    store = s3.store("retraining")
    study = folder / "pipelines" / "studies" / "smoke.yaml"
    study.write_text(STUDY, encoding="utf-8")
    for task, lang in (("mnli", "en"), ("panx", "en"), ("panx", "de")):
        mirrors.of_world(folder / MIRROR, task, lang, sizes(task))
    do(folder, "xstilts.cli", "study", "use", "smoke")
    do(folder, "xstilts.cli", "store", "use", str(store))
    found = []
    for seed in (0, 0, 1):
        mirrors.of_world(folder / MIRROR, "panx", "en", {"train": SIZES["train"]}, seed)
        do(folder, "dvc", "add", MIRROR)
        do(folder, "dvc", "push", f"{MIRROR}.dvc")
        code, output = run(image, store, str(study), root=folder, champion=CHAMPION)
        assert code == 0, output
        found.append(runs(store)[-1])
    return Retraining(folder, *found)


def sizes(task):
    return {split: size for split, size in SIZES.items() if (task, split) != ("mnli", "test")}


@pytest.fixture
def plan(retraining):
    return stages(read_params(retraining.clone / "params.yaml"))


def decision(folder):
    return fragments.read_receipts(folder)["publish"]["champion"]


def test_the_first_run_trains_and_becomes_champion(retraining, plan):
    assert outcomes(retraining.first) == {stage.name: "ran" for stage in plan}
    assert decision(retraining.first)["promoted"]
    assert status(retraining.first)["state"] == "complete"


def test_equal_data_run_nothing_and_are_no_better(retraining, plan):
    assert outcomes(retraining.equal) == {"publish": "store"}
    counts = {"store": len(plan), "missing": 0, "failed": 0}
    assert status(retraining.equal)["counts"] == counts
    found = decision(retraining.equal)
    assert not found["promoted"]
    assert found["reason"]
    assert objects.read(retraining.equal, fragments.RESULTS, "index.html")  # and are published


def test_new_data_run_exactly_what_depends_on_them(retraining, plan):
    assert fragments.read_data(retraining.changed) != fragments.read_data(retraining.equal)
    depends = descendants(plan, ["prepare@panx"])
    assert outcomes(retraining.changed) == dict.fromkeys(depends, "ran")
    assert {stage.name for stage in plan} - depends == {
        "prepare@mnli", "backbone@mini-encoder", "intermediate@mini-encoder-mnli-0",
    }  # fmt: skip
    assert decision(retraining.changed)["reason"]
    before, after = (scores(folder) for folder in (retraining.equal, retraining.changed))
    assert before["curves"] != after["curves"]


def scores(folder):
    return json.loads(objects.read(folder, fragments.RESULTS, "scores.json"))


def test_a_laptop_has_nothing_left_to_do(retraining):
    """Keys agree: what was made in containers is what this clone would make."""
    do(retraining.clone, "dvc", "fetch", "--run-cache")
    output = do(retraining.clone, "dvc", "repro", "--pull")
    assert "Running stage" not in output


def test_a_run_says_which_data_it_read(retraining):
    (found,) = fragments.read_data(retraining.changed).values()
    text = (retraining.clone / f"{MIRROR}.dvc").read_text(encoding="utf-8")
    assert found["md5"] in text
    assert read(retraining.changed, "revision")

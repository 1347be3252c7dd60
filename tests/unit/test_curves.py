"""Learning curves: few points, true ones, and all the way into scores.json."""

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_study import evaluations, write_study
from tiny_entry import tiny_entry

from xstilts.files import read_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.trainings import all_trainings, curves
from xstilts.training.curve import EVALUATIONS, LOSSES, curve, read_curve
from xstilts.training.run import run_training

SCORE = st.floats(0, 100, allow_nan=False)


@given(st.lists(st.floats(0, 10), max_size=400), st.data())
def test_a_curve_is_short_and_holds_all_losses(losses, data):
    steps = sorted(data.draw(st.sets(st.integers(1, max(1, len(losses))))) if losses else [])
    scores = [(step, data.draw(SCORE)) for step in steps]
    points = curve(losses, scores)
    assert len(points) <= LOSSES + EVALUATIONS
    found = [point["step"] for point in points]
    assert found == sorted(set(found))
    assert found[-1:] == ([len(losses)] if losses else [])
    widths = [step - before for before, step in zip([0, *found], found, strict=False)]
    total = sum(p["loss"] * width for p, width in zip(points, widths, strict=True))
    assert total == pytest.approx(sum(losses), abs=1e-2)
    kept = {point["step"]: point["dev"] for point in points if point["dev"] is not None}
    assert kept.items() <= {(step, round(score, 4)) for step, score in scores}
    if scores:
        assert max(kept.values()) == round(max(score for _, score in scores), 4)
        assert len(kept) >= min(len(scores), EVALUATIONS - 1)


def test_a_short_run_has_a_point_per_step():
    assert curve([3.0, 1.0], [(2, 50.0)]) == [
        {"step": 1, "loss": 3.0, "dev": None}, {"step": 2, "loss": 1.0, "dev": 50.0},
    ]  # fmt: skip
    assert curve([], []) == []


def test_the_first_of_the_best_evaluations_is_kept():
    scores = [(step, 90.0 if step in (7, 8) else 10.0) for step in range(1, 200)]
    dev = {point["step"]: point["dev"] for point in curve([1.0] * 200, scores)}
    assert dev[7] == 90.0


def test_training_writes_its_curve_and_device(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = tiny_entry(tmp_path)
    run_training(entry, Path("model"))
    found = read_json(Path("model/training.json"))
    assert found["curve"] == read_curve(Path("model"))
    assert found["curve"][-1]["step"] == found["steps"]
    assert max(p["dev"] for p in found["curve"] if p["dev"] is not None) == pytest.approx(
        found["dev_score"], abs=1e-4
    )
    assert found["device"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    recipes = {"none": [], "mixed": ["mnli", "squad"]}
    params = write_study(
        root,
        lambda *_: 0.5,
        recipes=recipes,
        targets=("xquad", "mlqa", "tatoeba"),
        seeds=(0, 1),
        controls=(),
        items=4,
    )
    return params["study"], read_cells(params, evaluations(root))


def test_every_training_has_one_curve(study):
    """One model serves XQuAD and MLQA; Tatoeba needs none."""
    header, cells = study
    found = curves(header, cells)
    named = [(c["phase"], c["model"], c["recipe"], c["task"], c["seed"]) for c in found]
    assert named == [
        ("intermediate", "mini", "mixed", "mixed", 0),
        ("intermediate", "mini", "mixed", "mixed", 1),
        *[("finetune", "mini", recipe, "squad", seed)
          for recipe in ("none", "mixed") for seed in (0, 1)],
    ]  # fmt: skip
    assert found[0]["points"] == cells[-1].training["curve"]
    assert found[0]["best_step"] == 60


def test_a_mixture_of_metrics_has_no_metric(study):
    metrics = {curve["task"]: curve["metric"] for curve in curves(*study)}
    assert metrics == {"mixed": None, "squad": "squad"}


def test_an_older_training_has_no_curve(study):
    header, cells = copy.deepcopy(study)
    for own in all_trainings(header, cells):
        own.record.pop("curve")
    assert curves(header, cells) == []

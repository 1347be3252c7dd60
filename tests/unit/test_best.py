"""The best recipe per target: chosen on dev scores alone, tested on test scores."""

from dataclasses import replace

import boards
import pytest
from synthetic_study import evaluations, write_study

from xstilts.publish.board.best import best_records, best_sentences
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.statistics import _resampled

RECIPES = {"none": [], "mnli": ["mnli"], "squad": ["squad"]}
TARGETS = ("xnli", "panx", "tatoeba")
TEST = {("mnli", "xnli"): 0.9, ("squad", "panx"): 0.8}  # all others: 0.4


def _accuracy(model, recipe, task, language, seed):
    del model, language, seed
    return TEST.get((recipe, task), 0.4)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root, _accuracy, recipes=RECIPES, targets=TARGETS, seeds=(0, 1), controls=(), items=60
    )
    cells = read_cells(params, evaluations(root))
    return params["study"], cells, _resampled(cells, TARGETS)


def _with_dev(cells, dev):
    """The cells with the dev scores `dev[recipe, target][seed]`; 50 where there is none."""
    return [
        replace(
            cell,
            training=(cell.training or {})
            | {"dev_score": dev.get((cell.recipe, cell.target), (50, 50))[cell.seed]},
        )
        for cell in cells
    ]


def _best(study, dev):
    header, cells, resampled = study
    return best_records(header, _with_dev(cells, dev), resampled)


def test_the_choice_follows_the_mean_dev_score_and_the_value_the_test_scores(study):
    dev = {
        ("mnli", "xnli"): (60, 60),
        ("squad", "xnli"): (90, 20),  # the best seed, not the best mean
        ("none", "panx"): (70, 70),
        ("squad", "panx"): (69, 70),  # better in the test, which nobody may look at
    }
    (own,) = _best(study, dev)
    assert own["recipes"] == {"xnli": "mnli", "panx": "none"}
    assert (own["tasks"], own["left_out"]) == (["xnli", "panx"], ["tatoeba"])
    points = {
        recipe: [cell.value for cell in study[1] if (cell.recipe, cell.target) == (recipe, "xnli")]
        for recipe in ("mnli", "none")
    }
    gain = sum(points["mnli"]) / 2 - sum(points["none"]) / 2
    assert own["value"] == pytest.approx(gain / 2)  # panx adds nothing
    assert (own["direction"], own["p_holm"]) == (1, own["p"])
    assert own["low"] < own["value"] < own["high"]


def test_of_equals_the_baseline_goes_first_then_the_order_of_the_study(study):
    header, cells, resampled = study
    (own,) = _best(study, {})
    assert set(own["recipes"].values()) == {"none"}
    assert (own["value"], own["low"], own["high"], own["p"]) == (0, 0, 0, 1)
    last = header | {"recipes": dict(reversed(RECIPES.items()))}
    found = best_records(last, _with_dev(cells, {}), resampled)[0]["recipes"]
    assert found == {"xnli": "none", "panx": "none"}
    tied = {("mnli", "xnli"): (60, 60), ("squad", "xnli"): (60, 60)}
    assert _best(study, tied)[0]["recipes"]["xnli"] == "mnli"


def test_a_target_that_one_recipe_has_no_dev_score_for_is_left_out(study):
    (own,) = _best(study, {("squad", "xnli"): (None, None), ("squad", "panx"): (80, 80)})
    assert own["recipes"] == {"panx": "squad"}
    assert own["left_out"] == ["xnli", "tatoeba"]
    nowhere = {(recipe, task): (None, None) for recipe in RECIPES for task in TARGETS}
    assert _best(study, nowhere) == []


def _record(low, high, model="m", left_out=("tatoeba",), **recipes):
    recipes = recipes or {"xnli": "mnli", "pawsx": "mnli", "panx": "none"}
    own = {"model": model, "recipes": recipes, "tasks": list(recipes), "left_out": list(left_out)}
    return own | boards.interval(low, high)


CHOICE = "mnli for xnli and pawsx; no intermediate training for panx"


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (
            (1, 3),
            f"Choosing by English dev scores ({CHOICE}) gains 2.0 points on the mean of 3 targets "
            "(95 % interval 1.0 to 3.0); tatoeba has no English dev data to choose by.",
        ),
        (
            (-3, -1),
            f"Choosing by English dev scores ({CHOICE}) loses 2.0 points on the mean of 3 targets "
            "(95 % interval −3.0 to −1.0); tatoeba has no English dev data to choose by.",
        ),
        (
            (-1, 2),
            f"No evidence that choosing by English dev scores ({CHOICE}) changes the mean of 3 "
            "targets (+0.5; 95 % interval −1.0 to 2.0); tatoeba has no English dev data to choose "
            "by.",
        ),
    ],
)
def test_the_sentence_claims_what_the_interval_does(ends, expected):
    assert best_sentences([_record(*ends)]) == [expected]


def test_the_sentence_with_several_models_and_one_target():
    records = [
        _record(1, 3, model="a", left_out=("bucc2018", "tatoeba"), xnli="mnli"),
        _record(-1, 3, model="b", left_out=(), xnli="none"),
    ]
    assert best_sentences(records) == [
        "With a, choosing by English dev scores (mnli for xnli) gains 2.0 points on one target "
        "(95 % interval 1.0 to 3.0); bucc2018 and tatoeba have no English dev data to choose by.",
        "With b, no evidence that choosing by English dev scores (no intermediate training for "
        "xnli) changes one target (+1.0; 95 % interval −1.0 to 3.0).",
    ]


def test_the_sentence_where_nothing_beats_the_baseline():
    own = _record(0, 0, left_out=(), xnli="none", panx="none")
    assert best_sentences([own]) == [
        "By English dev scores no intermediate training for xnli and panx is best, so that "
        "choosing changes nothing."
    ]

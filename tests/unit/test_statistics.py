"""The paired hierarchical bootstrap: exact where it must be, honest where it estimates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.evaluation.item_table import item_table
from xstilts.study.statistics.compare import REPLICATES, deltas, gains, resample
from xstilts.study.statistics.sample import Block, TaskSample, task_sample

RECIPES = ("none", "mnli")


def compare(samples, baseline, means, *, replicates=REPLICATES, seed=0):
    resampled = resample(samples, replicates=replicates, seed=seed)
    (other,) = (name for name in RECIPES if name != baseline)
    return {other: deltas(gains(resampled, other, baseline), means, resampled.levels)}


def _accuracy_sample(correct, *, parallel=False, recipes=RECIPES):
    """`correct`: (languages, items, recipes, seeds) of 0/1."""
    sums = np.stack([np.ones_like(correct), correct], axis=-1).astype(float)
    names = [f"l{index}" for index in range(len(correct))]
    if parallel:
        blocks = (Block(tuple(names), np.moveaxis(sums, 0, 1)),)
    else:
        blocks = tuple(Block((name,), one[:, None]) for name, one in zip(names, sums, strict=True))
    return TaskSample("accuracy", recipes, tuple(range(correct.shape[3])), blocks)


def _simulated(rng, *, languages=8, items=80, seeds=1, by_language=0.0, by_seed=0.0, shared=0.0):
    """A true effect of 5 points that varies by language, by seed and by (parallel) item."""
    effect = 0.05 + rng.normal(0, by_language, (languages, 1, 1))
    effect = effect + rng.normal(0, by_seed, (1, 1, seeds)) + rng.normal(0, shared, (1, items, 1))
    chance = np.stack([np.full_like(effect, 0.5), 0.5 + effect], axis=2)
    chance = np.broadcast_to(chance, (languages, items, 2, seeds))
    correct = rng.random((languages, items, 2, seeds)) < chance
    return _accuracy_sample(correct, parallel=shared > 0)


@pytest.mark.parametrize(
    "world",
    [
        {},
        {"by_language": 0.06},
        {"by_language": 0.04, "seeds": 5, "by_seed": 0.03},
        {"shared": 0.3},
    ],
    ids=["items only", "languages differ", "languages and seeds differ", "parallel items"],
)
def test_interval_covers_the_truth_about_as_often_as_it_says(world):
    rng = np.random.default_rng(7)
    intervals = []
    for _ in range(120):
        sample = _simulated(rng, **world)
        interval = compare({"t": sample}, "none", {}, replicates=300)["mnli"]["t"]
        intervals.append((interval.low, interval.value, interval.high))
    low, value, high = np.array(intervals).T
    covered = np.mean((low <= 5) & (high >= 5))
    assert 0.89 <= covered <= 0.99
    # and not by being needlessly wide: the widths fit how much the estimate really varies
    assert np.mean(high - low) / 3.92 == pytest.approx(np.std(value), rel=0.25)


def test_parallel_items_drawn_apart_would_claim_too_much():
    rng = np.random.default_rng(3)
    correct = (rng.random((1, 100, 2, 1)) < 0.5).repeat(6, axis=0)  # six copies of one language
    together = compare({"t": _accuracy_sample(correct, parallel=True)}, "none", {})["mnli"]["t"]
    apart = compare({"t": _accuracy_sample(correct)}, "none", {})["mnli"]["t"]
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_identical_recipes_differ_by_exactly_nothing():
    rng = np.random.default_rng(0)
    correct = (rng.random((5, 30, 1, 3)) < 0.6).repeat(2, axis=2)
    interval = compare({"t": _accuracy_sample(correct)}, "none", {})["mnli"]["t"]
    assert (interval.value, interval.low, interval.high) == (0, 0, 0)
    assert interval.direction == 0
    assert interval.levels == ("items", "languages", "seeds")


def test_a_constant_gain_has_no_spread_but_the_items():
    correct = np.zeros((4, 50, 2, 1))
    correct[:, :, 1] = 1
    interval = compare({"t": _accuracy_sample(correct)}, "none", {})["mnli"]["t"]
    assert (interval.value, interval.low, interval.high) == (100, 100, 100)
    assert interval.direction == 1


def test_same_arguments_give_the_same_interval_and_another_seed_another():
    sample = {"t": _simulated(np.random.default_rng(1))}
    first = compare(sample, "none", {}, replicates=300)
    assert first == compare(sample, "none", {}, replicates=300)
    assert first != compare(sample, "none", {}, replicates=300, seed=1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_exchanging_the_recipes_exchanges_the_signs(seed):
    sample = {"t": _simulated(np.random.default_rng(seed), items=20, seeds=2)}
    forward = compare(sample, "none", {}, replicates=100)["mnli"]["t"]
    backward = compare(sample, "mnli", {}, replicates=100)["none"]["t"]
    assert forward.value == pytest.approx(-backward.value)
    assert forward.low == pytest.approx(-backward.high)
    assert forward.high == pytest.approx(-backward.low)


def test_a_mean_over_tasks_is_the_mean_of_their_differences_and_narrower():
    rng, wide, narrow = np.random.default_rng(2), [], []
    for _ in range(12):
        samples = {name: _simulated(rng, by_language=0.02) for name in "abcd"}
        found = compare(samples, "none", {"average": list("abcd")}, replicates=500)["mnli"]
        average = found.pop("average")
        assert average.value == pytest.approx(np.mean([own.value for own in found.values()]))
        wide += [own.high - own.low for own in found.values()]
        narrow.append(average.high - average.low)
    assert np.mean(narrow) == pytest.approx(np.mean(wide) / 2, rel=0.2)


@pytest.mark.parametrize(
    ("languages", "seeds", "levels"),
    [
        (1, 1, ("items",)),
        (3, 1, ("items", "languages")),
        (1, 2, ("items", "seeds")),
        (3, 2, ("items", "languages", "seeds")),
    ],
)
def test_levels_say_what_was_resampled(languages, seeds, levels):
    sample = _simulated(np.random.default_rng(0), languages=languages, seeds=seeds)
    assert compare({"t": sample}, "none", {}, replicates=50)["mnli"]["t"].levels == levels


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(5)
    steady = compare({"t": _simulated(rng, seeds=4)}, "none", {})["mnli"]["t"]
    shaky = compare({"t": _simulated(rng, seeds=4, by_seed=0.2)}, "none", {})["mnli"]["t"]
    assert shaky.high - shaky.low > 2 * (steady.high - steady.low)


def _items(values, prefix=""):
    items = [{"id": f"{prefix}{i}", "correct": float(v)} for i, v in enumerate(values)]
    return item_table("accuracy", items)


def test_items_become_official_scores_per_language_recipe_and_seed():
    counts = [(2, 3, 4), (1, 1, 2), (0, 2, 1)]
    items = [
        {"id": str(i), "correct": 0.0, "tp": tp, "pred": pred, "gold": gold}
        for i, (tp, pred, gold) in enumerate(counts)
    ]
    perfect = [dict(item, tp=item["gold"], pred=item["gold"]) for item in items]
    tables = [{"de": item_table("mining_f1", own)} for own in (items, perfect)]
    runs = {("none", 4): tables[0], ("mnli", 4): tables[1]}
    sample = task_sample("mining_f1", runs)
    assert sample.languages == ("de",)
    assert sample.seeds == (4,)
    assert sample.point() == pytest.approx(np.array([[[100 * 2 * 3 / 13], [100]]]))


def test_languages_with_the_same_ids_share_a_block_and_others_do_not():
    run = {"de": _items([1, 0]), "zh": _items([0, 0]), "sw": _items([1, 1], prefix="sw-")}
    sample = task_sample("accuracy", {("none", 0): run, ("mnli", 0): run})
    assert [block.languages for block in sample.blocks] == [("de", "zh"), ("sw",)]
    assert dict(zip(sample.languages, sample.point()[:, 0, 0], strict=True)) == {
        "de": 50,
        "zh": 0,
        "sw": 100,
    }


@pytest.mark.parametrize(
    "other", [{"de": _items([1, 0, 1])}, {"de": _items([1, 0], prefix="x")}, {}]
)
def test_runs_on_different_items_are_refused(other):
    with pytest.raises(UserError, match="'de' items differ between runs"):
        task_sample("accuracy", {("none", 0): {"de": _items([1, 0])}, ("mnli", 0): other})

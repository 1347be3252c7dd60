"""Items, languages and seeds: what a draw does, and how often intervals hold the truth."""

import numpy as np
import pytest
import scipy.stats

from xstilts.evaluation.metrics import value_from_sums, value_of_items
from xstilts.study.statistics.compare import resample
from xstilts.study.statistics.contrast import compared, contrast, mean_of, term
from xstilts.study.statistics.items import item_counts, resampled_scores
from xstilts.study.statistics.levels import draw_levels
from xstilts.study.statistics.sample import Block, TaskSample

LANGUAGES = tuple("abcdefghijklmnop")


def _counted_sample(rng, items, metric="entity_f1"):
    """Two recipes, three seeds, two languages; every item is distinct if there are many runs."""
    shape = items, 2, 2, 3
    gold = np.broadcast_to(rng.integers(0, 4, (items, 2, 1, 1)), shape)
    hits = rng.binomial(gold, 0.7)
    columns = np.ones(shape), hits, hits + rng.integers(0, 2, shape), gold
    return TaskSample(metric, ("none", "r"), (0, 1, 2), (Block(("x", "y"), np.stack(columns, -1)),))


@pytest.mark.parametrize("items", [60, 900], ids=["multinomial", "Poisson"])
def test_every_replicate_is_scored_on_its_own_items(items):
    sample = _counted_sample(np.random.default_rng(4), items)
    found = resampled_scores(sample, 50, np.random.default_rng(5))
    sums = sample.blocks[0].sums
    distinct, first, times = np.unique(
        sums.reshape(items, -1), axis=0, return_index=True, return_counts=True
    )
    order = np.argsort(first)  # as they come
    counts = item_counts(times[order], 50, np.random.default_rng(5)).astype(float)
    expected = value_of_items("entity_f1", distinct[order].reshape(-1, *sums.shape[1:]), counts)
    assert found == pytest.approx(expected.transpose(2, 1, 3, 0), rel=1e-5)
    one = counts[0] @ distinct[order].reshape(-1, 2, 2, 3, 4)[:, 1, 0, 2]
    assert found[0, 1, 2, 0] == pytest.approx(value_from_sums("entity_f1", one), rel=1e-5)


def test_few_items_are_drawn_as_many_times_as_there_are():
    counts = item_counts(np.array([3, 1, 6]), 500, np.random.default_rng(0))
    assert set(counts.sum(axis=1)) == {10}
    assert counts.mean(axis=0) == pytest.approx([3, 1, 6], rel=0.1)


def test_many_items_are_each_drawn_a_poisson_number_of_times():
    times = np.array([1] * 300 + [7] * 5)
    counts = item_counts(times, 4001, np.random.default_rng(0))
    assert counts[:, :300].mean() == pytest.approx(1, abs=0.01)
    assert counts[:, :300].var() == pytest.approx(1, abs=0.01)
    assert np.mean(counts[:, :300] == 0) == pytest.approx(np.exp(-1), abs=0.002)
    assert counts[:, 300:].mean(axis=0) == pytest.approx([7] * 5, rel=0.05)
    neighbours = np.corrcoef(counts[:, :8].T)
    assert np.abs(neighbours - np.eye(8)).max() < 0.07


@pytest.mark.parametrize("items", [150, 3000])
def test_one_language_and_seed_give_the_interval_of_scipy(items):
    rng = np.random.default_rng(1)
    correct = rng.random((items, 1, 2, 1)) < np.array([0.6, 0.7])[:, None]
    noise = rng.random(correct.shape) * 1e-9  # so that no two items are alike
    sums = np.stack([np.ones(correct.shape), correct + noise], axis=-1)
    sample = TaskSample("accuracy", ("none", "r"), (0,), (Block(("en",), sums),))
    resampled = resample({"t": sample}, replicates=4000)
    found = compared([resampled.tasks["t"].difference("r", "none")], resampled.levels)
    expected = scipy.stats.bootstrap(
        (correct[:, 0, 1, 0].astype(float), correct[:, 0, 0, 0].astype(float)),
        lambda one, two, axis: 100 * (one.mean(axis=axis) - two.mean(axis=axis)),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(2),
    )
    ends = expected.confidence_interval
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=1.0)
    assert found.levels == ("items",)


def _term(delta, noise=0.0, replicates=1000, rng=None):
    """A term with independent noise of that standard deviation in every language and seed."""
    shape = (*delta.shape, replicates)
    draws = np.zeros(shape) if rng is None else rng.normal(0, noise, shape)
    languages, seeds = delta.shape
    return term(delta, draws.astype(np.float32), LANGUAGES[:languages], range(seeds))


@pytest.mark.parametrize("shape", [(3, 1), (4, 1), (1, 3), (1, 5)])
def test_one_level_alone_gives_students_interval_and_p(shape):
    delta = np.random.default_rng(8).normal(1.5, 1, shape)
    levels = draw_levels(LANGUAGES, range(5), 60_000, np.random.default_rng(0))
    found = compared([_term(delta, replicates=60_000)], levels)
    expected = scipy.stats.ttest_1samp(delta.ravel(), 0)
    ends = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), rel=0.05, abs=0.05)
    assert found.p == pytest.approx(expected.pvalue, rel=0.08, abs=0.001)


def test_a_mean_over_tasks_with_the_same_languages_is_students_too():
    rng = np.random.default_rng(3)
    tasks = [rng.normal(1, 1, (5, 1)) for _ in range(4)]
    levels = draw_levels(LANGUAGES, [0], 40_000, rng)
    found = compared(mean_of([_term(delta, replicates=40_000) for delta in tasks]), levels)
    ends = scipy.stats.ttest_1samp(np.mean(tasks, axis=0).ravel(), 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.05)


def test_what_the_items_explain_is_not_counted_again():
    rng = np.random.default_rng(11)
    variances = []
    for _ in range(200):
        levels = draw_levels(LANGUAGES, [0], 1000, rng)
        _, draws = contrast([_term(rng.normal(0, 1, (12, 1)), 1.0, rng=rng)], levels)
        variances.append(draws.var())
    assert 1 / 12 < np.mean(variances) < 1.5 / 12  # 2 / 12 if it were


@pytest.mark.parametrize(
    ("languages", "seeds", "spreads"),
    [
        (4, 1, (1.0, 0.0, 0.0)),
        (15, 1, (2.0, 0.0, 0.0)),
        (4, 3, (1.0, 0.7, 0.3)),
        (8, 3, (0.7, 1.0, 0.3)),
        (15, 5, (1.0, 0.5, 0.5)),
    ],
)
def test_intervals_hold_the_truth_as_often_as_they_say(languages, seeds, spreads):
    rng = np.random.default_rng([languages, seeds])
    noise, studies, replicates, held = 0.5, 500, 800, 0
    shapes = (languages, 1), (1, seeds), (languages, seeds)
    for _ in range(studies):
        own = [rng.normal(0, spread, shape) for spread, shape in zip(spreads, shapes, strict=True)]
        delta = 3 + sum(own) + rng.normal(0, noise, (languages, seeds))
        levels = draw_levels(LANGUAGES, range(seeds), replicates, rng)
        found = compared([_term(delta, noise, replicates, rng)], levels)
        held += found.low <= 3 <= found.high
    assert 0.91 <= held / studies <= 0.98  # 0.95 within what 500 studies can tell

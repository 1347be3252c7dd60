"""Corrections, differences of differences, rankings and the note on power."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from xstilts.study.statistics import agreement
from xstilts.study.statistics.agreement import kendall_w, permutation_p
from xstilts.study.statistics.compare import gains, resample
from xstilts.study.statistics.contrast import mean_of, term
from xstilts.study.statistics.difference import between_languages, difference
from xstilts.study.statistics.hierarchy import hierarchy, judges_by_group, judges_by_task
from xstilts.study.statistics.holm import holm
from xstilts.study.statistics.interval import interval, two_sided_p
from xstilts.study.statistics.power import power_note, sentence
from xstilts.study.statistics.sample import Block, TaskSample


def test_holm_by_hand():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert list(found) == ["a", "b", "c", "d"]
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm({}) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_p_nor_changes_their_order(values):
    found = list(holm(dict(enumerate(values))).values())
    assert all(
        p <= own <= min(1, p * len(values)) + 1e-12 for p, own in zip(values, found, strict=True)
    )
    assert [found[i] for i in np.argsort(values, kind="stable")] == sorted(found)


def test_p_is_twice_the_share_beyond_zero_and_never_zero():
    assert two_sided_p(np.ones(999)) == pytest.approx(2 / 1000)
    assert two_sided_p(np.append(np.ones(989), -np.ones(10))) == pytest.approx(22 / 1000)
    assert two_sided_p(np.zeros(99)) == 1
    assert two_sided_p(np.array([-1.0, 1.0])) == 1


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_p_and_interval_agree_about_zero(seed, mean):
    draws = np.random.default_rng(seed).normal(mean, 1, 2000)
    found = interval(mean, draws, ())
    if abs(found.p - 0.05) > 0.005:
        assert (found.p < 0.05) == (found.direction != 0)


def _study(effects, *, languages=("de", "fi", "sw", "tr"), items=300, seeds=2, seed=0):
    """Two models' accuracy on one task; `effects[run]` is its chance by language, in points."""
    rng = np.random.default_rng(seed)
    runs = tuple(effects)
    chance = np.array([np.broadcast_to(effects[run], len(languages)) for run in runs]) / 100
    shape = items, len(languages), len(runs), seeds
    ease = rng.random((items, len(languages), 1, 1))
    correct = ease < chance.T[None, :, :, None] + rng.normal(0, 0.01, shape)
    sums = np.stack([np.ones(shape), correct], axis=-1)
    blocks = tuple(Block((name,), sums[:, [place]]) for place, name in enumerate(languages))
    return TaskSample("accuracy", runs, tuple(range(seeds)), blocks)


def _between(sample, one, other):
    resampled = resample({"t": sample}, replicates=1000)
    sides = [list(gains(resampled, *runs).values()) for runs in (one, other)]
    return difference(*sides, resampled.levels)


A, A0, B, B0 = ("a", "r"), ("a", "none"), ("b", "r"), ("b", "none")


def test_equal_gains_do_not_differ_at_all():
    sample = _study({A0: 50, A: 60})
    found = _between(sample, (A, A0), (A, A0))
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_gain_that_one_model_lacks_is_found_in_both_directions():
    sample = _study({A0: 50, A: 65, B0: 50, B: 52})
    forward, backward = _between(sample, (A, A0), (B, B0)), _between(sample, (B, B0), (A, A0))
    assert forward.direction == 1
    assert forward.p < 0.05
    assert 8 < forward.value < 18
    assert (backward.value, backward.low, backward.high) == pytest.approx(
        (-forward.value, -forward.high, -forward.low)
    )
    assert forward.levels == ("items", "languages", "seeds")


def test_what_both_models_share_cancels():
    """Languages in which a recipe does better for every model are no noise between models."""
    by_language = np.array([50, 60, 70, 80])
    sample = _study({A0: 50, A: by_language, B0: 50, B: by_language})
    apart = [_between(sample, runs, (A0, A0)) for runs in ((A, A0), (B, B0))]
    paired = _between(sample, (A, A0), (B, B0))
    assert paired.high - paired.low < 0.3 * min(own.high - own.low for own in apart)


def test_a_group_of_languages_is_compared_with_the_others():
    sample = _study({A0: 50, A: [70, 70, 52, 52]}, items=600)
    resampled = resample({"t": sample}, replicates=1000)
    found = between_languages(resampled, A, A0, {"de", "fi", "xx"})
    point = sample.point()[..., :].mean(axis=2)
    delta = point[:, 1] - point[:, 0]
    assert found.value == pytest.approx(delta[:2].mean() - delta[2:].mean())
    assert found.direction == 1
    opposite = between_languages(resampled, A, A0, {"sw", "tr"})
    assert opposite.value == pytest.approx(-found.value)


@pytest.mark.parametrize("group", [set(), {"de", "fi", "sw", "tr"}, {"xx"}])
def test_a_group_without_others_is_not_compared(group):
    resampled = resample({"t": _study({A0: 50, A: 60}, items=20)}, replicates=10)
    assert between_languages(resampled, A, A0, group) is None


RANKS = st.integers(2, 6).flatmap(
    lambda judges: st.integers(3, 5).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, 4), min_size=k, max_size=k), min_size=judges, max_size=judges
        )
    )
)


@given(RANKS)
def test_w_is_friedmans_statistic_on_another_scale(scores):
    ranks = scipy.stats.rankdata(scores, axis=1)
    judges, competitors = ranks.shape
    if all(len(set(row)) == 1 for row in scores):
        assert kendall_w(ranks) == 0
        return
    statistic = scipy.stats.friedmanchisquare(*np.array(scores).T).statistic
    assert judges * (competitors - 1) * kendall_w(ranks) == pytest.approx(statistic, abs=1e-9)
    assert -1e-9 <= kendall_w(ranks) <= 1 + 1e-9


def test_full_agreement_is_one_with_its_exact_p():
    ranks = np.tile([1.0, 2.0, 3.0], (3, 1))
    assert kendall_w(ranks) == pytest.approx(1)
    assert permutation_p(ranks) == (pytest.approx(1 / 36), True)  # tables say 0.028


def test_exact_and_random_permutations_agree(monkeypatch):
    ranks = scipy.stats.rankdata([[1, 2, 3, 4], [1, 2, 2, 3], [2, 1, 3, 4]], axis=1)
    exact, is_exact = permutation_p(ranks)
    monkeypatch.setattr(agreement, "_EXACT_UP_TO", 0)
    drawn, is_drawn_exact = permutation_p(ranks)
    assert (is_exact, is_drawn_exact) == (True, False)
    assert drawn == pytest.approx(exact, abs=0.01)
    assert permutation_p(ranks) == (drawn, False)


def test_many_judges_that_agree_have_the_smallest_p():
    assert permutation_p(np.tile(np.arange(1.0, 7), (9, 1))) == (1 / 10_001, False)


def test_a_clear_hierarchy_is_recovered_by_every_kind_of_judge():
    runs = {"none": 40, "low": 55, "high": 75}
    samples = {name: _study(runs, seed=place) for place, name in enumerate("tu")}
    resampled = resample(samples, replicates=300)
    spoken = {task: own.languages for task, own in resampled.tasks.items()}
    families = {"de": "Indo-European", "fi": "Uralic", "sw": "Niger-Congo", "tr": "Turkic"}
    for judges in (judges_by_task(spoken), judges_by_group(spoken, families)):
        found = hierarchy(resampled, list(runs), "none", judges)
        assert found.w == pytest.approx(1)
        assert [rank.value for rank in found.ranks.values()] == [3, 2, 1]
        assert all(rank.low <= rank.value <= rank.high for rank in found.ranks.values())
    assert found.judges == ("Indo-European", "Niger-Congo", "Turkic", "Uralic")


def test_recipes_that_are_the_same_share_their_rank():
    sample = _study({"none": 50, "r": 70})
    sums = sample.blocks[0].sums
    twice = TaskSample(
        "accuracy", ("none", "r", "s"), sample.seeds, (Block(("de",), sums[:, :, [0, 1, 1]]),)
    )
    resampled = resample({"t": twice, "u": twice}, replicates=100)
    judges = judges_by_task({"t": ("de",), "u": ("de",)})
    found = hierarchy(resampled, ["none", "r", "s"], "none", judges)
    assert {name: rank.value for name, rank in found.ranks.items()} == {
        "none": 3,
        "r": 1.5,
        "s": 1.5,
    }
    assert (found.ranks["r"].low, found.ranks["r"].high) == (1.5, 1.5)


def _gain(by_seed):
    delta = np.array([by_seed, by_seed], dtype=float)  # two languages
    return mean_of(
        [term(delta, np.zeros((*delta.shape, 4), np.float32), "ab", range(len(by_seed)))]
    )


def test_power_follows_from_the_spread_between_seeds():
    note = power_note([_gain([1.0, 2.0, 3.0]), _gain([2.0, 2.0, 2.0])], 3)
    assert note.spread == pytest.approx(np.sqrt(1 / 2))  # of variances 1 and 0
    needed = scipy.stats.t.ppf(0.975, 2) + scipy.stats.t.ppf(0.8, 2)
    assert note.detectable == pytest.approx(needed * note.spread / np.sqrt(3))
    assert sentence(note) == (
        "With 3 seeds, between which a recipe's mean gain varies by 0.7 points (standard "
        "deviation), a gain below 2.2 points would often be missed; more seeds would show smaller "
        "ones."
    )


def test_one_seed_has_no_power_to_speak_of():
    note = power_note([_gain([1.0])], 1)
    assert (note.spread, note.detectable) == (None, None)
    assert "There is one seed: seeds were not resampled" in sentence(note)


def test_enough_seeds_need_no_advice():
    assert sentence(power_note([_gain([1, 2, 1, 2, 1])], 5)).endswith("would often be missed.")

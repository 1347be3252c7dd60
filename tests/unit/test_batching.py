"""Which examples make up each batch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.tasks.packing import by_length, pack
from xstilts.training.batching import (
    MIXTURE_CAP,
    Batch,
    Part,
    epoch_batches,
    mixture,
    schedule,
    shares,
    token_budget,
)

lengths_of = st.lists(st.integers(1, 90), min_size=1, max_size=300).map(np.array)


# Phang et al. 2020, tables 1 and 3: examples and batch of the tasks that are trained together
PAPER = {
    "anli_plus": (1_104_934, 24),
    "qqp": (363_846, 24),
    "hellaswag": (39_905, 24),
    "ccg": (38_015, 24),
    "cosmos_qa": (25_588, 4),
    "commonsense_qa": (9_741, 4),
}


def _part(lengths: np.ndarray, batch_size: int = 8) -> Part:
    return Part(lengths, batch_size, examples=len(lengths))


def _same(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        a.task == b.task and np.array_equal(a.indices, b.indices)
        for a, b in zip(one, other, strict=True)
    )


def _cost(batch: np.ndarray, lengths: np.ndarray) -> int:
    return len(batch) * lengths[batch].max()


@settings(deadline=None)
@given(lengths_of, st.integers(1, 40), st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_holds_every_example_once_within_the_budget(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int
):
    batches = epoch_batches(lengths, batch_size, seed, epoch)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    budget = token_budget(lengths, batch_size)
    assert all(len(b) == 1 or _cost(b, lengths) <= budget for b in batches)


@settings(deadline=None)
@given(lengths_of, st.integers(1, 400))
def test_batches_by_length_hold_everything_once_the_longest_first(lengths: np.ndarray, budget: int):
    batches = by_length(lengths, budget)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(b) == 1 or _cost(b, lengths) <= budget for b in batches)
    longest = [lengths[b].max() for b in batches]
    assert longest == sorted(longest, reverse=True)


@given(lengths_of, st.integers(1, 400))
def test_packing_is_greedy_and_keeps_the_order(lengths: np.ndarray, budget: int):
    order = np.argsort(lengths, kind="stable")
    batches = pack(order, lengths, budget)
    assert np.array_equal(np.concatenate(batches), order)
    for batch, following in pairwise(batches):
        assert (len(batch) + 1) * lengths[following[0]] > budget


def test_nothing_to_pack_is_no_batch():
    assert by_length([], 100) == []


def test_batches_group_by_length_and_change_with_epoch_and_seed():
    lengths = np.random.default_rng(0).integers(5, 100, size=5000)
    batches = epoch_batches(lengths, 16, seed=1, epoch=0)
    padded = sum(_cost(batch, lengths) for batch in batches)
    assert padded < 1.05 * lengths.sum()
    assert len(batches) == pytest.approx(5000 / 16, rel=0.1)
    same = epoch_batches(lengths, 16, seed=1, epoch=0)
    assert all(np.array_equal(a, b) for a, b in zip(batches, same, strict=True))
    for other in (epoch_batches(lengths, 16, 2, 0), epoch_batches(lengths, 16, 1, 1)):
        assert not np.array_equal(np.concatenate(batches), np.concatenate(other))
    means = [lengths[batch].mean() for batch in batches]
    assert means != sorted(means)


def test_one_task_runs_for_whole_epochs():
    parts = {"a": _part(np.random.default_rng(0).integers(5, 50, size=200))}
    steps = schedule(parts, epochs=2, seed=0)
    seen = np.bincount(np.concatenate([batch.indices for batch in steps]))
    assert set(seen) == {2}
    half = schedule(parts, epochs=0.5, seed=0)
    assert len(half) == pytest.approx(len(steps) / 4, abs=1)
    assert len(schedule(parts, epochs=2, seed=0, max_steps=3)) == 3


def test_mixtures_draw_tasks_by_their_capped_sizes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xstilts.training.batching.MIXTURE_CAP", 3000)
    rng = np.random.default_rng(0)
    parts = {
        "small": _part(rng.integers(5, 20, size=1000), 4),
        "large": _part(rng.integers(5, 20, size=9000), 4),
    }
    steps = schedule(parts, epochs=3, seed=0)
    share = np.mean([batch.task == "large" for batch in steps])
    assert share == pytest.approx(0.75, abs=0.03)
    assert len(steps) == pytest.approx(3 * (1000 + 3000) / 4, rel=0.1)
    assert _same(steps, schedule(parts, epochs=3, seed=0))
    small = np.concatenate([batch.indices for batch in steps if batch.task == "small"])
    counts = np.bincount(small, minlength=1000)
    assert counts.max() - counts.min() <= 1


def test_the_tasks_of_the_paper_are_drawn_with_its_chances():
    chances = mixture({name: examples for name, (examples, _) in PAPER.items()})
    assert {name: round(chance, 4) for name, chance in chances.items()} == {
        "anli_plus": 0.3492,
        "qqp": 0.3492,
        "hellaswag": 0.1063,
        "ccg": 0.1013,
        "cosmos_qa": 0.0682,
        "commonsense_qa": 0.0259,
    }
    text = mixture({"mnli": 392_702, "wikipedia": 2_000_000})
    assert text == {"mnli": 0.5, "wikipedia": 0.5}


def test_three_epochs_of_the_paper_have_the_steps_of_its_capped_tasks(
    monkeypatch: pytest.MonkeyPatch,
):
    """A sixty-fourth of the paper's sizes and of its cap."""
    monkeypatch.setattr("xstilts.training.batching.MIXTURE_CAP", MIXTURE_CAP // 64)
    rng = np.random.default_rng(0)
    parts = {
        name: _part(rng.integers(20, 60, size=examples // 64), batch)
        for name, (examples, batch) in PAPER.items()
    }
    expected = 3 * sum(
        min(examples, MIXTURE_CAP) / 64 / batch for examples, batch in PAPER.values()
    )
    steps = schedule(parts, epochs=3, seed=0)
    assert len(steps) == pytest.approx(expected, rel=0.1)
    assert expected * 64 == pytest.approx(69_004.75)
    for name, (_, batch) in PAPER.items():
        sizes = [len(step.indices) for step in steps if step.task == name]
        assert np.mean(sizes) == pytest.approx(batch, rel=0.15)


def test_a_task_counts_its_examples_and_not_its_features():
    """Windows of long contexts: the second task has four features of each example."""
    lengths = np.full(400, 20)
    parts = {"short": Part(lengths, 4, 400), "long": Part(lengths, 4, 100)}
    steps = schedule(parts, epochs=10, seed=0)
    assert np.mean([step.task == "long" for step in steps]) == pytest.approx(0.2, abs=0.02)
    assert len(steps) == 10 * (100 + 100)


parts_of = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.builds(_part, lengths_of, st.integers(1, 40)),
    min_size=1,
)


@settings(deadline=None, max_examples=60)
@given(parts_of, st.floats(0.1, 3), st.integers(0, 5), st.integers(1, 300))
def test_each_epoch_of_a_task_in_a_mixture_holds_all_its_examples_once(
    parts: dict[str, Part], epochs: float, seed: int, cap: int
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xstilts.training.batching.MIXTURE_CAP", cap)
        steps = schedule(parts, epochs, seed)
        assert _same(steps, schedule(parts, epochs, seed))
        assert _same(steps[:5], schedule(parts, epochs, seed, max_steps=5))
    for name, part in parts.items():
        taken = [step.indices for step in steps if step.task == name]
        seen = np.concatenate([[], *taken]).astype(int)
        size = len(part.lengths)
        for first in range(0, len(seen), size):
            epoch = seen[first : first + size]
            assert len(set(epoch)) == len(epoch)
        budget = token_budget(part.lengths, part.batch_size)
        assert all(len(b) == 1 or _cost(b, part.lengths) <= budget for b in taken)


@given(st.integers(1, 50), st.integers(1, 8))
def test_shares_deal_out_every_example_evenly(size: int, parts: int):
    dealt = shares(np.arange(size), parts)
    assert len(dealt) == parts
    assert sorted(np.concatenate(dealt)) == list(range(size))
    counts = [len(part) for part in dealt]
    assert max(counts) - min(counts) <= 1
    assert counts == sorted(counts, reverse=True)


@settings(max_examples=30)
@given(parts_of, st.integers(0, 5), st.integers(1, 4), st.integers(1, 3))
def test_processes_share_the_same_batches_however_many_they_are(
    parts: dict[str, Part], seed: int, processes: int, accumulation: int
):
    for step in schedule(parts, 1, seed, max_steps=20):
        dealt = shares(step.indices, processes * accumulation)
        own = [np.concatenate(dealt[rank::processes]) for rank in range(processes)]
        assert sorted(np.concatenate(own)) == sorted(step.indices)

"""Which examples make up each batch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.tasks.packing import by_length, pack
from xstilts.training.batching import epoch_batches, schedule, shares, token_budget

lengths_of = st.lists(st.integers(1, 90), min_size=1, max_size=300).map(np.array)


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
    lengths = {"a": np.random.default_rng(0).integers(5, 50, size=200)}
    steps = schedule(lengths, batch_size=8, epochs=2, seed=0)
    seen = np.bincount(np.concatenate([batch.indices for batch in steps]))
    assert set(seen) == {2}
    half = schedule(lengths, batch_size=8, epochs=0.5, seed=0)
    assert len(half) == pytest.approx(len(steps) / 4, abs=1)
    assert len(schedule(lengths, batch_size=8, epochs=2, seed=0, max_steps=3)) == 3


def test_mixtures_draw_tasks_by_their_capped_sizes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("xstilts.training.batching.MIXTURE_CAP", 3000)
    rng = np.random.default_rng(0)
    lengths = {
        "small": rng.integers(5, 20, size=1000),
        "large": rng.integers(5, 20, size=9000),
    }
    steps = schedule(lengths, batch_size=4, epochs=3, seed=0)
    share = np.mean([batch.task == "large" for batch in steps])
    assert share == pytest.approx(0.75, abs=0.03)
    assert len(steps) == pytest.approx(3 * (1000 + 3000) / 4, rel=0.1)
    again = schedule(lengths, batch_size=4, epochs=3, seed=0)
    assert all(
        a.task == b.task and np.array_equal(a.indices, b.indices)
        for a, b in zip(steps, again, strict=True)
    )
    small = np.concatenate([batch.indices for batch in steps if batch.task == "small"])
    counts = np.bincount(small, minlength=1000)
    assert counts.max() - counts.min() <= 1


@given(st.integers(1, 50), st.integers(1, 8))
def test_shares_deal_out_every_example_evenly(size: int, parts: int):
    dealt = shares(np.arange(size), parts)
    assert len(dealt) == parts
    assert sorted(np.concatenate(dealt)) == list(range(size))
    counts = [len(part) for part in dealt]
    assert max(counts) - min(counts) <= 1
    assert counts == sorted(counts, reverse=True)

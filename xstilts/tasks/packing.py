"""Inputs of similar length in one batch, as many as a budget of sub-words allows."""

from collections.abc import Sequence

import numpy as np


def pack(order: np.ndarray, lengths: np.ndarray, budget: float) -> list[np.ndarray]:
    """Cut `order` (indices into `lengths`, shortest first) into consecutive batches.

    A batch of n inputs costs n times its longest input, its padded size; it may cost at most
    `budget`, unless a single input is longer than that.
    """
    batches, first = [], 0
    ordered = lengths[order]
    while first < len(order):
        shortest = max(1, int(ordered[first]))
        window = ordered[first : first + max(1, int(budget // shortest))]
        costs = window * np.arange(1, len(window) + 1)
        size = max(1, int(np.searchsorted(costs, budget, side="right")))
        batches.append(order[first : first + size])
        first += size
    return batches


def by_length(lengths: Sequence[int], budget: float) -> list[np.ndarray]:
    """All inputs once, in batches of at most `budget` sub-words, the longest first.

    The longest first, so that what does not fit into memory fails at once.
    """
    table = np.asarray(lengths, dtype=np.int64)
    return pack(np.argsort(table, kind="stable"), table, budget)[::-1]

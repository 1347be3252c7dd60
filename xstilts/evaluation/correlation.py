"""Correlations of predictions with gold scores, also over items that count several times.

An item that is drawn twice counts twice, in Spearman's ranks too: the ranks are those of the
drawn items, so a bootstrap sees how uncertain the ranks themselves are. Where either side is
constant no correlation exists (scipy gives nan); it is 0 here, because a model that says the
same of every pair has shown nothing.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ROUNDING = 1e-12  # share of a column's variance below which a resample of it is constant


def correlations(matrix: Array, counts: Array) -> dict[str, Array]:
    """`pearson` and `spearman` (-1..1) of the last two statistics of `matrix`.

    `matrix` has the shape (items, ..., statistics), `counts` (..., items), how often each
    item is drawn. The results have the shape of `counts` without items, then of `matrix`
    without items and statistics.
    """
    weights = np.ascontiguousarray(np.atleast_2d(counts).T)  # (items, replicates)
    inner = matrix.shape[1:-1]
    pairs = matrix[..., -2:].reshape(len(matrix), -1, 2)
    golds: dict[bytes, tuple[Array, Array]] = {}  # many runs share a language's gold scores
    found: dict[str, list[Array]] = {"pearson": [], "spearman": []}
    for gold, predicted in pairs.transpose(1, 2, 0):
        key = gold.tobytes()
        if key not in golds:
            golds[key] = weights * _rank_deviations(gold, weights), _rank_spread(gold, weights)
        found["pearson"].append(_pearson(gold, predicted, weights))
        found["spearman"].append(_spearman(*golds[key], predicted, weights))
    shape = (*counts.shape[:-1], *inner)
    return {name: np.stack(values, axis=-1).reshape(shape) for name, values in found.items()}


def _pearson(one: Array, two: Array, weights: Array) -> Array:
    one, two = _centred(one), _centred(two)
    columns = np.stack([one, two, one * one, two * two, one * two])
    mean_one, mean_two, square_one, square_two, product = columns @ weights / weights.sum(axis=0)
    spreads = [
        np.where(spread > _ROUNDING * np.mean(values**2), spread, 0.0)
        for values, spread in ((one, square_one - mean_one**2), (two, square_two - mean_two**2))
    ]
    return _share(product - mean_one * mean_two, *spreads)


def _centred(values: Array) -> Array:
    """Less their mean; a constant gives zeros, not what rounding leaves of it."""
    return values - values.mean() if np.ptp(values) else np.zeros_like(values)


def _spearman(gold_ranks: Array, gold_spread: Array, predicted: Array, weights: Array) -> Array:
    """`gold_ranks`: deviations of the gold ranks from their mean, times `weights`."""
    order, starts = _groups(predicted)
    sizes = _summed(weights[order], starts)
    together = np.einsum("ij,ij->j", _summed(gold_ranks[order], starts), _ranks(sizes))
    return _share(together, gold_spread, _spread(sizes))


def _groups(values: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions in ascending order, and where in that order each different value starts."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _summed(ordered: Array, starts: NDArray[np.intp]) -> Array:
    if len(starts) == len(ordered):
        return ordered
    return np.asarray(np.add.reduceat(ordered, starts, axis=0))


def _ranks(sizes: Array) -> Array:
    """The rank that the drawn items of each group share: the mean of those they take."""
    return np.asarray(np.cumsum(sizes, axis=0) - (sizes - 1) / 2)


def _rank_deviations(values: Array, weights: Array) -> Array:
    """Each item's rank among the drawn ones less the mean rank: (items, replicates)."""
    order, starts = _groups(values)
    ranks = _ranks(_summed(weights[order], starts)) - (weights.sum(axis=0) + 1) / 2
    group = np.empty(len(values), dtype=np.intp)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(values))))
    return np.asarray(ranks[group])


def _rank_spread(values: Array, weights: Array) -> Array:
    order, starts = _groups(values)
    return _spread(_summed(weights[order], starts))


def _spread(sizes: Array) -> Array:
    """Squared deviations of ranks, summed over the drawn items, from the sizes of ties."""
    cubes = np.einsum("ij,ij,ij->j", sizes, sizes, sizes)
    return np.asarray((sizes.sum(axis=0) ** 3 - cubes) / 12)


def _share(together: Array, one: Array, two: Array) -> Array:
    """The correlation from a product and two spreads; 0 where a spread is 0."""
    norm = np.sqrt(one) * np.sqrt(two)
    return np.clip(np.divide(together, norm, out=np.zeros_like(norm), where=norm > 0), -1, 1)

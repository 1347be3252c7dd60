"""Drawing items with replacement: the lowest level of the bootstrap, and nearly all its work.

The score of a replicate is computed from the drawn items, never averaged from scores of
items: F1 from the drawn counts, a correlation from the drawn pairs. Three things make ten
thousand replicates of a whole benchmark a matter of seconds. Items that every run treats
alike are drawn together, by how many they are. Sums that every run shares (how many items,
how many gold entities) are computed once. And the sums of all runs are one product of
matrices, in single precision, which holds whole numbers up to 16 million exactly.

Few distinct items are drawn as a multinomial. Of many, each is drawn a Poisson number of
times, independently: the number of drawn items then varies as well, which ratios of sums do
not notice (Hanley & MacGibbon 2006, doi:10.1016/j.cmpb.2006.04.006; Chamandy et al. 2012,
"Estimating Uncertainty for Massive Data Streams").
"""

from collections.abc import Iterator
from math import factorial

import numpy as np
from numpy.typing import NDArray

from xstilts.evaluation.metrics import metric_named, value_from_sums, value_of_items
from xstilts.study.statistics.sample import Array, TaskSample

Floats = NDArray[np.float32]
Places = NDArray[np.intp]
_FEW = 200  # distinct items up to which a multinomial is drawn
_CHUNK = 1 << 20  # numbers in one chunk of draws: 4 MB
_PIECE = 1 << 18  # numbers looked up at once, so that they stay in the processor's cache
_STEPS = 1 << 16


def _poisson_table() -> Floats:
    """Counts of a Poisson variable of mean 1 at each of 65 536 equally likely steps."""
    chances = np.cumsum([np.exp(-1) / factorial(count) for count in range(10)])
    middles = (np.arange(_STEPS) + 0.5) / _STEPS
    return np.searchsorted(chances, middles).astype(np.float32)


_POISSON = _poisson_table()


def resampled_scores(sample: TaskSample, replicates: int, rng: np.random.Generator) -> Floats:
    """Scores on resampled items, in points: (recipes, languages, seeds, replicates).

    Languages of one block share their draws; all runs of a language do.
    """
    shape = len(sample.recipes), len(sample.languages), len(sample.seeds), replicates
    found = np.empty(shape, dtype=np.float32)
    first = 0
    for block in sample.blocks:
        places = slice(first, first := first + len(block.languages))
        start = 0
        for scores in _drawn(sample.metric, block.sums, replicates, rng):
            rows = slice(start, start := start + len(scores))
            found[:, places, :, rows] = scores.transpose(2, 1, 3, 0)
    return found


def item_counts(times: Places, replicates: int, rng: np.random.Generator) -> Floats:
    """How often each distinct item is drawn: (replicates, items).

    `times` says how many items each distinct one stands for.
    """
    if len(times) <= _FEW:
        total = int(times.sum())
        return rng.multinomial(total, times / total, size=replicates).astype(np.float32)
    counts = np.empty((replicates, len(times)), dtype=np.float32)
    flat = counts.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE]
        words = rng.integers(0, 1 << 64, size=-(-len(piece) // 4), dtype=np.uint64)
        piece[:] = _POISSON[words.view(np.uint16)[: len(piece)]]
    several = np.flatnonzero(times > 1)
    counts[:, several] = rng.poisson(times[several], size=(replicates, len(several)))
    return counts


def _drawn(metric: str, sums: Array, replicates: int, rng: np.random.Generator) -> Iterator[Array]:
    """Chunks of replicates: (some, languages, recipes, seeds)."""
    rows, row_of_item = _alike(sums.reshape(len(sums), -1))
    times, distinct = np.bincount(row_of_item), sums[rows]
    sizes = _sizes(replicates, max(1, _CHUNK // len(rows)))
    if metric_named(metric).parts is None:
        for size in sizes:
            yield value_of_items(metric, distinct, item_counts(times, size, rng).astype(float))
        return
    flat = distinct.reshape(len(rows), -1)
    columns, column_of_sum = _alike(np.ascontiguousarray(flat.T))
    shared = flat[:, columns].astype(np.float32)
    for size in sizes:
        drawn = (item_counts(times, size, rng) @ shared).astype(float)[:, column_of_sum]
        yield value_from_sums(metric, drawn.reshape(size, *sums.shape[1:]))


def _alike(rows: Array) -> tuple[Places, Places]:
    """Where each different row stands first, and which of them every row is."""
    seen: dict[bytes, int] = {}
    kind = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in rows], dtype=np.intp)
    return np.unique(kind, return_index=True)[1], kind


def _sizes(total: int, most: int) -> list[int]:
    """`total` in parts of `most`, and a rest."""
    return [min(most, total - start) for start in range(0, total, most)]

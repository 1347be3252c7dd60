"""Finding the nearest neighbour: Tatoeba, and the ranking measures of retrieval."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_ELEMENTS = 1 << 24  # similarities held at once: 64 MB of float32
Vectors = Any  # NDArray of shape (n, d), or a SciPy sparse matrix of that shape


def normalised(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The rows of `vectors` (n, d) with L2 norm 1; rows of zeros stay zeros."""
    single: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)
    norms: NDArray[np.float32] = np.linalg.norm(single, axis=1, keepdims=True)
    norms[norms == 0] = 1
    return single / norms


def similarity_blocks(
    queries: Vectors, index: Vectors
) -> Iterator[tuple[slice, NDArray[np.floating[Any]]]]:
    """Inner products of all queries (m, d) with all of `index` (n, d), a block of rows at a time.

    Yields (slice of the queries, array of shape (block, n)), so that 10^5 x 10^5 never
    stands in memory.
    """
    size = max(1, _BLOCK_ELEMENTS // max(1, index.shape[0]))
    transposed = index.T
    for start in range(0, queries.shape[0], size):
        rows = slice(start, min(start + size, queries.shape[0]))
        product = queries[rows] @ transposed
        yield rows, product if isinstance(product, np.ndarray) else product.toarray()


def nearest(queries: Vectors, index: Vectors) -> NDArray[np.int64]:
    """For each query (m, d) the row of `index` (n, d) with the greatest cosine, shape (m,).

    Rows of both must have norm 1 (see `normalised`). Exact; the first of equals wins.
    For Tatoeba the queries are the English sentences, the index the foreign ones.
    """
    found = np.empty(queries.shape[0], dtype=np.int64)
    for rows, similarities in similarity_blocks(queries, index):
        found[rows] = similarities.argmax(axis=1)
    return found


def tatoeba_predictions(
    foreign: NDArray[np.floating[Any]], english: NDArray[np.floating[Any]]
) -> list[int]:
    """For each English sentence the position of the nearest foreign one (vectors (n, d) each)."""
    return [int(i) for i in nearest(normalised(english), normalised(foreign))]


def average_precision(targets: Collection[Any], ranked: Sequence[Any], k: int = 20) -> float:
    """AP@k (0..1) of one query: sum of the precisions at hits / min(number of targets, k)."""
    hits = 0
    total = 0.0
    for rank, candidate in enumerate(ranked[:k], start=1):
        if candidate in targets:
            hits += 1
            total += hits / rank
    return total / min(len(targets), k)


def mean_reciprocal_rank(
    gold: Mapping[str, Collection[str]], ranked: Mapping[str, Sequence[str]], k: int = 20
) -> float:
    """MRR@k (0..1): mean over the queries of 1 / rank of the first hit, 0 without one."""
    ranks = (
        next((r for r, x in enumerate(ranked[query][:k], start=1) if x in targets), None)
        for query, targets in gold.items()
    )
    return float(np.mean([1 / rank if rank else 0.0 for rank in ranks]))

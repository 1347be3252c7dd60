"""Mining translation pairs from two piles of sentences: BUCC 2018, as XTREME and LASER do.

Artetxe and Schwenk (2019), "Margin-based parallel corpus mining with multilingual
sentence embeddings": a pair's score is its cosine divided by the mean cosine of both
sentences to their k nearest neighbours on the other side.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.evaluation.retrieval import Vectors, normalised, similarity_blocks

NEIGHBOURS = 4
Pair = tuple[str, str]  # (foreign id, English id)
Candidate = tuple[float, str, str]  # (score, foreign id, English id)
Floats = NDArray[np.float64]
Row = dict[str, Any]


def mine_indices(
    foreign: Vectors, english: Vectors, neighbours: int = NEIGHBOURS
) -> list[tuple[float, int, int]]:
    """One-to-one pairs (score, foreign row, English row), best score first.

    Vectors of norm 1, shape (n, d) and (m, d). Candidates are the best partner of every
    sentence, seen from both sides; they are accepted greedily by descending score, each
    sentence once ("max" retrieval), if the score is positive.
    """
    forward, forward_rows = _neighbours(foreign, english, neighbours)
    backward, backward_rows = _neighbours(english, foreign, neighbours)
    means = forward.mean(axis=1), backward.mean(axis=1)
    to_english, score_forward = _best(forward, forward_rows, means[0], means[1])
    to_foreign, score_backward = _best(backward, backward_rows, means[1], means[0])
    scores = np.concatenate((score_forward, score_backward))
    left = np.concatenate((np.arange(len(to_english)), to_foreign))
    right = np.concatenate((to_english, np.arange(len(to_foreign))))
    return _one_to_one(scores, left, right)


def _neighbours(queries: Vectors, index: Vectors, count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Cosines and rows of the `count` nearest rows of `index`, each of shape (queries, count)."""
    count = min(count, index.shape[0])
    cosines = np.empty((queries.shape[0], count))
    rows = np.empty((queries.shape[0], count), dtype=np.int64)
    for block, similarities in similarity_blocks(queries, index):
        nearest = np.argpartition(-similarities, count - 1, axis=1)[:, :count]
        rows[block] = np.sort(nearest, axis=1)
        cosines[block] = np.take_along_axis(similarities, rows[block], axis=1)
    return cosines, rows


def _best(
    cosines: Floats, rows: NDArray[np.int64], own_mean: Floats, other_mean: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Of each query's neighbours the one with the greatest ratio margin, and that margin."""
    scale = (own_mean[:, None] + other_mean[rows]) / 2
    margins = np.divide(cosines, scale, out=np.zeros_like(cosines), where=scale != 0)
    best = margins.argmax(axis=1)[:, None]
    return (
        np.take_along_axis(rows, best, axis=1)[:, 0],
        np.take_along_axis(margins, best, axis=1)[:, 0],
    )


def _one_to_one(
    scores: Floats, left: NDArray[np.int64], right: NDArray[np.int64]
) -> list[tuple[float, int, int]]:
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    pairs = []
    for i in np.argsort(-scores, kind="stable"):
        a, b = int(left[i]), int(right[i])
        if scores[i] > 0 and a not in taken_left and b not in taken_right:
            taken_left.add(a)
            taken_right.add(b)
            pairs.append((float(scores[i]), a, b))
    return pairs


def candidates(rows: Sequence[Row], vectors: Vectors) -> list[Candidate]:
    """Scored pairs of ids from mining rows (`id`, `side`, `text`) and their vectors of norm 1.

    Equal texts of one side are mined once; a text that occurs more than once has no
    single id, so its pairs are dropped, as the official script does.
    """
    sides = {side: _unique(rows, side) for side in ("foreign", "english")}
    foreign_ids, foreign_rows = sides["foreign"]
    english_ids, english_rows = sides["english"]
    if not foreign_rows or not english_rows:
        return []
    mined = mine_indices(vectors[foreign_rows], vectors[english_rows])
    named = ((score, foreign_ids[a], english_ids[b]) for score, a, b in mined)
    return [(score, a, b) for score, a, b in named if a is not None and b is not None]


def _unique(rows: Sequence[Row], side: str) -> tuple[list[str | None], list[int]]:
    """Ids (None where the text is repeated) and row numbers of the distinct texts of a side."""
    first: dict[str, int] = {}
    times: Counter[str] = Counter()
    for number, row in enumerate(rows):
        if row["side"] == side:
            text = row["text"].strip()
            first.setdefault(text, number)
            times[text] += 1
    ids = [rows[n]["id"] if times[text] == 1 else None for text, n in first.items()]
    return ids, list(first.values())


def gold_pairs(rows: Sequence[Row]) -> set[Pair]:
    """The true pairs (foreign id, English id), from the `pair` column of either side."""
    return {
        (row["id"], row["pair"]) if row["side"] == "foreign" else (row["pair"], row["id"])
        for row in rows
        if row["pair"]
    }


def best_threshold(found: Sequence[Candidate], gold: Collection[Pair]) -> float:
    """The threshold on the score that gives the best F1 on `gold`; 0 when nothing is right.

    Halfway between the last accepted score and the next one; the last score itself when
    all candidates are accepted.
    """
    ordered = sorted(found, key=lambda candidate: -candidate[0])
    best, threshold, correct = 0.0, 0.0, 0
    for taken, (score, *pair) in enumerate(ordered, start=1):
        correct += tuple(pair) in gold
        if not correct:
            continue
        # The official order of operations: equal F1s must round alike for equal thresholds.
        precision, recall = correct / taken, correct / len(gold)
        f1 = 2 * precision * recall / (precision + recall)
        if f1 > best:
            following = ordered[taken][0] if taken < len(ordered) else score
            best, threshold = f1, (score + following) / 2
    return threshold


def extract(found: Sequence[Candidate], threshold: float) -> list[Pair]:
    """The pairs whose score is at least `threshold`."""
    return [(foreign, english) for score, foreign, english in found if score >= threshold]


def mine(
    dev_rows: Sequence[Row], dev_vectors: Vectors, test_rows: Sequence[Row], test_vectors: Vectors
) -> tuple[list[Pair], float]:
    """The test pairs above the threshold that is best on dev, and that threshold.

    Vectors of shape (rows, d), dense of any norm or sparse of norm 1, in row order.
    """
    dev = candidates(dev_rows, _unit(dev_vectors))
    threshold = best_threshold(dev, gold_pairs(dev_rows))
    return extract(candidates(test_rows, _unit(test_vectors)), threshold), threshold


def _unit(vectors: Vectors) -> Vectors:
    return normalised(vectors) if isinstance(vectors, np.ndarray) else vectors

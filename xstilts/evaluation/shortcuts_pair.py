"""Shortcuts of classification of one or two texts: labels, single inputs, overlap.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from xstilts.evaluation.words import words
from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of a pair classification task, fitted on `rows`."""
    del task  # the labels are in the rows
    labels = [row["label"] for row in rows]
    return {
        "majority": _constant(labels),
        "first-input-only": _single_input(rows, labels, "text_a"),
        "second-input-only": _single_input(rows, labels, "text_b"),
        "word-overlap": _forest(rows, labels, overlap_features),
        "word-order": _forest(rows, labels, order_features),
    }


def bag_of_words_classifier(texts: Sequence[str], labels: Sequence[int]) -> Pipeline:
    """Logistic regression on the words that a text has, fitted."""
    vectoriser = CountVectorizer(analyzer=words, binary=True, min_df=2)
    try:
        vectoriser.fit(texts)
    except ValueError:  # no word occurs twice: let every word count
        vectoriser.set_params(min_df=1)
    return make_pipeline(vectoriser, LogisticRegression(max_iter=300)).fit(texts, labels)


def forest(features: NDArray[np.float64], labels: Sequence[int]) -> RandomForestClassifier:
    """A random forest on a few counts: it finds their buckets and interactions itself."""
    model = RandomForestClassifier(
        n_estimators=60, min_samples_leaf=5, max_features=None, random_state=0, n_jobs=1
    )
    return model.fit(features, labels)


def overlap_features(first: Sequence[str], second: Sequence[str]) -> list[float]:
    """How many words two texts share or not, and their lengths; no word, no order."""
    a, b = Counter(first), Counter(second)
    shared = (a & b).total()
    size_a, size_b = len(first), len(second)
    return [
        shared,
        size_a - shared,
        size_b - shared,
        size_a,
        size_b,
        size_a - size_b,
        shared / max(1, size_a),
        shared / max(1, size_b),
    ]


def order_features(first: Sequence[str], second: Sequence[str]) -> list[float]:
    """`overlap_features`, and how far the shared words keep their places and neighbours."""
    pairs_a, pairs_b = Counter(pairwise(first)), Counter(pairwise(second))
    kept = (pairs_a & pairs_b).total()
    return [
        *overlap_features(first, second),
        kept,
        pairs_a.total() - kept,
        pairs_b.total() - kept,
        sum(x == y for x, y in zip(first, second, strict=False)),
        sum(x == y for x, y in zip(reversed(first), reversed(second), strict=False)),
        float(first[:1] == second[:1]),
        float(first[-1:] == second[-1:]),
    ]


def _constant(labels: Sequence[int]) -> Predictor:
    majority = min(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))[0]
    return lambda rows: [majority] * len(rows)


def _single_input(rows: Rows, labels: Sequence[int], column: str) -> Predictor:
    if len(set(labels)) < 2:
        return _constant(labels)
    model = bag_of_words_classifier([row[column] for row in rows], labels)
    return lambda tested: model.predict([row[column] for row in tested]).tolist()


def _forest(
    rows: Rows,
    labels: Sequence[int],
    features: Callable[[Sequence[str], Sequence[str]], list[float]],
) -> Predictor:
    matrix = partial(_matrix, features=features)
    model = forest(matrix(rows), labels)
    return lambda tested: model.predict(matrix(tested)).tolist()


def _matrix(
    rows: Rows, features: Callable[[Sequence[str], Sequence[str]], list[float]]
) -> NDArray[np.float64]:
    return np.array([features(words(row["text_a"]), words(row["text_b"])) for row in rows])

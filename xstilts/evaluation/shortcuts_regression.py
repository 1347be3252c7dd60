"""Shortcuts of graded similarity: a constant, single texts, overlap, order, lengths.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from xstilts.evaluation.shortcuts_pair import order_features, overlap_features
from xstilts.evaluation.words import words
from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]
Features = Callable[[Sequence[str], Sequence[str]], list[float]]


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of a regression task on pairs of texts, fitted on `rows`."""
    del task  # the scores are in the rows
    scores = [row["score"] for row in rows]
    mean = float(np.mean(scores))
    return {
        "constant": lambda tested: [mean] * len(tested),
        "first-input-only": _single_input(rows, scores, "text_a"),
        "second-input-only": _single_input(rows, scores, "text_b"),
        "length-ratio": _forest(rows, scores, _length_ratio),
        "word-overlap": _forest(rows, scores, overlap_features),
        "word-order": _forest(rows, scores, order_features),
    }


def _length_ratio(first: Sequence[str], second: Sequence[str]) -> list[float]:
    shorter, longer = sorted((len(first), len(second)))
    return [shorter / max(1, longer)]


def _single_input(rows: Rows, scores: Sequence[float], column: str) -> Predictor:
    model = make_pipeline(CountVectorizer(analyzer=words, binary=True), Ridge(alpha=10.0))
    model.fit([row[column] for row in rows], scores)
    return lambda tested: model.predict([row[column] for row in tested]).tolist()


def _forest(rows: Rows, scores: Sequence[float], features: Features) -> Predictor:
    model = RandomForestRegressor(
        n_estimators=60, min_samples_leaf=5, max_features=None, random_state=0, n_jobs=1
    )
    model.fit(_matrix(rows, features), scores)
    return lambda tested: model.predict(_matrix(tested, features)).tolist()


def _matrix(rows: Rows, features: Features) -> NDArray[np.float64]:
    return np.array([features(words(row["text_a"]), words(row["text_b"])) for row in rows])

"""Shortcuts of multiple choice: position, length, the choice alone, its overlap with the prompt.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.evaluation.shortcuts_pair import bag_of_words_classifier, forest, overlap_features
from xstilts.evaluation.words import words
from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of a multiple-choice task, fitted on `rows`."""
    del task  # the number of choices is in the rows
    right = [int(i == row["label"]) for row in rows for i in range(len(row["choices"]))]
    bag = bag_of_words_classifier([choice for row in rows for choice in row["choices"]], right)
    trees = forest(np.concatenate([_overlaps(row) for row in rows]), right)
    majority = min(Counter(row["label"] for row in rows).items(), key=lambda p: (-p[1], p[0]))[0]
    return {
        "majority": lambda tested: [majority] * len(tested),
        "longest-choice": lambda tested: [_longest(row["choices"]) for row in tested],
        "choice-only": lambda tested: _best(tested, lambda row: row["choices"], bag),
        "word-overlap": lambda tested: _best(tested, _overlaps, trees),
    }


def _longest(choices: Sequence[str]) -> int:
    """The choice of most characters; the first of several."""
    return max(range(len(choices)), key=lambda i: len(choices[i]))


def _best(rows: Rows, features: Callable[[dict[str, Any]], Any], model: Any) -> list[int]:
    """Of each row the choice that `model` finds likeliest to be the right one."""
    sizes = [len(row["choices"]) for row in rows]
    columns = [features(row) for row in rows]
    flat = [feature for row in columns for feature in row]
    likely = model.predict_proba(flat)[:, 1]
    return [int(part.argmax()) for part in np.split(likely, np.cumsum(sizes)[:-1])]


def _overlaps(row: dict[str, Any]) -> NDArray[np.float64]:
    """Per choice: its overlap with the prompt, absolute and against the mean of the choices."""
    prompt = words(row["prompt"])
    features = np.array([overlap_features(prompt, words(choice)) for choice in row["choices"]])
    return np.hstack((features, features - features.mean(axis=0)))

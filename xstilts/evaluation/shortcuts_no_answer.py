"""Shortcuts of questions that may lack an answer: whether to answer, from the surface alone.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from xstilts.evaluation import shortcuts_span
from xstilts.evaluation.shortcuts_pair import bag_of_words_classifier, forest, overlap_features
from xstilts.evaluation.words import words
from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]
Doubt = Callable[[Rows], Sequence[Any]]  # per row: whether it is better not answered


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of span QA, which always answer; never answering; and their mixtures.

    A mixture asks the words of the question, or counts of words that question and text
    share, whether there is an answer, and else gives the one that overlap suggests.
    """
    answering = shortcuts_span.fit(task, [row for row in rows if row["answers"]])
    found: dict[str, Predictor] = {"never-answer": lambda tested: [""] * len(tested)}
    lacking = [int(not row["answers"]) for row in rows]
    if len(set(lacking)) > 1:
        answer = answering["question-and-overlap"]
        questions = bag_of_words_classifier([row["question"] for row in rows], lacking)
        trees = forest(_overlaps(rows), lacking)
        found["question-decides"] = _doubting(
            answer, lambda tested: questions.predict([row["question"] for row in tested])
        )
        found["overlap-decides"] = _doubting(answer, lambda t: trees.predict(_overlaps(t)))
    return found | answering


def _doubting(answer: Predictor, doubt: Doubt) -> Predictor:
    return lambda tested: [
        "" if doubted else text for doubted, text in zip(doubt(tested), answer(tested), strict=True)
    ]


def _overlaps(rows: Rows) -> Any:
    return np.array(
        [overlap_features(words(row["question"]), words(row["context"])) for row in rows]
    )

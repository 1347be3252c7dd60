"""What every sentence contributes to scores that are shares of words.

Words of a sentence are not independent, so a sentence is drawn as a whole when scores are
resampled; its words are what the metric counts.
"""

from collections.abc import Sequence
from typing import Any

from xstilts.tasks.record import Task

Item = dict[str, Any]
Rows = Sequence[dict[str, Any]]


def tag_items(
    task: Task, language: str, predictions: Sequence[Sequence[str]], rows: Rows
) -> list[Item]:
    """Words with the right tag, as jiant scores CCG supertagging."""
    items = []
    for row, predicted in zip(rows, predictions, strict=True):
        words = len(row["tags"])
        _require(task, language, row, predicted, words, "tags")
        pairs = zip(predicted, row["tags"], strict=True)
        right = sum(tag == task.labels[gold] for tag, gold in pairs)
        items.append({"id": row["id"], "correct": right / words, "right": right, "words": words})
    return items


def tree_items(
    task: Task, language: str, predictions: Sequence[Sequence[tuple[int, str]]], rows: Rows
) -> list[Item]:
    """Words with the right head, and of those the ones with the right relation.

    UAS and LAS as conll18_ud_eval.py of the CoNLL 2018 shared task (ufal/conll2018) defines
    them where words are given: every word counts, punctuation too, and of a relation only its
    universal part (`nmod` of `nmod:poss`).
    """
    items = []
    for row, predicted in zip(rows, predictions, strict=True):
        words = len(row["heads"])
        _require(task, language, row, predicted, words, "heads")
        gold = zip(row["heads"], (task.labels[r] for r in row["relations"]), strict=True)
        hits = [
            (head == right, head == right and _universal(relation) == _universal(true))
            for (head, relation), (right, true) in zip(predicted, gold, strict=True)
        ]
        heads, arcs = (sum(kind) for kind in zip(*hits, strict=True))
        item = {"id": row["id"], "correct": arcs / words}
        items.append(item | {"heads": heads, "arcs": arcs, "words": words})
    return items


def _universal(relation: str) -> str:
    return relation.partition(":")[0]


def _require(
    task: Task, language: str, row: Item, predicted: Sequence[Any], words: int, what: str
) -> None:
    if len(predicted) != words:
        raise ValueError(
            f"{task.name} {language}, sentence {row['id']}: {len(predicted)} predicted {what} "
            f"for {words} words"
        )

"""Rows as texts and answers as texts: what a text-to-text model reads and writes.

The forms are those of T5 and mT5 (Raffel et al. 2020, appendix D; Xue et al. 2021,
https://arxiv.org/abs/2010.11934, which trained XTREME's tasks so): the task's name, the
fields by name, and as answer the label's name, the number rounded to one digit, or the
answer itself. Tags are written one per word; mT5 wrote entities as texts, which does not say
which one of two equal words is meant.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from xstilts.tasks.record import Task

Row = dict[str, Any]
_SHORT = 10  # sub-words that a number or the name of a choice may take


@dataclass(frozen=True)
class TextForm:
    """How one format is written.

    `source` is the input, `target` the answer, and `answer` reads an answer back: the
    format's prediction for a row. It takes any text, because a model may write any.
    `longest` is how many sub-words a target has at most, when no label has more than the
    last argument says.
    """

    source: Callable[[Row, Task], str]
    target: Callable[[Row, Task], str]
    answer: Callable[[str, Row, Task], Any]
    longest: Callable[[Row, Task, int], int]


def nearest(text: str, known: Sequence[str]) -> int:
    """The number of the label that `text` is, or else is most like; the first of equals.

    T5 counts a text that is no label as wrong, but a submission has to name one.
    """
    if text in known:
        return known.index(text)
    likeness = [SequenceMatcher(None, text, label, autojunk=False).ratio() for label in known]
    return likeness.index(max(likeness))


def _pair(row: Row, task: Task) -> str:
    names = ("premise", "hypothesis") if "entailment" in task.labels else ("sentence1", "sentence2")
    second = f" {names[1]}: {row['text_b']}" if row["text_b"] else ""
    return f"{task.name}: {names[0]}: {row['text_a']}{second}"


def _score(text: str, _row: Row, task: Task) -> float:
    assert task.scale is not None  # the check of the table sees to it
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    return found if math.isfinite(found) else task.scale[0]  # no number: the scale's low end


def _choices(row: Row, task: Task) -> str:
    listed = " ".join(f"choice{n}: {text}" for n, text in enumerate(row["choices"], start=1))
    return f"{task.name}: {listed} prompt: {row['prompt']}"


def _choice(text: str, row: Row, _task: Task) -> int:
    return nearest(text, [f"choice{n}" for n in range(1, len(row["choices"]) + 1)])


def _tags(text: str, row: Row, task: Task) -> list[str]:
    """A tag for every word: too many are dropped, words without one get the first label."""
    found = [task.labels[nearest(tag, task.labels)] for tag in text.split()]
    count = len(row["tokens"])
    return [*found[:count], *[task.labels[0]] * (count - len(found))]


FORMS = {
    "classification": TextForm(
        source=_pair,
        target=lambda row, task: task.labels[row["label"]],
        answer=lambda text, _row, task: nearest(text, task.labels),
        longest=lambda _row, _task, label: label,
    ),
    "regression": TextForm(
        source=_pair,
        target=lambda row, _task: f"{row['score']:.1f}",
        answer=_score,
        longest=lambda _row, _task, _label: _SHORT,
    ),
    "multiple_choice": TextForm(
        source=_choices,
        target=lambda row, _task: f"choice{row['label'] + 1}",
        answer=_choice,
        longest=lambda _row, _task, _label: _SHORT,
    ),
    "span_qa": TextForm(
        source=lambda row, task: (
            f"{task.name}: question: {row['question']} context: {row['context']}"
        ),
        target=lambda row, _task: row["answers"][0]["text"] if row["answers"] else "",
        answer=lambda text, _row, _task: text,
        longest=lambda _row, task, _label: task.hparams.max_answer_length,
    ),
    "tagging": TextForm(
        source=lambda row, task: f"{task.name}: {' '.join(row['tokens'])}",
        target=lambda row, task: " ".join(task.labels[tag] for tag in row["tags"]),
        answer=_tags,
        longest=lambda row, _task, label: label * len(row["tokens"]),
    ),
}


def written(task: Task) -> bool:
    """Whether a text-to-text model can be trained on the task.

    Trees and vectors are no texts, and a text has no score to set against "no answer".
    """
    return task.format in FORMS and not task.may_lack_answers

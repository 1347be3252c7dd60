"""Answer retrieval: questions and candidates are encoded apart, by one encoder.

A candidate is a sentence together with its context, encoded as a pair (LAReQA, in XTREME-R:
Ruder et al. 2021, https://arxiv.org/abs/2104.07412). What it shares with other dual encoders
stands in `two_sides`.
"""

from typing import Any

import numpy as np

from xstilts.tasks.encoding import Ids, Template, input_limit, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.pool import HERE, Pool, depth, gold_sentence
from xstilts.tasks.record import Task
from xstilts.tasks.two_sides import (
    CANDIDATE,
    HEAD,
    QUESTION,
    best_ids,
    both,
    collate,
    count,
    loss,
    outputs,
)

__all__ = ["HEAD", "collate", "count", "decode", "encode", "loss", "outputs"]


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """With `train` a question and its candidate per row; else all questions, then all
    candidates of these rows alone.
    """
    questions = encode_questions(rows, tokenizer, task)
    if not train:
        return [*questions, *encode_candidates(Pool.of({HERE: rows}), tokenizer, task)]
    found = _candidates(
        [_sentence(row) for row in rows], [row["context"] for row in rows], tokenizer, task
    )
    return both(questions, found, [(row["context"], _sentence(row)) for row in rows])


def encode_questions(rows: list[Row], tokenizer: Any, task: Task) -> list[Feature]:
    """One feature per row, cut to `max_query_length` sub-words."""
    limit = min(task.hparams.max_query_length, input_limit(tokenizer, task))
    template = Template.of(tokenizer)
    room = template.room(limit, pair=False)
    features = []
    for index, ids in enumerate(pieces(tokenizer, [row["question"] for row in rows])):
        cut = len(ids) > room
        features.append(
            template.join(ids[:room]) | {"row": index, "side": QUESTION, "truncated": cut}
        )
    return features


def encode_candidates(pool: Pool, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature per candidate of the pool; `row` is its number there."""
    return _candidates(list(pool.sentences), list(pool.contexts), tokenizer, task)


def _sentence(row: Row) -> str:
    place = row["sentences"][gold_sentence(row)]
    text: str = row["context"][place["start"] : place["end"]]
    return text


def _candidates(
    sentences: list[str], contexts: list[str], tokenizer: Any, task: Task
) -> list[Feature]:
    """Sentence and context as a pair; what is too long loses the end of its context first."""
    template = Template.of(tokenizer)
    room = template.room(input_limit(tokenizer, task), pair=True)
    own, around = pieces(tokenizer, sentences), pieces(tokenizer, contexts)
    return [
        _candidate(index, first, second, template, room)
        for index, (first, second) in enumerate(zip(own, around, strict=True))
    ]


def _candidate(index: int, own: Ids, around: Ids, template: Template, room: int) -> Feature:
    own = own[:room]
    feature = template.join(own, around[: room - len(own)])
    truncated = len(own) + len(around) > room
    return feature | {"row": index, "side": CANDIDATE, "truncated": truncated}


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[list[str]]:
    """Per row the ids of the best candidates of a pool of `rows` alone, the best first."""
    return best_ids(logits, features, Pool.of({HERE: rows}).ids, depth(task))

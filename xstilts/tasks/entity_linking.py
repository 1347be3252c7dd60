"""Entity linking: which of many described entities a mention means (Mewsli-X).

A dual encoder like `dual_encoder`: the marked mention in its sentence (see `mentions`) on one
side, the description of an entity on the other, each a single text of at most `max_length`
sub-words (XTREME-R's `processors/mewslix.py`; it gives the model no title).
"""

from typing import Any

import numpy as np

from xstilts.tasks.encoding import encode_single, input_limit
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.mentions import Entities, marked
from xstilts.tasks.pool import depth
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
    """With `train` a mention and its entity per row; else all mentions, then the entities."""
    questions = encode_questions(rows, tokenizer, task)
    if not train:
        return [*questions, *encode_candidates(Entities.of(rows), tokenizer, task)]
    described = _encoded([row["description"] for row in rows], CANDIDATE, tokenizer, task)
    return both(questions, described, [row["entity"] for row in rows])


def encode_questions(rows: list[Row], tokenizer: Any, task: Task) -> list[Feature]:
    """One feature per row: its marked mention."""
    return _encoded([marked(row) for row in rows], QUESTION, tokenizer, task)


def encode_candidates(entities: Entities, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature per entity; `row` is its number among them."""
    return _encoded(list(entities.descriptions), CANDIDATE, tokenizer, task)


def _encoded(texts: list[str], side: str, tokenizer: Any, task: Task) -> list[Feature]:
    features = encode_single(texts, tokenizer, input_limit(tokenizer, task))
    return [feature | {"side": side} for feature in features]


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[list[str]]:
    """Per row the ids of the best entities among those that `rows` describe, the best first."""
    return best_ids(logits, features, Entities.of(rows).ids, depth(task))

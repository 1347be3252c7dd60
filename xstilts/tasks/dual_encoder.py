"""Answer retrieval: questions and candidates are encoded apart, by one encoder.

A candidate is a sentence together with its context, encoded as a pair. Training knows no
wrong candidates but those of the other questions of a micro-batch: softmax over the products
of a question's vector with all of them (XTREME-R, Ruder et al. 2021,
https://arxiv.org/abs/2104.07412; LAReQA).
"""

from typing import Any

import numpy as np

from xstilts.tasks.encoding import Ids, Template, input_limit, pad, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.pool import HERE, Pool, depth, gold_sentence, ranked
from xstilts.tasks.record import Task

HEAD = "vector"
QUESTION, CANDIDATE = "question", "candidate"


def outputs(_task: Task) -> int:
    """The head gives vectors of the body's width, whatever the task."""
    return 0


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
    keys: dict[tuple[str, str], int] = {}
    return [
        {
            "row": index,
            "question": question,
            "candidate": candidate,
            "key": keys.setdefault((row["context"], _sentence(row)), len(keys)),
            "length": 2 * max(question["length"], candidate["length"]),  # padded to one length
            "truncated": question["truncated"] or candidate["truncated"],
        }
        for index, (row, question, candidate) in enumerate(zip(rows, questions, found, strict=True))
    ]


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


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """Inputs [n, length]; of training features all questions, then all candidates [2n, length].

    `key` [n] is equal for questions with the same candidate.
    """
    if "key" not in features[0]:
        return pad(features, pad_id)
    import torch

    batch = pad([f[side] for side in (QUESTION, CANDIDATE) for f in features], pad_id)
    return batch | {"key": torch.tensor([f["key"] for f in features])}


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy of each question's candidate among those of the batch; logits [2n, width].

    The candidate of another question is no wrong one if it is the same.
    """
    import torch
    from torch.nn.functional import cross_entropy

    questions, candidates = logits.float().chunk(2)
    key = batch["key"]
    right = torch.arange(len(key), device=key.device)
    same = (key[:, None] == key[None, :]) & (right[:, None] != right[None, :])
    scores = (questions @ candidates.T).masked_fill(same, float("-inf"))
    return cross_entropy(scores, right)


def count(features: list[Feature]) -> int:
    """Every feature is one prediction."""
    return len(features)


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[list[str]]:
    """Per row the ids of the best candidates of a pool of `rows` alone, the best first."""
    sides = {
        side: np.stack([v for v, f in zip(logits, features, strict=True) if f["side"] == side])
        for side in (QUESTION, CANDIDATE)
    }
    ids = Pool.of({HERE: rows}).ids
    found = ranked(sides[QUESTION], sides[CANDIDATE], depth(task))
    return [[ids[i] for i in line] for line in found]

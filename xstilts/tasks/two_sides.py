"""What dual encoders share: two texts apart through one encoder, near each other if they match.

Training knows no wrong candidates but those of the other rows of a micro-batch: softmax over
the products of a query's vector with all of them (XTREME-R, Ruder et al. 2021,
https://arxiv.org/abs/2104.07412).
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from xstilts.tasks.encoding import pad
from xstilts.tasks.formats import Feature
from xstilts.tasks.pool import ranked
from xstilts.tasks.record import Task

HEAD = "vector"
QUESTION, CANDIDATE = "question", "candidate"


def outputs(_task: Task) -> int:
    """The head gives vectors of the body's width, whatever the task."""
    return 0


def both(
    questions: Iterable[Feature], candidates: Iterable[Feature], matches: Iterable[Hashable]
) -> list[Feature]:
    """Training features: a question and its candidate each.

    Rows with equal `matches` have the same candidate and get the same `key`.
    """
    keys: dict[Hashable, int] = {}
    return [
        {
            "row": index,
            QUESTION: question,
            CANDIDATE: candidate,
            "key": keys.setdefault(match, len(keys)),
            "length": 2 * max(question["length"], candidate["length"]),  # padded to one length
            "truncated": question["truncated"] or candidate["truncated"],
        }
        for index, (question, candidate, match) in enumerate(
            zip(questions, candidates, matches, strict=True)
        )
    ]


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


def best_ids(
    logits: list[np.ndarray], features: list[Feature], ids: Sequence[str], depth: int
) -> list[list[str]]:
    """For each question among the features the `ids` of its best candidates, the best first."""
    sides = {
        side: np.stack([v for v, f in zip(logits, features, strict=True) if f["side"] == side])
        for side in (QUESTION, CANDIDATE)
    }
    found = ranked(sides[QUESTION], sides[CANDIDATE], depth)
    return [[ids[i] for i in line] for line in found]

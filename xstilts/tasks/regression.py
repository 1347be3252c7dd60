"""Regression: one number for a pair of texts, on the scale that the task declares.

Loads torch when it collates.
"""

from typing import Any

import numpy as np

from xstilts.tasks import classification
from xstilts.tasks.encoding import pad
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = "sequence"


def outputs(_task: Task) -> int:
    """One number."""
    return 1


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One feature per row, made as in classification.

    With `train` its `target` is the score as a share of the scale, 0 to 1, so that tasks with
    different scales weigh alike in a mixture.
    """
    features = classification.encode(rows, tokenizer, task, train=False)
    if train:
        low, high = _scale(task)
        for feature in features:
            feature["target"] = (rows[feature["row"]]["score"] - low) / (high - low)
    return features


def _scale(task: Task) -> tuple[float, float]:
    assert task.scale is not None  # the check of the table sees to it
    return task.scale


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` [n, length] and `target` [n] when the features have one."""
    batch = pad(features, pad_id)
    if "target" in features[0]:
        import torch

        batch["target"] = torch.tensor([f["target"] for f in features], dtype=torch.float32)
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean squared error of logits [n, 1], in shares of the scale."""
    from torch.nn.functional import mse_loss

    return mse_loss(logits[:, 0].float(), batch["target"])


def count(features: list[Feature]) -> int:
    """Every feature is one prediction."""
    return len(features)


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[float]:
    """A number on the task's scale per row; not clipped to it, because that would make ties."""
    low, high = _scale(task)
    predictions = [low] * len(rows)
    for scores, feature in zip(logits, features, strict=True):
        predictions[feature["row"]] = low + float(scores[0]) * (high - low)
    return predictions

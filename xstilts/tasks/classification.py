"""Classification of one text or of a pair of texts (loads torch when it collates)."""

from typing import Any

import numpy as np

from xstilts.tasks.encoding import Template, fit_longest_first, input_limit, pad, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = "sequence"


def outputs(task: Task) -> int:
    """One logit per label."""
    return len(task.labels)


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One feature per row; a pair that is too long loses sub-words of its longer text."""
    template, limit = Template.of(tokenizer), input_limit(tokenizer, task)
    texts = pieces(tokenizer, [r["text_a"] for r in rows] + [r["text_b"] for r in rows])
    features = []
    for index, row in enumerate(rows):
        first, second = texts[index], texts[index + len(rows)]
        paired = row["text_b"] != ""
        room = template.room(limit, pair=paired)
        keep_first, keep_second = fit_longest_first(len(first), len(second), room)
        feature = template.join(first[:keep_first], second[:keep_second] if paired else None)
        feature.update(row=index, truncated=len(first) + len(second) > room)
        if train:
            feature["label"] = row["label"]
        features.append(feature)
    return features


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` [n, length] and `label` [n] when the features have one."""
    batch = pad(features, pad_id)
    if "label" in features[0]:
        import torch

        batch["label"] = torch.tensor([f["label"] for f in features])
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy of logits [n, labels]."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), batch["label"])


def count(features: list[Feature]) -> int:
    """Every feature is one prediction."""
    return len(features)


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], _task: Task
) -> list[int]:
    """Index of the best label per row."""
    predictions = [0] * len(rows)
    for scores, feature in zip(logits, features, strict=True):
        predictions[feature["row"]] = int(np.argmax(scores))
    return predictions

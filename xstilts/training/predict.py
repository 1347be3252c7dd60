"""Logits of a model for many features, and predictions for many rows.

Loads torch: import it only where a model is needed.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from xstilts.models.body import inference_budget
from xstilts.models.heads import TaskModel
from xstilts.tasks.formats import Feature, Row, format_of, truncated
from xstilts.tasks.packing import by_length
from xstilts.tasks.record import Task


@dataclass(frozen=True)
class Predictions:
    """One prediction per row, and how many rows lost some of their text on the way in."""

    values: list[Any]
    truncated: int


def predict_rows(
    model: TaskModel, tokenizer: Any, head: str, task: Task, rows: list[Row]
) -> Predictions:
    """Predict `rows` of `task` with the head that the task named `head` trained."""
    interface = model.reading.interface
    task_format = format_of(task, interface)
    called = replace(task, name=head)  # a text names the task that the model knows
    features = task_format.encode(rows, tokenizer, called, train=False)
    logits = predict(model, head, task, features, tokenizer.pad_token_id, interface=interface)
    return Predictions(task_format.decode(logits, features, rows, task), truncated(features))


def predict(
    model: nn.Module,
    head: str,
    task: Task,
    features: list[Feature],
    pad_id: int,
    token_budget: int | None = None,
    interface: str = "heads",
) -> list[np.ndarray]:
    """Float32 logits per feature, in the order of `features`.

    Shape [outputs] for sequences, [choices] for choices, [length, outputs] for tags and
    spans; with the interface `text`, the ids of the sub-words that the model wrote. `model` is
    a `TaskModel` or the engine around one; it is left in eval mode.
    """
    task_format = format_of(task, interface)
    found: list[np.ndarray] = [np.empty(0)] * len(features)
    where = next(model.parameters()).device
    model.eval()
    # Not in inference mode: what ZeRO 3 gathers here, the next training step may use as it is.
    with torch.no_grad():
        budget = token_budget or inference_budget(where)
        for indices in by_length([f["length"] for f in features], budget):
            batch = task_format.collate([features[i] for i in indices], pad_id)
            batch = {name: values.to(where) for name, values in batch.items()}
            logits = model(batch, head).float().cpu().numpy()
            per_sub_word = logits.ndim == 3
            for index, scores in zip(indices, logits, strict=True):
                found[index] = scores[: features[index]["length"]] if per_sub_word else scores
    return found

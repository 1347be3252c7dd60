"""Text-to-text: every format as texts in and texts out, for encoder-decoders.

It stands in the place of a format's own module (see `formats.format_of`).
"""

from typing import Any

import numpy as np

from xstilts.tasks.encoding import Template, input_limit, pad, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task
from xstilts.tasks.text_forms import FORMS

HEAD = "text"
IGNORED = -100


def outputs(_task: Task) -> int:
    """The body scores the whole vocabulary itself; 0 stands for that."""
    return 0


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One feature per row, cut at its end; with `train`, `target` holds the answer's sub-words.

    `longest` is how many sub-words an answer may have, `tokenizer` what reads it back.
    """
    form, template = FORMS[task.format], Template.of(tokenizer)
    room = template.room(input_limit(tokenizer, task), pair=False)
    sources = pieces(tokenizer, [form.source(row, task) for row in rows])
    targets = pieces(tokenizer, [form.target(row, task) for row in rows]) if train else []
    label = max(map(len, pieces(tokenizer, list(task.labels))), default=0)
    features = []
    for index, (row, ids) in enumerate(zip(rows, sources, strict=True)):
        feature = template.join(ids[:room])
        feature.update(row=index, truncated=len(ids) > room, tokenizer=tokenizer)
        feature["longest"] = form.longest(row, task, label) + 1  # and the end
        if train:
            feature["target"] = [*targets[index], tokenizer.eos_token_id]
        features.append(feature)
    return features


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` [n, length]; `labels` [n, longest target], or `longest` []."""
    import torch

    batch = pad(features, pad_id)
    if "target" not in features[0]:
        batch["longest"] = torch.tensor(max(f["longest"] for f in features))
        return batch
    longest = max(len(f["target"]) for f in features)
    labels = np.full((len(features), longest), IGNORED, dtype=np.int64)
    for line, feature in zip(labels, features, strict=True):
        line[: len(feature["target"])] = feature["target"]
    batch["labels"] = torch.from_numpy(labels)
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy over the targets' sub-words; logits [n, longest target, vocabulary]."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits.float().flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED
    )


def count(features: list[Feature]) -> int:
    """Every sub-word of a target is one prediction."""
    return sum(len(feature["target"]) for feature in features)


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[Any]:
    """One prediction per row; `logits` are the sub-words that the model wrote."""
    form, predictions = FORMS[task.format], [None] * len(rows)
    for ids, feature in zip(logits, features, strict=True):
        tokenizer, row = feature["tokenizer"], rows[feature["row"]]
        text = tokenizer.decode(ids.astype(np.int64).tolist(), skip_special_tokens=True)
        predictions[feature["row"]] = form.answer(text.strip(), row, task)
    return predictions

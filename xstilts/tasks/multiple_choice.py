"""Multiple choice: every choice is paired with the prompt and gets one score."""

from typing import Any

from xstilts.tasks import classification
from xstilts.tasks.encoding import Ids, Template, input_limit, pad, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = "choice"


def outputs(_task: Task) -> int:
    """One score per choice: the head has a single output."""
    return 1


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One feature per row with one input per choice; the prompt is cut at its beginning.

    A choice keeps all its sub-words unless it alone is longer than the input.
    """
    template, limit = Template.of(tokenizer), input_limit(tokenizer, task)
    prompts = pieces(tokenizer, [row["prompt"] for row in rows])
    choices = iter(pieces(tokenizer, [c for row in rows for c in row["choices"]]))
    features = []
    for index, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        endings = [next(choices) for _ in row["choices"]]
        feature = _feature(prompt, endings, template, template.room(limit, pair=True))
        feature["row"] = index
        if train:
            feature["label"] = row["label"]
        features.append(feature)
    return features


def _feature(prompt: Ids, endings: list[Ids], template: Template, room: int) -> Feature:
    inputs = []
    for ending in endings:
        ending = ending[:room]
        inputs.append(template.join(prompt[max(0, len(prompt) + len(ending) - room) :], ending))
    feature: Feature = {
        "input_ids": [single["input_ids"] for single in inputs],
        "length": len(inputs) * max(single["length"] for single in inputs),
        "truncated": any(len(prompt) + len(ending) > room for ending in endings),
    }
    if template.segments:
        feature["token_type_ids"] = [single["token_type_ids"] for single in inputs]
    return feature


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` [n, choices, length] and `label` [n] when there is one."""
    import torch

    keys = [key for key in ("input_ids", "token_type_ids") if key in features[0]]
    inputs = [
        dict(zip(keys, values, strict=True))
        for feature in features
        for values in zip(*(feature[key] for key in keys), strict=True)
    ]
    batch = {
        name: values.view(len(features), -1, values.shape[-1])
        for name, values in pad(inputs, pad_id).items()
    }
    if "label" in features[0]:
        batch["label"] = torch.tensor([f["label"] for f in features])
    return batch


loss = classification.loss
count = classification.count
decode = classification.decode

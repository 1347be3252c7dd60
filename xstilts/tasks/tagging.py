"""Tagging of words: labels on one sub-word each, long sentences split and re-joined.

The rules are those of XTREME's `utils_preprocess.py`: a word of no sub-words, or of more
than fit into one input, becomes the unknown token; a sentence that does not fit into one
input goes on in the next; nothing is cut off.
"""

from typing import Any

import numpy as np

from xstilts.tasks.encoding import Ids, Template, input_limit, pad, unknown_token, word_pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = "token"
IGNORED = -100
_RESERVED = 3  # XTREME keeps 128 - 3 sub-words for XLM-R


def outputs(task: Task) -> int:
    """One logit per tag."""
    return len(task.labels)


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One or more features per row, in the order of its words.

    `starts` holds the position of each word's first sub-word (in a decoder, whose states see
    nothing of what follows, of its last one); with `train`, `tags` holds the words' tags.
    `truncated` marks a feature in which an over-long word became unknown.
    """
    template, room = Template.of(tokenizer), input_limit(tokenizer, task) - _RESERVED
    words = iter(word_pieces(tokenizer, [word for row in rows for word in row["tokens"]]))
    unknown = [unknown_token(tokenizer)]
    features = []
    for index, row in enumerate(rows):
        sentence = [next(words) for _ in row["tokens"]]
        usable = [word if 0 < len(word) <= room else unknown for word in sentence]
        for first, last in _split([len(word) for word in usable], room):
            feature = _feature(usable[first:last], template)
            overlong = any(len(word) > room for word in sentence[first:last])
            feature.update(row=index, truncated=overlong)
            if train:
                feature["tags"] = row["tags"][first:last]
            features.append(feature)
    return features


def _split(lengths: list[int], room: int) -> list[tuple[int, int]]:
    """Ranges of words, each of at most `room` sub-words, filled greedily from the left."""
    ranges, first, used = [], 0, 0
    for index, length in enumerate(lengths):
        if used + length > room:
            ranges.append((first, index))
            first, used = index, 0
        used += length
    if lengths:
        ranges.append((first, len(lengths)))
    return ranges


def _feature(words: list[Ids], template: Template) -> Feature:
    feature = template.join([token for word in words for token in word])
    ends = np.cumsum([len(template.single[0])] + [len(word) for word in words])
    feature["starts"] = (ends[1:] - 1 if template.causal else ends[:-1]).tolist()
    return feature


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` and, when the features have tags, `labels` [n, length]."""
    import torch

    batch = pad(features, pad_id)
    if "tags" in features[0]:
        labels = np.full(tuple(batch["input_ids"].shape), IGNORED, dtype=np.int64)
        for line, feature in zip(labels, features, strict=True):
            line[feature["starts"]] = feature["tags"]
        batch["labels"] = torch.from_numpy(labels)
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy over the words; logits [n, length, tags]."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(
        logits.float().flatten(0, 1), batch["labels"].flatten(), ignore_index=IGNORED
    )


def count(features: list[Feature]) -> int:
    """Every word is one prediction."""
    return sum(len(feature["starts"]) for feature in features)


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[list[str]]:
    """The tag of every word; `logits` are [length, tags] per feature, in `encode`'s order."""
    predictions: list[list[str]] = [[] for _ in rows]
    for scores, feature in zip(logits, features, strict=True):
        best = np.argmax(scores[feature["starts"]], axis=-1)
        predictions[feature["row"]].extend(task.labels[tag] for tag in best)
    return predictions

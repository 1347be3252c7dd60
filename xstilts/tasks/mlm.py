"""Masked language modelling with masks drawn anew at every step (BERT's 80/10/10 rule)."""

from typing import Any

import numpy as np

from xstilts.errors import UserError
from xstilts.tasks.encoding import Template, input_limit, pad, pieces
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = "mlm"
SHARE = 0.15


def outputs(_task: Task) -> int:
    """The head scores the whole vocabulary, whose size the body knows; 0 stands for that."""
    return 0


def encode(
    rows: list[Row],
    tokenizer: Any,
    task: Task,
    *,
    train: bool = True,  # noqa: ARG001  (the call is the same for every format)
) -> list[Feature]:
    """One or more features per row: a long text is cut into blocks, and all of them are used.

    Each feature carries what `mask` needs: `special` (how many sub-words at either end are
    never masked), `mask_id` and the ordinary ids `random_ids`.

    Raises:
        UserError: the tokenizer has no mask token.
    """
    if tokenizer.mask_token_id is None:
        raise UserError(
            f"Task {task.name!r} masks words, but the model's tokenizer has no mask token; take "
            "the task out of the recipe, or use a model that was pretrained on masked words."
        )
    template, limit = Template.of(tokenizer), input_limit(tokenizer, task)
    room = template.room(limit, pair=False)
    vocabulary = {
        "special": tuple(map(len, template.single)),
        "mask_id": tokenizer.mask_token_id,
        "random_ids": np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids),
    }
    features = []
    for row, ids in enumerate(pieces(tokenizer, [r["text"] for r in rows])):
        for first in range(0, len(ids), room):
            feature = template.join(ids[first : first + room])
            feature.update(row=row, truncated=False, **vocabulary)
            features.append(feature)
    return features


def mask(feature: Feature, seed: tuple[int, ...]) -> Feature:
    """A copy with 15 % of its sub-words masked; `positions` and `labels` say which and what.

    Of the chosen sub-words 80 % become the mask token, 10 % a random one, 10 % stay
    (Devlin et al. 2019). The same feature and seed always give the same masks.
    """
    rng = np.random.default_rng(seed)
    before, after = feature["special"]
    ids = np.array(feature["input_ids"])
    candidates = np.arange(before, len(ids) - after)
    positions = np.sort(rng.choice(candidates, size=_masked(feature), replace=False))
    labels = ids[positions]
    fate = rng.random(len(positions))
    ids[positions[fate < 0.8]] = feature["mask_id"]
    swapped = positions[fate >= 0.9]
    ids[swapped] = rng.choice(feature["random_ids"], size=len(swapped))
    return {**feature, "input_ids": ids, "positions": positions, "labels": labels}


def _masked(feature: Feature) -> int:
    return max(1, round(SHARE * (feature["length"] - sum(feature["special"]))))


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`input_ids`, `attention_mask` [n, length] of masked features, and what is asked:
    `masked` (indices into the flattened inputs) and `labels`, both [masked sub-words].
    """
    import torch

    batch = pad(features, pad_id)
    width = batch["input_ids"].shape[1]
    masked = np.concatenate([i * width + f["positions"] for i, f in enumerate(features)])
    batch["masked"] = torch.from_numpy(masked)
    batch["labels"] = torch.from_numpy(np.concatenate([f["labels"] for f in features]))
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy of logits [masked sub-words, vocabulary]."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), batch["labels"])


def count(features: list[Feature]) -> int:
    """Every masked sub-word is one prediction."""
    return sum(_masked(feature) for feature in features)

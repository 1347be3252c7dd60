"""Dependency parsing: a head and a relation for every word, one tree per sentence.

Dozat and Manning 2017 (https://arxiv.org/abs/1611.01734) over one sub-word of every
word; the state of the whole input stands for the root. Arcs and relations are trained
together, relations on the true arcs; the tree is the best one with exactly one root.
"""

from typing import Any

import numpy as np

from xstilts.tasks import tagging
from xstilts.tasks.encoding import pad
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task
from xstilts.tasks.trees import best_tree

HEAD = "biaffine"
IGNORED = -100
Arc = tuple[int, str]  # head (1 is the first word, 0 the root) and relation


def outputs(task: Task) -> int:
    """One logit per relation; the first one is `root`."""
    return len(task.labels)


def encode(rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
    """One or more features per row: the same inputs as those of tagging.

    `first` is the place of a feature's first word in its sentence. With `train`, `heads`
    counts words within the feature and ignores heads that stand in another one; a feature
    that has no head of its own is left out.
    """
    features = tagging.encode(rows, tokenizer, task, train=False)
    used = dict.fromkeys(range(len(rows)), 0)
    for feature in features:
        feature["first"] = used[feature["row"]]
        used[feature["row"]] += len(feature["starts"])
        if train:
            feature.update(_targets(rows[feature["row"]], feature))
    return [f for f in features if count([f])] if train else features


def _targets(row: Row, feature: Feature) -> dict[str, list[int]]:
    first, size = feature["first"], len(feature["starts"])
    heads = [_inside(head, first, size) for head in row["heads"][first : first + size]]
    relations = row["relations"][first : first + size]
    known = zip(heads, relations, strict=True)
    return {"heads": heads, "relations": [r if h != IGNORED else IGNORED for h, r in known]}


def _inside(head: int, first: int, size: int) -> int:
    if head == 0:
        return 0
    return head - first if first < head <= first + size else IGNORED


def collate(features: list[Feature], pad_id: int) -> dict[str, Any]:
    """`starts` [n, words], `words` [n] and, with targets, `heads` and `relations` [n, words]."""
    import torch

    batch = pad(features, pad_id)
    batch["words"] = torch.tensor([len(feature["starts"]) for feature in features])
    filled = {"starts": 0, "heads": IGNORED, "relations": IGNORED}
    for name, value in filled.items():
        if name in features[0]:
            table = np.full((len(features), int(batch["words"].max())), value, dtype=np.int64)
            for line, feature in zip(table, features, strict=True):
                line[: len(feature[name])] = feature[name]
            batch[name] = torch.from_numpy(table)
    return batch


def loss(logits: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy of the words' heads plus that of their relations.

    Logits [n, words, 1 + words + relations]: scores of all heads, then scores of all
    relations to the true head.
    """
    from torch.nn.functional import cross_entropy

    nodes = batch["heads"].shape[1] + 1
    arcs, relations = logits.float()[..., :nodes], logits.float()[..., nodes:]
    parts = ((arcs, batch["heads"]), (relations, batch["relations"]))
    return sum(
        cross_entropy(scores.flatten(0, 1), gold.flatten(), ignore_index=IGNORED)
        for scores, gold in parts
    )


def count(features: list[Feature]) -> int:
    """Every word whose head stands in the same input."""
    return sum(head != IGNORED for feature in features for head in feature["heads"])


def decode(
    logits: list[np.ndarray], features: list[Feature], rows: list[Row], task: Task
) -> list[list[Arc]]:
    """The tree of every row; `logits` are those of the head without targets.

    Shape [words, 2 * (1 + words)], words padded: scores of all heads, then for each head the
    number of the best relation to it. A sentence that was split gets one tree too: the roots
    of its further parts hang on the root of the first.
    """
    predictions: list[list[Arc]] = [[] for _ in rows]
    roots: dict[int, int] = {}
    for scores, feature in zip(logits, features, strict=True):
        size, nodes = len(feature["starts"]), scores.shape[-1] // 2
        relations = scores[:size, nodes:].astype(np.int64)
        heads = best_tree(scores[:size, : size + 1])
        row, first = feature["row"], feature["first"]
        root = roots.setdefault(row, first + heads.index(0) + 1)
        for word, head in enumerate(heads):
            relation = task.labels[relations[word, head]]
            if head:
                predictions[row].append((first + head, relation))
            else:
                is_root = root == first + word + 1
                predictions[row].append((0, task.labels[0]) if is_root else (root, relation))
    return predictions

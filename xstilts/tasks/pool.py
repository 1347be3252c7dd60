"""The candidates of answer retrieval: the sentences of all contexts, in all languages at once.

A candidate is a sentence with its context. Its id is `<language>/<context>/<sentence>`, both
counted from 0 in the order of the rows. A question's targets are the sentences that hold its
answer: the rows with the same id in other languages are its translations, so there is one
target per language (LAReQA, Roy et al. 2020, https://arxiv.org/abs/2004.05484).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.tasks.record import Task

_QUERIES, _CANDIDATES = 256, 1 << 15  # a block of products: at most 64 MB
Rows = Sequence[Mapping[str, Any]]
HERE = "-"  # stands for the language where there is one alone


@dataclass(frozen=True)
class Pool:
    """`sentences[i]` and `contexts[i]` are the texts of the candidate `ids[i]`."""

    ids: tuple[str, ...]
    sentences: tuple[str, ...]
    contexts: tuple[str, ...]
    targets: dict[str, frozenset[str]]  # question id -> ids of the candidates that answer it

    @classmethod
    def of(cls, rows: Mapping[str, Rows]) -> "Pool":
        """The pool of canonical `rows` by language."""
        texts: dict[str, tuple[str, str]] = {}
        targets: dict[str, set[str]] = {}
        for language, own in rows.items():
            numbers: dict[str, int] = {}
            for row in own:
                number = numbers.setdefault(row["context"], len(numbers))
                for place, sentence in enumerate(row["sentences"]):
                    text = row["context"][sentence["start"] : sentence["end"]]
                    texts.setdefault(f"{language}/{number}/{place}", (text, row["context"]))
                gold = f"{language}/{number}/{gold_sentence(row)}"
                targets.setdefault(row["id"], set()).add(gold)
        return cls(
            ids=tuple(texts),
            sentences=tuple(text for text, _ in texts.values()),
            contexts=tuple(context for _, context in texts.values()),
            targets={name: frozenset(found) for name, found in targets.items()},
        )

    def part(self, span: slice) -> "Pool":
        """Some of the candidates, without targets."""
        sides = {"sentences": self.sentences[span], "contexts": self.contexts[span]}
        return Pool(ids=self.ids[span], **sides, targets={})


def gold_sentence(row: Mapping[str, Any]) -> int:
    """The number of the sentence in which the first answer of a row begins.

    Raises `ValueError` where none does, which the check of canonical rows excludes.
    """
    start = row["answers"][0]["start"]
    for number, sentence in enumerate(row["sentences"]):
        if sentence["start"] <= start < sentence["end"]:
            return number
    raise ValueError(f"question {row['id']}: no sentence holds the answer at {start}")


def targets_of(rows: Rows) -> list[frozenset[str]]:
    """The targets of each row: what `with_targets` wrote into them, else of a pool of `rows`.

    The target of a mention is its entity, whatever the pool.
    """
    if rows and "entity" in rows[0]:
        return [frozenset([row["entity"]]) for row in rows]
    if rows and "targets" in rows[0]:
        return [row["targets"] for row in rows]
    own = Pool.of({HERE: rows}).targets
    return [own[row["id"]] for row in rows]


def with_targets(rows: Rows, pool: Pool) -> list[dict[str, Any]]:
    """The rows with their targets in `pool`."""
    return [{**row, "targets": pool.targets[row["id"]]} for row in rows]


def depth(task: Task) -> int:
    """How many candidates of a ranking count: `map@20` says 20."""
    return int(task.metric.partition("@")[2])


def ranked(queries: Any, index: Any, k: int) -> NDArray[np.int64]:
    """For each query (m, d) the `k` rows of `index` (n, d) with the greatest product, best first.

    Arrays or SciPy's sparse matrices. Shape (m, min(k, n)); of equals the earlier row comes
    first. Exact, and a block at a time, so that a million candidates fit.
    """
    found = np.empty((queries.shape[0], min(k, index.shape[0])), dtype=np.int64)
    for start in range(0, queries.shape[0], _QUERIES):
        block = queries[start : start + _QUERIES]
        found[start : start + _QUERIES] = _ranked_block(block, index, found.shape[1])
    return found


def _ranked_block(queries: Any, index: Any, k: int) -> NDArray[np.int64]:
    best = [np.empty(0)] * queries.shape[0]
    rows = [np.empty(0, dtype=np.int64)] * queries.shape[0]
    for start in range(0, index.shape[0], _CANDIDATES):
        product = queries @ index[start : start + _CANDIDATES].T
        product = product if isinstance(product, np.ndarray) else product.toarray()
        for line, values in enumerate(product):
            if len(best[line]) == k:  # what is no greater than the last of k comes after it
                new = np.flatnonzero(values > best[line][-1])
            else:
                new = np.arange(len(values))
            if len(new):
                found = np.concatenate([best[line], values[new]])
                kept = _greatest(found, k)
                best[line] = found[kept]
                rows[line] = np.concatenate([rows[line], start + new])[kept]
    return np.stack(rows)


def _greatest(values: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Places of the `k` greatest (or all), greatest first; of equals the earlier one first."""
    if k < len(values):  # all that are as good as the k-th: the sort then settles ties
        good = np.flatnonzero(values >= np.partition(values, -k)[-k])
    else:
        good = np.arange(len(values))
    return good[np.argsort(-values[good], kind="stable")][:k]

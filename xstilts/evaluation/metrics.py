"""The metrics by name: which numbers of an item add up, and what their sums mean.

Every metric of the benchmark is a function of sums over items. Keeping those summands
per item makes a resampled score a matrix product: see `xstilts.evaluation.score`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.errors import UserError

Array = NDArray[np.float64]
COUNTS = ("tp", "pred", "gold")


@dataclass(frozen=True)
class Metric:
    """`columns` of an item are summed; `parts` turns sums (item count first) into fractions.

    The metric's value is the plain mean of its `value` parts.
    """

    columns: tuple[str, ...]
    parts: Callable[[Array], dict[str, Array]]
    value: tuple[str, ...]


def f1_parts(correct: Array, predicted: Array, gold: Array) -> dict[str, Array]:
    """Micro F1, precision and recall (0..1) from counts; 0 where a denominator is 0."""
    return {
        "f1": _ratio(2 * correct, predicted + gold),
        "precision": _ratio(correct, predicted),
        "recall": _ratio(correct, gold),
    }


def _ratio(numerator: Array, denominator: Array) -> Array:
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    zeros = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=zeros, where=denominator > 0)


def _accuracy(sums: Array) -> dict[str, Array]:
    return {"accuracy": sums[..., 1] / sums[..., 0]}


def _answers(sums: Array) -> dict[str, Array]:
    return {"f1": sums[..., 1] / sums[..., 0], "exact_match": sums[..., 2] / sums[..., 0]}


def _counts(sums: Array) -> dict[str, Array]:
    return f1_parts(sums[..., 1], sums[..., 2], sums[..., 3])


def _accuracy_and_f1(sums: Array) -> dict[str, Array]:
    return _accuracy(sums) | {"f1": _counts(np.delete(sums, 1, axis=-1))["f1"]}


_COUNTED = Metric(COUNTS, _counts, ("f1",))
_ANSWERED = Metric(("f1", "em"), _answers, ("f1", "exact_match"))

METRICS: dict[str, Metric] = {
    "accuracy": Metric(("correct",), _accuracy, ("accuracy",)),
    "accuracy_f1": Metric(("correct", *COUNTS), _accuracy_and_f1, ("accuracy", "f1")),
    "chunk_f1": _COUNTED,
    "entity_f1": _COUNTED,
    "mining_f1": _COUNTED,
    "squad": _ANSWERED,
    "mlqa": _ANSWERED,
}


def metric_named(name: str) -> Metric:
    """The metric of this name; `UserError` when there is none."""
    if name not in METRICS:
        raise UserError(f"Unknown metric '{name}'; choose one of {', '.join(sorted(METRICS))}.")
    return METRICS[name]


def statistics_matrix(metric: str, items: list[dict[str, Any]]) -> Array:
    """What the items add to the metric: shape (items, 1 + columns), ones in column 0."""
    columns = metric_named(metric).columns
    rows = [[1.0, *(item[c] for c in columns)] for item in items]
    return np.array(rows, dtype=np.float64).reshape(len(items), 1 + len(columns))


def parts_from_sums(metric: str, sums: Array) -> dict[str, Array]:
    """All parts of the metric, 0..100, from sums of shape (..., 1 + columns)."""
    parts = metric_named(metric).parts(np.asarray(sums, dtype=np.float64))
    return {name: 100 * part for name, part in parts.items()}


def value_from_sums(metric: str, sums: Array) -> Array:
    """The metric's value, 0..100, of shape (...), from sums of shape (..., 1 + columns).

    A bootstrap needs nothing else: `value_from_sums(m, counts @ statistics_matrix(m, items))`
    with `counts` of shape (replicates, items).
    """
    parts = parts_from_sums(metric, sums)
    return np.mean([parts[name] for name in metric_named(metric).value], axis=0)


def aggregate(metric: str, items: list[dict[str, Any]], counts: Array | None = None) -> Array:
    """The metric's value, 0..100, over items that occur `counts` times each.

    `counts` has shape (items,) for one value or (replicates, items) for one value each;
    without it every item counts once.
    """
    matrix = statistics_matrix(metric, items)
    weights = np.ones(len(items)) if counts is None else np.asarray(counts, dtype=np.float64)
    return value_from_sums(metric, weights @ matrix)

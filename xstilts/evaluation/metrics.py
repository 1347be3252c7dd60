"""The metrics by name: which numbers of an item add up, and what their sums mean.

Nearly every metric is a function of sums over items. Keeping those summands per item makes a
resampled score a matrix product: see `xstilts.evaluation.score`. Correlations are not: their
items keep both values, and a resampled score is computed from the drawn items themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.errors import UserError
from xstilts.evaluation.correlation import correlations

Array = NDArray[np.float64]
COUNTS = ("tp", "pred", "gold")


@dataclass(frozen=True)
class Metric:
    """`columns` of an item are summed; `parts` turns sums (item count first) into fractions.

    The metric's value is the plain mean of its `value` parts. A metric that is no function of
    sums has `of_items` instead, which gets what the items are, (items, ..., 1 + columns), and
    how often each counts, (replicates, items).
    """

    columns: tuple[str, ...]
    parts: Callable[[Array], dict[str, Array]] | None
    value: tuple[str, ...]
    of_items: Callable[[Array, Array], dict[str, Array]] | None = None


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


def _average_precision(sums: Array) -> dict[str, Array]:
    return {"map@20": sums[..., 1] / sums[..., 0]}


def _tag_accuracy(sums: Array) -> dict[str, Array]:
    return {"accuracy": _ratio(sums[..., 1], sums[..., 2])}


def _attachment(sums: Array) -> dict[str, Array]:
    words = sums[..., 3]
    return {"las": _ratio(sums[..., 2], words), "uas": _ratio(sums[..., 1], words)}


def _answers(sums: Array) -> dict[str, Array]:
    return {"f1": sums[..., 1] / sums[..., 0], "exact_match": sums[..., 2] / sums[..., 0]}


def _answers_or_none(sums: Array) -> dict[str, Array]:
    """With and without the questions that have no answer, as SQuAD 2.0's script names them."""
    n, f1, em, answerable, f1_has, em_has = np.moveaxis(sums, -1, 0)
    return {
        "f1": f1 / n,
        "exact_match": em / n,
        "HasAns_f1": _ratio(f1_has, answerable),
        "HasAns_exact": _ratio(em_has, answerable),
        "NoAns_f1": _ratio(f1 - f1_has, n - answerable),
        "NoAns_exact": _ratio(em - em_has, n - answerable),
    }


def _counts(sums: Array) -> dict[str, Array]:
    return f1_parts(sums[..., 1], sums[..., 2], sums[..., 3])


def _accuracy_and_f1(sums: Array) -> dict[str, Array]:
    return _accuracy(sums) | {"f1": _counts(np.delete(sums, 1, axis=-1))["f1"]}


_COUNTED = Metric(COUNTS, _counts, ("f1",))
_ANSWERED = Metric(("f1", "em"), _answers, ("f1", "exact_match"))

METRICS: dict[str, Metric] = {
    "accuracy": Metric(("correct",), _accuracy, ("accuracy",)),
    "accuracy_f1": Metric(("correct", *COUNTS), _accuracy_and_f1, ("accuracy", "f1")),
    "map@20": Metric(("correct",), _average_precision, ("map@20",)),
    "chunk_f1": _COUNTED,
    "entity_f1": _COUNTED,
    "mining_f1": _COUNTED,
    "tag_accuracy": Metric(("right", "words"), _tag_accuracy, ("accuracy",)),
    "las": Metric(("heads", "arcs", "words"), _attachment, ("las",)),
    "squad": _ANSWERED,
    "mlqa": _ANSWERED,
    "squad_v2": Metric(
        ("f1", "em", "answerable", "f1_answerable", "em_answerable"),
        _answers_or_none,
        ("f1", "exact_match"),
    ),
}


METRICS["pearson_spearman"] = Metric(
    ("score", "predicted"), None, ("pearson", "spearman"), correlations
)


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
    """All parts of the metric, 0..100, from sums of shape (..., 1 + columns).

    Raises `ValueError` for a metric that sums do not determine.
    """
    parts = metric_named(metric).parts
    if parts is None:
        raise ValueError(f"{metric} is no function of sums over items; use parts_of_items")
    return {name: 100 * p for name, p in parts(np.asarray(sums, dtype=np.float64)).items()}


def parts_of_items(metric: str, matrix: Array, counts: Array | None = None) -> dict[str, Array]:
    """All parts of the metric in points, from `matrix` of shape (items, ..., 1 + columns).

    `counts`, (items,) or (replicates, items), says how often each item counts: once without
    it. The results have the shape of `counts` and `matrix` without items and columns.
    """
    of_items = metric_named(metric).of_items
    if of_items is None:
        return parts_from_sums(metric, _sums(matrix, counts))
    found = of_items(matrix, np.ones(len(matrix)) if counts is None else counts)
    return {name: 100 * part for name, part in found.items()}


def _sums(matrix: Array, counts: Array | None) -> Array:
    if counts is None:
        return np.asarray(matrix.sum(axis=0))
    sums = counts @ matrix.reshape(len(matrix), -1)
    return np.asarray(sums.reshape((*counts.shape[:-1], *matrix.shape[1:])))


def value_of_items(metric: str, matrix: Array, counts: Array | None = None) -> Array:
    """The metric's value in points, with the arguments of `parts_of_items`."""
    parts = parts_of_items(metric, matrix, counts)
    return np.asarray(np.mean([parts[name] for name in metric_named(metric).value], axis=0))


def value_from_sums(metric: str, sums: Array) -> Array:
    """The metric's value, 0..100, of shape (...), from sums of shape (..., 1 + columns).

    Of a metric that sums determine, a bootstrap needs nothing else: `value_from_sums(m, counts
    @ statistics_matrix(m, items))` with `counts` of shape (replicates, items).
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
    return value_of_items(metric, matrix, weights)

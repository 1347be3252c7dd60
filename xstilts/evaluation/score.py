"""The official score of one task in one language, with what every item contributes to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.evaluation.answers import (
    best_over_golds,
    best_over_golds_v2,
    normalise_mlqa,
    normalise_squad,
)
from xstilts.evaluation.chunks import chunk_counts
from xstilts.evaluation.metrics import (
    aggregate,
    metric_named,
    parts_of_items,
    statistics_matrix,
    value_from_sums,
    value_of_items,
)
from xstilts.evaluation.mining import gold_pairs
from xstilts.evaluation.retrieval import average_precision
from xstilts.evaluation.word_items import tag_items, tree_items
from xstilts.files import replaced_file
from xstilts.tasks.pool import depth, targets_of
from xstilts.tasks.record import Task

__all__ = [
    "Score",
    "aggregate",
    "read_items",
    "score",
    "statistics_matrix",
    "value_from_sums",
    "write_items",
]

Item = dict[str, Any]
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Score:
    """`value` is what the benchmark averages, `metrics` its parts: 0..100, correlations -100..100.

    `items` holds one record per scored unit, in row order: `id`, `correct` (0..1, for
    paired comparisons) and the columns that the metric sums. The unit is the row, for
    mining the foreign sentence.
    """

    value: float
    metrics: dict[str, float]
    items: list[Item]


def score(task: Task, language: str, predictions: Sequence[Any], rows: Rows) -> Score:
    """Score `predictions` against the canonical `rows` of a test set in `language`.

    One prediction per row (label index, list of tags, list of arcs, answer text, row number of the
    nearest foreign sentence); for mining any number of pairs (foreign id, English id).
    Raises `UserError` for an unknown metric or a language that the metric cannot treat,
    `ValueError` for predictions that do not fit the rows.
    """
    metric_named(task.metric)
    if not rows:
        raise ValueError(f"{task.name} {language}: no rows to score")
    if task.metric != "mining_f1" and len(predictions) != len(rows):
        raise ValueError(
            f"{task.name} {language}: {len(predictions)} predictions for {len(rows)} rows"
        )
    items = _ITEMS[task.metric](task, language, predictions, rows)
    matrix = statistics_matrix(task.metric, items)
    parts = parts_of_items(task.metric, matrix)
    return Score(
        value=float(value_of_items(task.metric, matrix)),
        metrics={name: float(part) for name, part in parts.items()},
        items=items,
    )


def _gold_labels(task: Task, rows: Rows) -> list[int]:
    if task.format == "retrieval":  # row i translates row i
        return list(range(len(rows)))
    return [row["label"] for row in rows]


def _label_items(task: Task, language: str, predictions: Sequence[int], rows: Rows) -> list[Item]:
    del language
    return [
        {"id": row["id"], "correct": float(predicted == gold)}
        for row, predicted, gold in zip(rows, predictions, _gold_labels(task, rows), strict=True)
    ]


def _similarity_items(
    task: Task, language: str, predictions: Sequence[float], rows: Rows
) -> list[Item]:
    """Both values, from which correlations are computed; `correct` is their closeness.

    It is 1 less their distance as a share of the scale, and 0 beyond.
    """
    del language
    assert task.scale is not None  # the check of the table sees to it
    low, high = task.scale
    return [
        {"id": row["id"], "correct": max(0.0, 1 - abs(predicted - row["score"]) / (high - low))}
        | {"score": row["score"], "predicted": float(predicted)}
        for row, predicted in zip(rows, predictions, strict=True)
    ]


def _duplicate_items(
    task: Task, language: str, predictions: Sequence[int], rows: Rows
) -> list[Item]:
    """As GLUE scores QQP: accuracy, and F1 of the label with index 1."""
    items = _label_items(task, language, predictions, rows)
    for item, predicted, row in zip(items, predictions, rows, strict=True):
        both = predicted == 1 and row["label"] == 1
        item.update(tp=int(both), pred=int(predicted == 1), gold=int(row["label"] == 1))
    return items


def _chunk_items(
    task: Task, language: str, predictions: Sequence[Sequence[str]], rows: Rows
) -> list[Item]:
    items = []
    for row, predicted in zip(rows, predictions, strict=True):
        try:
            counts = chunk_counts(predicted, [task.labels[tag] for tag in row["tags"]])
        except ValueError as error:
            raise ValueError(f"{task.name} {language}, sentence {row['id']}: {error}") from error
        items.append(_counted(row["id"], *counts))
    return items


def _answer_items(
    task: Task,
    language: str,
    predictions: Sequence[str],
    rows: Rows,
    *,
    normaliser: Callable[[str], Callable[[str], str]],
) -> list[Item]:
    normalise = normaliser(language)
    items = []
    for row, predicted in zip(rows, predictions, strict=True):
        golds = [answer["text"] for answer in row["answers"]]
        if not golds:
            raise ValueError(f"{task.name} {language}, question {row['id']}: no gold answer")
        f1, em = best_over_golds(predicted, golds, normalise)
        items.append({"id": row["id"], "correct": (f1 + em) / 2, "f1": f1, "em": em})
    return items


def _answer_or_none_items(
    task: Task, language: str, predictions: Sequence[str], rows: Rows
) -> list[Item]:
    """As SQuAD 2.0's script; a question without gold answers is right when it got ""."""
    del task, language
    items = []
    for row, predicted in zip(rows, predictions, strict=True):
        f1, em = best_over_golds_v2(predicted, [answer["text"] for answer in row["answers"]])
        answerable = int(bool(row["answers"]))
        items.append(
            {"id": row["id"], "correct": (f1 + em) / 2, "f1": f1, "em": em}
            | {"answerable": answerable, "f1_answerable": f1 * answerable}
            | {"em_answerable": em * answerable}
        )
    return items


def _pair_items(
    task: Task, language: str, predictions: Sequence[tuple[str, str]], rows: Rows
) -> list[Item]:
    """One item per foreign sentence: its predicted and its true partners."""
    foreign = [row["id"] for row in rows if row["side"] == "foreign"]
    predicted = {(pair[0], pair[1]) for pair in predictions}
    gold = gold_pairs(rows)
    counts = {name: [0, 0, 0] for name in foreign}
    unknown = sorted({name for name, _ in predicted | gold} - counts.keys())
    if unknown:
        raise ValueError(f"{task.name} {language}: no foreign sentence has the id {unknown[0]!r}")
    for column, pairs in enumerate((predicted & gold, predicted, gold)):
        for name, _ in pairs:
            counts[name][column] += 1
    return [_counted(name, *counts[name]) for name in foreign]


def _counted(name: str, tp: int, pred: int, gold: int) -> Item:
    correct = 2 * tp / (pred + gold) if pred + gold else 1.0
    return {"id": name, "correct": correct, "tp": tp, "pred": pred, "gold": gold}


def _ranking_items(
    task: Task, language: str, predictions: Sequence[Sequence[str]], rows: Rows
) -> list[Item]:
    """Average precision per question: sum of the precisions at hits / min(targets, k).

    As the code of XTREME-R scores LAReQA (google-research/xtreme at 838c13b6). Targets are
    those of the rows (see `tasks.pool`).
    """
    del language
    k = depth(task)
    return [
        {"id": row["id"], "correct": average_precision(targets, list(found), k)}
        for row, targets, found in zip(rows, targets_of(rows), predictions, strict=True)
    ]


def _squad_normaliser(language: str) -> Callable[[str], str]:
    del language  # one rule for all
    return normalise_squad


def _mlqa_normaliser(language: str) -> Callable[[str], str]:
    return partial(normalise_mlqa, language=language)


_ITEMS: dict[str, Callable[[Task, str, Sequence[Any], Rows], list[Item]]] = {
    "accuracy": _label_items,
    "accuracy_f1": _duplicate_items,
    "chunk_f1": _chunk_items,
    "entity_f1": _chunk_items,
    "squad": partial(_answer_items, normaliser=_squad_normaliser),
    "mlqa": partial(_answer_items, normaliser=_mlqa_normaliser),
    "mining_f1": _pair_items,
    "tag_accuracy": tag_items,
    "las": tree_items,
    "map@20": _ranking_items,
    "squad_v2": _answer_or_none_items,
    "pearson_spearman": _similarity_items,
}


def write_items(path: Path, items_by_language: dict[str, list[Item]]) -> None:
    """Write the items of one task as Parquet: column `lang`, then the items' own columns.

    The same items give the same bytes. All items must have the same columns.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{"lang": lang, **item} for lang, items in items_by_language.items() for item in items]
    types = {"lang": pa.string(), "id": pa.string(), "correct": pa.float64()}
    types |= {
        name: pa.int64()
        for name in ("tp", "pred", "gold", "answerable", "heads", "arcs", "right", "words")
    }
    types |= {
        name: pa.float64()
        for name in ("f1", "em", "f1_answerable", "em_answerable", "score", "predicted")
    }
    schema = pa.schema([(name, types[name]) for name in rows[0]])
    with replaced_file(path) as temporary:
        parquet.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)


def read_items(path: Path) -> dict[str, list[Item]]:
    """The items of `write_items` by language, in their order."""
    from pyarrow import parquet

    found: dict[str, list[Item]] = {}
    # One open file, not a path: pyarrow would take `lang=..` folders for partitions.
    with path.open("rb") as stream:
        for row in parquet.read_table(stream).to_pylist():
            found.setdefault(row.pop("lang"), []).append(row)
    return found

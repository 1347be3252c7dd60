"""Scores as CSV, for spreadsheets and data frames: one row per score, one score per row."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xstilts.tasks.languages import LANGUAGES

Board = Mapping[str, Any]
Row = Mapping[str, Any]

SCORES = (
    *("study", "benchmark", "model", "recipe", "seed", "target"),
    *("language", "family", "script", "metric", "value", "n", "truncated"),
)
SUMMARY = (
    *("study", "benchmark", "model", "recipe", "control_of", "kind", "name", "value"),
    *("english", "zero_shot", "gap", "delta", "low", "high", "p", "p_holm", "missing"),
)


def scores_csv(board: Board) -> str:
    """A row per model, recipe, seed, target and language, in points; columns `SCORES`."""
    own = {name: board[name] for name in ("study", "benchmark")}
    rows = (own | cell | _spoken(cell["language"]) for cell in board["cells"])
    return _csv(SCORES, rows)


def summary_csv(board: Board) -> str:
    """A row per model, recipe and task, group or average, in points; columns `SUMMARY`.

    `delta` is the difference to the baseline, `low` and `high` are the ends of its interval.
    Where a mean cannot be taken its value is empty, and `missing` says what is not there.
    """
    return _csv(SUMMARY, _summary_rows(board))


def _spoken(code: str) -> Row:
    language = LANGUAGES[code]
    return {"family": language.family, "script": language.script}


def _summary_rows(board: Board) -> Iterator[Row]:
    own = {name: board[name] for name in ("study", "benchmark")}
    for record in board["summary"]:
        run = own | {name: record[name] for name in ("model", "recipe", "control_of")}
        kinds = {"task": record["tasks"], "group": record["groups"]}
        kinds |= {"average": {"average": record["average"]} if record["average"] else {}}
        for kind, scores in kinds.items():
            for name, score in scores.items():
                yield run | {"kind": kind, "name": name} | score | _difference(score)


def _difference(score: Row) -> Row:
    delta = score["delta"] or {}
    found = {name: delta.get(name) for name in ("low", "high", "p", "p_holm")}
    missing = "; ".join(score.get("missing", ()))
    return found | {"delta": delta.get("value"), "missing": missing}


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()

"""The scoreboard: one record with every score of a study and what follows from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.publish.answer import answer
from xstilts.publish.evaluations import Cell, Params, read_shortcuts
from xstilts.publish.provenance import provenance
from xstilts.publish.shortcuts import shortcut_rows
from xstilts.publish.statistics import compare_runs, seen_languages
from xstilts.publish.summary import summarise
from xstilts.publish.total import beyond_benchmark, study_groups, total_of

SCHEMA = 1  # raised when a reader of scores.json would have to change
_DECIMALS = 4
DATA_NOTES = {
    "world": "The data are a miniature world of generated sentences in real languages: scores "
    "are not comparable with published ones.",
    "mirror": "The data are read from a mirror of the Hugging Face hub, which may hold only a "
    "part of each data set.",
    "hub": "The data are the benchmark's, from the Hugging Face hub.",
}


def scoreboard(
    params: Params, cells: Sequence[Cell], evaluations: Path, root: Path
) -> dict[str, Any]:
    """The content of `scores.json`: all scores in points, rounded to four decimals."""
    study = params["study"]
    total = total_of(study)
    compared = compare_runs(study, cells)
    summary = summarise(study, cells, compared.deltas)
    shortcuts = read_shortcuts(params, evaluations)
    seen = seen_languages(study, study["recipes"])
    board = {
        "schema": SCHEMA,
        "study": study["name"],
        "question": study["question"],
        "benchmark": study["benchmark"],
        "source": study["source"]["kind"],
        "data_note": DATA_NOTES[study["source"]["kind"]],
        "answer": "",
        "asks": study.get("asks", "gains"),
        "baseline": study["baseline"],
        "recipes": study["recipes"],
        "groups": study_groups(study),
        "beyond": beyond_benchmark(study),
        "total": total,
        "metrics": {cell.target: cell.metric for cell in cells},
        "cells": [row for cell in cells for row in _rows(cell)],
        "summary": summary,
        "statistics": compared.statistics,
        "shortcuts": shortcut_rows(summary, shortcuts, plain_recipe(study), seen),
        "provenance": provenance(params, cells, root),
    }
    rounded: dict[str, Any] = _rounded(board)
    return rounded | {"answer": answer(rounded)}  # from the numbers that a reader has


def plain_recipe(study: Mapping[str, Any]) -> str:
    """The recipe without intermediate tasks, which controls follow; else the baseline."""
    plain = (recipe for recipe, tasks in study["recipes"].items() if not tasks)
    return next(plain, str(study["baseline"]))


def _rows(cell: Cell) -> list[dict[str, Any]]:
    identity = {"model": cell.model, "recipe": cell.recipe, "target": cell.target}
    return [
        identity
        | {"language": language, "seed": cell.seed, "metric": cell.metric}
        | {"value": score["value"], "n": score["n"], "truncated": score.get("truncated")}
        for language, score in cell.languages.items()
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS) + 0.0  # no minus on zero
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value

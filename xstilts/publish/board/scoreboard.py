"""The scoreboard: one record with every score of a study and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xstilts.publish.board.best_run import best_run
from xstilts.publish.board.cost import cost
from xstilts.publish.board.evaluations import (
    Cell,
    Params,
    missing_cells,
    plain_recipe,
    read_shortcuts,
)
from xstilts.publish.board.provenance import provenance
from xstilts.publish.board.schema import SCHEMA
from xstilts.publish.board.shortcuts import shortcut_rows
from xstilts.publish.board.statistics import compare_runs, seen_languages
from xstilts.publish.board.summary import summarise
from xstilts.publish.board.total import beyond_benchmark, study_groups, total_of
from xstilts.publish.board.trainings import curves
from xstilts.publish.words.answer import answer
from xstilts.study.gate import USUAL
from xstilts.tasks.table import task_in

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
    """The content of `scores.json`: all scores in points, rounded to four decimals.

    Where cells of the study are missing, it is a partial one and says so.
    """
    study = params["study"]
    total = total_of(study)
    missing = missing_cells(params, cells)
    compared = compare_runs(study, cells, missing)
    summary = summarise(study, cells, compared.deltas, missing)
    shortcuts = read_shortcuts(params, evaluations, allow_partial=bool(missing))
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
        "metrics": {name: task_in(name, study["benchmark"]).metric for name in study["targets"]},
        "missing": missing,
        "best": best_run(summary, study["seeds"]),
        "gate": study.get("gate", asdict(USUAL)),
        "cells": [row for cell in cells for row in _rows(cell)],
        "summary": summary,
        "statistics": compared.statistics,
        "shortcuts": shortcut_rows(summary, shortcuts, plain_recipe(study), seen),
        "curves": curves(study, cells),
        "cost": cost(params, cells),
        "provenance": provenance(params, cells, root),
    }
    rounded: dict[str, Any] = _rounded(board)
    return rounded | {"answer": answer(rounded)}  # from the numbers that a reader has


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

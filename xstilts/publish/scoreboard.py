"""The scoreboard: one record with every score of a study and what follows from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.publish.answer import TARGETS, answer
from xstilts.publish.evaluations import Cell, Params, controls, read_shortcuts
from xstilts.publish.provenance import provenance
from xstilts.publish.shortcuts import shortcut_rows
from xstilts.publish.summary import summarise
from xstilts.tasks.table import BENCHMARKS, members

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
    groups = study_groups(study)
    own = controls(study)
    beyond, total = beyond_benchmark(study), total_of(study)
    summary = summarise(cells, list(study["recipes"]), study["baseline"], groups, own, beyond)
    shortcuts = read_shortcuts(params, evaluations)
    board = {
        "schema": SCHEMA,
        "study": study["name"],
        "question": study["question"],
        "benchmark": study["benchmark"],
        "source": study["source"]["kind"],
        "data_note": DATA_NOTES[study["source"]["kind"]],
        "answer": answer(summary, study["baseline"], total),
        "baseline": study["baseline"],
        "recipes": study["recipes"],
        "groups": groups,
        "beyond": beyond,
        "total": total,
        "metrics": {cell.target: cell.metric for cell in cells},
        "cells": [row for cell in cells for row in _rows(cell)],
        "summary": summary,
        "shortcuts": shortcut_rows(summary, shortcuts, plain_recipe(study)),
        "provenance": provenance(params, cells, root),
    }
    return _rounded(board)


def study_groups(study: Mapping[str, Any]) -> dict[str, list[str]]:
    """The benchmark's groups with the tasks that this study has."""
    groups = {
        group: [task for task in tasks if task in study["targets"]]
        for group, tasks in BENCHMARKS[study["benchmark"]].items()
    }
    return {group: tasks for group, tasks in groups.items() if tasks}


def beyond_benchmark(study: Mapping[str, Any]) -> list[str]:
    """The study's targets that its benchmark does not have."""
    return [task for task in study["targets"] if task not in members(study["benchmark"])]


def total_of(study: Mapping[str, Any]) -> dict[str, Any]:
    """What this study's averages are the mean of, and what they lack of the benchmark.

    `of` is the benchmark, or "targets" for a study without any task of it: then the mean is
    that of the study's targets, no score of a benchmark.
    """
    benchmark = study["benchmark"]
    averaged = [task for tasks in study_groups(study).values() for task in tasks]
    if not averaged:
        return {"of": TARGETS, "tasks": beyond_benchmark(study), "missing": []}
    missing = [task for task in members(benchmark) if task not in averaged]
    return {"of": benchmark, "tasks": averaged, "missing": missing}


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

"""Predictions in the official layout: all of them, and the bundle of the best recipe."""

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.evaluation.official_check import CHECKED, problems
from xstilts.publish.evaluations import Cell

Record = Mapping[str, Any]


def write_predictions(cells: Sequence[Cell], folder: Path) -> None:
    """Copy every cell's predictions to `folder/<model>/<recipe>/<seed>/<task>/`."""
    for cell in cells:
        place = folder / cell.model / cell.recipe / str(cell.seed) / cell.target
        shutil.copytree(cell.folder / "predictions", place)


def write_submission(
    cells: Sequence[Cell],
    summary: Sequence[Record],
    tasks: Collection[str],
    predictions: Path,
    folder: Path,
) -> Cell:
    """Copy the predictions of the best average, first seed, to `folder`, and check them.

    `tasks` are those of the benchmark: others are not submitted, and without any there is no
    folder. Controls take no part. Returns a cell of the chosen run. Raises `UserError` with
    every deviation from the official layout.
    """
    records = [r for r in summary if r["control_of"] is None]
    best = max(records, key=lambda record: record["average"]["value"])
    identity = (best["model"], best["recipe"])
    runs = [cell for cell in cells if (cell.model, cell.recipe) == identity]
    chosen = min(runs, key=lambda cell: cell.seed)
    own = [
        cell
        for cell in runs
        if cell.seed == chosen.seed and cell.target in tasks and cell.target in CHECKED
    ]
    if not own:
        return chosen
    folder.mkdir(parents=True)
    for cell in own:
        place = predictions / cell.model / cell.recipe / str(cell.seed) / cell.target
        shutil.copytree(place, folder / cell.target)
    languages = {cell.target: list(cell.languages) for cell in own}
    found = problems(folder, languages)
    raise_if_any(f"The predictions are not a valid submission: {each}" for each in found)
    return chosen

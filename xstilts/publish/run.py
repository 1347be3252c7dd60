"""The publish phase: from evaluations to `results/<study>/`."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.files import replaced_folder, write_json, write_text
from xstilts.publish.board.evaluations import Cell, Params, read_cells
from xstilts.publish.board.examples import study_examples
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.files.all_files import write_files
from xstilts.publish.page.report import render


def publish(
    params: Params,
    evaluations: Path,
    folder: Path,
    root: Path = Path(),
    allow_partial: bool = False,
) -> None:
    """Write `scores.json`, `examples.json`, `items/`, `index.html` and what `write_files` does.

    `params` is the resolved study (params.yaml), `evaluations` its folder of evaluated cells,
    `root` the checkout, asked for its commit. `folder` changes all at once or not at all.
    Raises `UserError` when predictions are malformed or a stage has not run, unless the study
    may be partial: then the scoreboard names the missing cells, and what would average over
    one is null.
    """
    cells = read_cells(params, evaluations, allow_partial)
    board = scoreboard(params, cells, evaluations, root)
    examples = study_examples(board, cells)
    with replaced_folder(folder) as temporary:
        write_json(temporary / "scores.json", board)
        write_json(temporary / "examples.json", {"examples": examples})
        write_items(board, cells, temporary / "items")
        write_files(board, cells, temporary)
        write_text(temporary / "index.html", render(board, examples))


def write_items(board: Mapping[str, Any], cells: Sequence[Cell], folder: Path) -> None:
    """Copy the item tables of the best model and recipe, all seeds, to `<target>-<seed>.parquet`.

    A later run is compared with them item by item. Nothing is written without a best run.
    """
    best = board["best"]
    for cell in cells:
        if best and (cell.model, cell.recipe) == (best["model"], best["recipe"]):
            folder.mkdir(exist_ok=True)
            shutil.copyfile(cell.items, folder / f"{cell.target}-{cell.seed}.parquet")

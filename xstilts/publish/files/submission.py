"""Predictions in the official layout: all of them, and the bundle of the best run, also zipped."""

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.evaluation.official_check import CHECKED, problems
from xstilts.files import replaced_file
from xstilts.publish.board.evaluations import Cell
from xstilts.tasks.table import members

SUBMISSION = "submission"
ARCHIVE = "submission.zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name
_PLAIN_FILE = 0o100644 << 16  # a file's mode as a zip file keeps it
_UNIX = 3
_LEVEL = 6  # of compression
_RUN = ("model", "recipe", "seed")


def write_predictions(cells: Sequence[Cell], folder: Path) -> None:
    """Copy every cell's predictions to `folder/<model>/<recipe>/<seed>/<task>/`."""
    for cell in cells:
        place = folder / cell.model / cell.recipe / str(cell.seed) / cell.target
        shutil.copytree(cell.folder / "predictions", place)


def write_submission(
    cells: Sequence[Cell], best: Mapping[str, Any] | None, benchmark: str, folder: Path
) -> None:
    """Write `submission/` and `submission.zip` into `folder`: the predictions of the run `best`.

    Only tasks of the benchmark are submitted; without any, and without a best run, nothing is
    written. Raises `UserError` with every deviation from the official layout.
    """
    own = [cell for cell in cells if _is_submitted(cell, best, benchmark)]
    if not own:
        return
    for cell in own:
        shutil.copytree(cell.folder / "predictions", folder / SUBMISSION / cell.target)
    languages = {cell.target: list(cell.languages) for cell in own}
    found = problems(folder / SUBMISSION, languages)
    raise_if_any(f"The predictions are not a valid submission: {each}" for each in found)
    write_archive(folder / SUBMISSION, folder / ARCHIVE)


def write_archive(folder: Path, path: Path) -> None:
    """Zip a folder's files, those of one task in a folder of its name at the top.

    The same files give the same bytes: names are sorted, and no time, owner or mode of theirs
    is kept.
    """
    with (
        replaced_file(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
    ):
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _PLAIN_FILE
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, _LEVEL)


def _is_submitted(cell: Cell, best: Mapping[str, Any] | None, benchmark: str) -> bool:
    if best is None or any(getattr(cell, name) != best[name] for name in _RUN):
        return False
    return cell.target in members(benchmark) and cell.target in CHECKED

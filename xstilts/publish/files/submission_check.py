"""`xstilts submission check`: all that is wrong with predictions before they are handed in."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.data.canonical import data_path, rows
from xstilts.errors import UserError, raise_if_any
from xstilts.evaluation.official_check import CHECKED, Gold, Rows, problems
from xstilts.files import sha256
from xstilts.publish.board.schema import read_board
from xstilts.publish.files.archive_check import unpack
from xstilts.tasks.table import BENCHMARKS, members, task_in

RESULTS, DATA = Path("results"), Path("data")
# Lines of each language's official test set, where every language has as many
OFFICIAL_LINES = {"xnli": 5010, "pawsx": 2000, "xcopa": 500}


@dataclass(frozen=True)
class Expected:
    """What a submission has to hold, and the test rows to compare it with."""

    languages: Mapping[str, Sequence[str]]  # by task
    gold: Gold
    compared: str  # what it is compared with, for people


def check(path: str, study: str | None) -> int:
    """Check a folder, or a zip file, of predictions; prints what was checked, returns 0.

    With the name of a study its targets are expected, else all tasks and languages of XTREME
    or of XTREME-R, whichever has more of the tasks that are there. Where `data/` has the test
    rows that the study was scored on, line counts, tags and ids are compared with them.

    Raises `UserError` with every deviation.
    """
    place = Path(path)
    if not place.exists():
        raise UserError(f"{place}: no such file or folder; give a submission's folder or zip file.")
    with tempfile.TemporaryDirectory(prefix="xstilts-submission-") as scratch:
        folder, found = place, []
        if not place.is_dir():
            folder = Path(scratch)
            found = unpack(place, folder)
        root, nested = _root(folder)
        expected = _of_study(study) if study else _official(root)
        found += nested + problems(root, expected.languages, expected.gold)
        raise_if_any(problem.replace(str(folder), str(place)) for problem in found)
    files = sum(map(len, expected.languages.values()))
    print(
        f"{place} is a valid submission: {', '.join(expected.languages)}; {files} files, compared "
        f"with {expected.compared}."
    )
    return 0


def _root(folder: Path) -> tuple[Path, list[str]]:
    """Where the folders of tasks lie, and a problem if that is not the top."""
    root = folder
    while not any((root / task).is_dir() for task in CHECKED):
        below = [p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
        if len(below) != 1:
            return folder, []
        root = below[0]
    if root == folder:
        return root, []
    return root, [
        f"{folder}: the folders of tasks lie in {root.relative_to(folder)}/; they have to stand at "
        "the top"
    ]


def _official(root: Path) -> Expected:
    """The whole benchmark that has most of the tasks which are there."""
    there = {path.name for path in root.iterdir()}
    benchmark = max(BENCHMARKS, key=lambda name: len(there & set(members(name))))
    languages = {task: task_in(task, benchmark).languages for task in members(benchmark)}

    def gold(task: str, _language: str) -> Rows | None:
        lines = OFFICIAL_LINES.get(task)
        return None if lines is None else [{}] * lines  # of which the check takes the number

    return Expected(languages, gold, f"the languages and sizes of {benchmark}")


def _of_study(study: str) -> Expected:
    """The targets of a published study, with its test rows as far as they are here."""
    board = read_board(RESULTS / study / "scores.json")
    languages: dict[str, list[str]] = {}
    for cell in board["cells"]:
        task, language = cell["target"], cell["language"]
        if task in members(board["benchmark"]) and task in CHECKED:
            own = languages.setdefault(task, [])
            if language not in own:
                own.append(language)
    if not languages:
        raise UserError(f"study {study} has no task of {board['benchmark']}: nothing is submitted.")
    here = {
        (task, language): path
        for task, own in languages.items()
        for language in own
        if (path := _test_file(board, task, language))
    }

    def gold(task: str, language: str) -> Rows | None:
        path = here.get((task, language))
        return None if path is None else rows(path)

    total = sum(map(len, languages.values()))
    compared = f"study {study} and the test rows of {len(here)} of {total} files"
    return Expected(languages, gold, compared)


def _test_file(board: Mapping[str, Any], task: str, language: str) -> Path | None:
    """The test rows that the study was scored on; another study's may lie in their place."""
    path = data_path(DATA / task, task, "test", language)
    file = board["provenance"]["data"][task].get(path.relative_to(DATA / task).as_posix())
    if file is None or not path.is_file() or sha256(path) != file["sha256"]:
        return None
    return path

"""What the phases that score have in common: the prepared rows, and the name of the result."""

from pathlib import Path
from typing import Any

from xstilts.data.canonical import data_path, rows
from xstilts.errors import UserError

SCORES = "scores.json"
Rows = list[dict[str, Any]]


def prepared_rows(data: Path, task: str, split: str, lang: str) -> Rows:
    """The prepared rows of one language; raises `UserError` when they are not there."""
    path = data_path(data, task, split, lang)
    if not path.is_file():
        raise UserError(f"{path} is missing; run the stage prepare@{data.name} again.")
    return rows(path)

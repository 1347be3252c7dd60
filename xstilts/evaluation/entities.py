"""The entities that mentions of a test set are linked to."""

from collections.abc import Mapping
from pathlib import Path

from xstilts.data.canonical import candidates_path, rows
from xstilts.errors import UserError
from xstilts.evaluation.prepared import Rows
from xstilts.tasks.mentions import Entities
from xstilts.tasks.record import Task


def entities_of(data: Path, task: Task, tests: Mapping[str, Rows]) -> Entities:
    """The prepared candidates; of a task that has none the entities which its rows describe.

    Texts of a million candidates take about 1 GB. Raises `UserError` where neither is there.
    """
    path = candidates_path(data, task.name)
    if path.is_file():
        found = rows(path)
        return Entities([row["id"] for row in found], [row["description"] for row in found])
    every = [row for own in tests.values() for row in own]
    if not all(row["description"] for row in every):
        raise UserError(f"{path} is missing; run the stage prepare@{data.name} again.")
    return Entities.of(every)

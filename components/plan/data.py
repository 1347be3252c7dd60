"""The data of a run: revisions of folders that DVC tracks, and what is in them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from components.plan.placement import read_json
from xstilts.errors import UserError
from xstilts.store import tracked
from xstilts.store.location import Location
from xstilts.store.tracked import Revisions
from xstilts.study.recipes import At

_NUMBERS = ("size", "nfiles")


@dataclass(frozen=True)
class Data:
    """Revisions by the paths of their folders; `at` says where to look into those, if anywhere."""

    revisions: Revisions = field(default_factory=dict)
    at: At | None = None


def read_data(text: str, problems: list[str]) -> Revisions:
    """The parameter `data`: JSON that maps a folder's path to what its .dvc file says of it.

    An empty text is no data. Mistakes go to `problems`; then there is none either.
    """
    found = {
        path: _whole(own) if isinstance(own, dict) else own
        for path, own in read_json("data", text, dict, problems).items()
    }
    wrong = tracked.problems(found)
    problems += wrong
    return {} if wrong else found


def _whole(revision: dict[str, object]) -> dict[str, object]:
    """Kubeflow hands on whole numbers as floats."""
    return {
        name: int(value) if name in _NUMBERS and isinstance(value, float) else value
        for name, value in revision.items()
    }


@contextmanager
def listed(revisions: Revisions, store: Location | None, problems: list[str]) -> Iterator[Data]:
    """The data; as long as the block runs, files of their names and without content are there.

    A revision that the store does not hold is a problem, and then `at` is None.
    """
    if not revisions:
        yield Data()
        return
    with tempfile.TemporaryDirectory(prefix="xstilts-data-", dir=".") as folder:
        root = Path(folder)
        there = store is not None and _all_there(root, revisions, store, problems)
        yield Data(revisions, root.joinpath if there else None)


def _all_there(root: Path, revisions: Revisions, store: Location, problems: list[str]) -> bool:
    wrong: list[str] = []
    for path, revision in revisions.items():
        try:
            tracked.lay_out(root / path, tracked.files(store, path, revision["md5"]))
        except UserError as error:
            wrong += error.problems
    problems += wrong
    return not wrong

"""`champion.json`: who is champion and who was, in one object, so that the two cannot disagree."""

import json
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from xstilts.errors import UserError

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """A run that became champion, as the `number`-th one; `restores` is the number it had before.

    `average` is the one it was published with, in points; `at` is in UTC.
    """

    number: int
    study: str
    run: str
    model: str
    recipe: str
    seed: int
    average: float
    at: str
    reason: str
    restores: int | None = None

    @property
    def name(self) -> str:
        """Study and run."""
        return f"{self.study}/{self.run}"


History = tuple[Entry, ...]  # the last one is champion; without any there is no champion


def to_bytes(history: Sequence[Entry]) -> bytes:
    """The object with this history."""
    entries = [asdict(entry) for entry in history]
    content = {"schema": SCHEMA, "champion": entries[-1], "history": entries}
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def from_bytes(data: bytes | None, where: str) -> History:
    """The history in an object, all of it checked; of none (None) an empty one.

    Raises `UserError` naming the object for whatever `to_bytes` would not have written.
    """
    if data is None:
        return ()
    try:
        return _parsed(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{where} is no record of champions ({error}). It was left as it is: restore an "
            "earlier version of the object, or move it away to begin anew."
        ) from error


def _parsed(content: Any) -> History:
    if not isinstance(content, dict) or "schema" not in content:
        raise ValueError("it is no JSON object with a schema")
    if content["schema"] != SCHEMA:
        raise ValueError(f"its schema is {content['schema']!r}, this version reads {SCHEMA}")
    if set(content) != {"schema", "champion", "history"}:
        raise ValueError("it does not have the fields schema, champion and history alone")
    if not isinstance(content["history"], list) or not content["history"]:
        raise ValueError("its history is no list of champions")
    if content["history"][-1] != content["champion"]:
        raise ValueError("its champion is not the last one of its history")
    return tuple(_entry(own, place) for place, own in enumerate(content["history"], 1))


def _entry(own: Any, number: int) -> Entry:
    kinds = {item.name: item for item in fields(Entry)}
    if not isinstance(own, dict) or set(own) != set(kinds):
        raise ValueError(f"entry {number} does not have the fields {', '.join(kinds)}")
    for name, item in kinds.items():
        if not _fits(own[name], item.type, optional=item.default is not MISSING):
            raise ValueError(f"{name} of entry {number} is {own[name]!r}")
    if own["number"] != number:
        raise ValueError(f"entry {number} has the number {own['number']}")
    return Entry(**own)


def _fits(value: Any, kind: Any, *, optional: bool) -> bool:
    if value is None:
        return optional
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, str if kind is str else int)

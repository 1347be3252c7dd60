"""Where champions lie in a store, how they are called, and when."""

import re
from datetime import UTC, datetime

from xstilts.errors import UserError
from xstilts.store import objects
from xstilts.store.location import Location

MODELS, CHAMPION, CANDIDATES = "models", "champion.json", "candidates"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def names(location: Location) -> list[str]:
    """The names that the store has a champion or candidates of."""
    return objects.folders(location, MODELS)


def checked(name: str) -> str:
    """The name of a champion; raises `UserError` if it cannot be one."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"The champion's name {name!r} may hold letters, digits, dots, hyphens and "
            "underscores, and begins with a letter or a digit."
        )
    return name


def where(location: Location, name: str) -> str:
    """The address of a champion's record, for messages."""
    return f"{location.url}/{MODELS}/{name}/{CHAMPION}"


def now() -> str:
    """This second in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")

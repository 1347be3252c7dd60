"""Running text out of prepared data, to pretrain on."""

from pathlib import Path
from typing import Any

from xstilts.data.canonical import rows

_NOT_TEXT = ("id", "pair", "side", "entity")


def texts(folder: Path) -> list[str]:
    """Every text of every data set below `folder`, each once, in the order of the files.

    Tokens are joined by spaces; choices are texts of their own; labels and ids are none.
    """
    found: dict[str, None] = {}
    for path in sorted(folder.rglob("*.arrow")):
        for row in rows(path):
            found.update(dict.fromkeys(row_texts(row)))
    return list(found)


def row_texts(row: dict[str, Any]) -> list[str]:
    """The texts of one canonical row."""
    named = ((name, value) for name, value in row.items() if name not in _NOT_TEXT)
    return [text for name, value in named for text in _texts_of(name, value)]


def _texts_of(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    if name == "tokens":
        return [" ".join(value)]
    return list(value) if name == "choices" else []

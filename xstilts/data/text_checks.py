"""What makes one value wrong as a text, and how values are shown in messages."""

from collections.abc import Iterator
from typing import Any

Problem = tuple[str, str, str]  # field, complaint with the value, remedy

_SHOWN = 60  # characters of a value in a message


def shown(value: Any) -> str:
    """The value as it stands in a message: 60 characters of it at most."""
    text = ascii(value) if _broken(value) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _broken(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def text_problems(field: str, value: Any, *, blank: bool = False) -> Iterator[Problem]:
    """What is wrong with a value that must be a text; `blank`: it may be empty."""
    if value is None:
        yield field, "there is no value", "fill it in or remove the row"
    elif not isinstance(value, str):
        complaint = f"{shown(value)} is a {type(value).__name__}, not a text"
        yield field, complaint, "map the field to a text column"
    elif _broken(value):
        yield field, f"broken UTF-8 in {shown(value)}", "encode the source as UTF-8"
    elif not blank and not value.strip():
        yield field, f"the text {shown(value)} is empty", "fill it in or remove the row"

"""Records of what happens: lines for people, or with XSTILTS_LOGS=json an object per line.

An object has `time` (UTC), `level`, `message`, `study`, `stage`, `rank`, and whatever numbers
the record came with; after an error that nobody expected also `exception`.
"""

import json
import logging
import math
import os
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from xstilts.errors import UserError
from xstilts.observe.subject import rank, subject

LOG = logging.getLogger("xstilts")
FORMAT = "XSTILTS_LOGS"
_JSON, _TEXT = "json", "text"
_START = '{"time": "'  # of every line that `_Json` makes


class _Console(logging.Handler):
    """Warnings and worse to stderr, the rest to stdout, as they are at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr if record.levelno >= logging.WARNING else sys.stdout
        print(self.format(record), file=stream, flush=True)


class _Text(logging.Formatter):
    """The message; warnings and worse say that they are."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno < logging.WARNING else _marked(record.levelname, text)


class _Json(logging.Formatter):
    """The record as an object on one line, in the letters of its language."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        found = {
            "time": moment,
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **subject(),
            "rank": rank(),
            **_finite(getattr(record, "numbers", {})),
        }
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, ensure_ascii=False, allow_nan=False, default=str)


def configure() -> None:
    """Write records from now on as XSTILTS_LOGS says; other libraries' warnings, too.

    Raises:
        UserError: its value is no format.
    """
    chosen = os.environ.get(FORMAT) or _TEXT
    if chosen not in (_JSON, _TEXT):
        raise UserError(f"{FORMAT}={chosen} is no format of logs: use {_JSON} or {_TEXT}.")
    console = _Console()
    console.setFormatter(_Json() if chosen == _JSON else _Text())
    root = logging.getLogger()
    root.handlers[:] = [own for own in root.handlers if not isinstance(own, _Console)] + [console]
    LOG.setLevel(logging.INFO)
    if chosen == _JSON:
        logging.captureWarnings(True)
        sys.excepthook = _unexpected


def say(message: str, **numbers: Any) -> None:
    """Record that something happened, with numbers that a log collector can search for."""
    LOG.info(message, extra={"numbers": numbers})


def relay(line: str) -> None:
    """Pass on a line of a process that this one started: a record as it is, a text as a record."""
    if os.environ.get(FORMAT) != _JSON or _record(line):
        print(line, flush=True)
    elif text := line.rpartition("\r")[2].rstrip():  # of a progress bar its last state
        say(text)


def as_text(line: str) -> str:
    """A line as people read it, also where it is a record."""
    found = _record(line)
    if found is None:
        return line
    text = "\n".join(filter(None, (found["message"], found.get("exception"))))
    return text if found["level"] == "info" else _marked(found["level"], text)


def _finite(numbers: dict[str, Any]) -> dict[str, Any]:
    """JSON has no others."""
    return {n: v for n, v in numbers.items() if not isinstance(v, float) or math.isfinite(v)}


def _marked(level: str, text: str) -> str:
    return f"{level.lower()}: {text}"


def _record(line: str) -> dict[str, Any] | None:
    """What `_Json` made a line of; None if it did not make this one."""
    if not line.startswith(_START):
        return None
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # the half of one
        return None
    return found if {"level", "message"} <= found.keys() else None


def _unexpected(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """In place of a traceback, whose lines a log collector would take apart."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        LOG.critical("%s: %s", kind.__name__, error, exc_info=(kind, error, traceback))

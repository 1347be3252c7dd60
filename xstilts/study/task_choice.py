"""What a study changes about single tasks."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from xstilts.study import reading
from xstilts.study.page import Keys, Page, unknown
from xstilts.study.settings import SETTINGS, Setting, read_settings
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import SPLITS, Source
from xstilts.tasks.table import TASKS


@dataclass(frozen=True, kw_only=True)
class TaskChoice:
    """What a study changes about one task."""

    settings: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    languages: tuple[str, ...] | None = None
    train_from: str | None = None
    source: dict[str, Any] = field(default_factory=dict)  # fields of `tasks.record.Source`


def read_languages(page: Page, keys: Keys, value: Any) -> tuple[str, ...] | None:
    """Language codes, or None where all are meant."""
    return None if value is None else reading.names(page, keys, value, LANGUAGES, "language")


def read_sizes(page: Page, keys: Keys, value: Any) -> dict[str, int]:
    """Split -> rows per language that the world makes."""
    values = reading.mapping(page, keys, value)
    reading.check_keys(page, keys, values, SPLITS)
    check = Setting(int, 1)
    for split, size in values.items():
        if problem := check.problem(size):
            page.problem((*keys, split), f"the number of {split} rows {problem}, not {size!r}.")
    return {s: n for s, n in values.items() if s in SPLITS and check.problem(n) is None}


def _source_fields(page: Page, keys: Keys, value: Any) -> dict[str, Any]:
    values = reading.mapping(page, keys, value)
    known = [item.name for item in fields(Source)]
    reading.check_keys(page, keys, values, known)
    found = {}
    for name in known:
        if name in values:
            if problem := _source_problem(name, values[name]):
                page.problem((*keys, name), f"{name} must be {problem}, not {values[name]!r}.")
            else:
                found[name] = values[name]
    return found


def _source_problem(name: str, value: Any) -> str | None:
    """What a field of a source must be, if `value` is not that."""
    if name in ("splits", "columns", "language_codes"):
        texts = [*value.keys(), *value.values()] if isinstance(value, dict) else [None]
        return None if all(isinstance(text, str) for text in texts) else "a mapping of texts"
    if name in ("labels", "drop_labels", "clean"):
        good = isinstance(value, list) and all(isinstance(item, str | int) for item in value)
        return None if good else "a list"
    optional = name not in ("hub", "config")
    return None if isinstance(value, str) or (value is None and optional) else "a text"


_CHOICE: dict[str, Callable[[Page, Keys, Any], Any]] = {
    "sizes": read_sizes,
    "languages": read_languages,
    "train_from": lambda page, keys, value: reading.one_of(page, keys, value, TASKS),
    "source": _source_fields,
}


def read_choices(page: Page, value: Any) -> dict[str, TaskChoice]:
    """Task -> what the study's field `tasks` changes about it."""
    found = {}
    for task, item in reading.mapping(page, ("tasks",), value).items():
        keys: Keys = ("tasks", task)
        if task not in TASKS:
            page.problem(keys, unknown("task", task, TASKS))
            continue
        body = reading.mapping(page, keys, item)
        own = {
            name: read(page, (*keys, name), body[name])
            for name, read in _CHOICE.items()
            if name in body
        }
        values = read_settings(page, keys, body, SETTINGS, besides=_CHOICE)
        found[task] = TaskChoice(settings=values, **own)
    return found

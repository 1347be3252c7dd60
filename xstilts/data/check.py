"""The check of records against their source: what `prepare` would refuse, without writing."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xstilts.data.prepare import checked_rows
from xstilts.data.rows import SourceRows
from xstilts.data.sources import Origin, check_languages, origin, present_languages
from xstilts.errors import UserError
from xstilts.tasks.check import task_problems
from xstilts.tasks.record import Task

_NAMED = ("classification", "tagging")  # formats whose labels the source may name
Item = dict[str, Any]  # `{task, source, splits: {split: [languages]}}`, as `prepare` takes it


@dataclass(frozen=True)
class Finding:
    """What one split of a task holds: rows by language, and what is wrong with it."""

    task: str
    split: str
    rows: dict[str, int]
    problems: list[str]


def findings(items: Iterable[Item], limit: int | None = None) -> Iterator[Finding]:
    """Read every split and language that `items` name, as `prepare` does, and nothing else.

    With `limit` only so many rows of a split are read. A problem that concerns all splits of
    a task (its languages, its record) stands in the first one.
    """
    with tempfile.TemporaryDirectory(prefix="xstilts-check-") as cache:
        for item in items:
            yield from _task_findings(item, Path(cache), limit)


def _task_findings(item: Item, cache: Path, limit: int | None) -> Iterator[Finding]:
    task = Task.from_dict(item["task"])
    wanted = {split: list(langs) for split, langs in item["splits"].items()}
    everyone = list(dict.fromkeys(lang for langs in wanted.values() for lang in langs))
    general = task_problems(task)
    where = origin(item["source"], cache, limit)
    try:
        general += check_languages(where, task, everyone)
    except UserError as error:
        general += error.problems
    present = _present(where, task)
    for split, langs in wanted.items():
        there = [lang for lang in langs if lang in present]
        found = (
            _split_finding(where, task, split, there)
            if there
            else Finding(task.name, split, {}, [])
        )
        yield Finding(task.name, split, found.rows, general + found.problems)
        general = []


def _present(where: Origin, task: Task) -> list[str]:
    """The languages that can be read, one data set after the other: any of them may be missing."""
    homes: dict[str, list[str]] = {}
    for lang in task.languages:
        homes.setdefault(task.source.of(lang).hub, []).append(lang)
    present: list[str] = []
    for langs in homes.values():
        with suppress(UserError):  # said before, about the whole task
            present += present_languages(where, replace(task, languages=tuple(langs)))
    return [lang for lang in task.languages if lang in present]


def _split_finding(where: Origin, task: Task, split: str, langs: list[str]) -> Finding:
    rows: dict[str, int] = {}
    problems: dict[str, None] = {}
    for lang in langs:
        try:
            source, converted = checked_rows(where, task, split, lang)
            rows[lang] = len(converted.rows)
            problems.update(dict.fromkeys(_label_problems(source, task)))
        except UserError as error:
            problems.update(dict.fromkeys(error.problems))
    return Finding(task.name, split, rows, list(problems))


def _label_problems(source: SourceRows, task: Task) -> Iterator[str]:
    """Labels that the source declares and the record does not know, before a row has one."""
    if task.format not in _NAMED:
        return
    field = "label" if task.format == "classification" else "tags"
    column = task.source.columns[field]
    known = {*task.labels, *task.source.drop_labels}
    unknown = [name for name in source.labels.get(column, ()) if name not in known]
    if unknown:
        yield (
            f"{source.where}, column {column}: the source declares the labels "
            f"{', '.join(unknown)}, which {task.name} does not know (it has "
            f"{', '.join(task.labels)}): correct the record's labels or its source."
        )

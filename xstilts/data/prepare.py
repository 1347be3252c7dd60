"""The prepare phase: sources in, canonical Arrow files and their provenance out."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xstilts import files
from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.clean import REPLACED, replaced_characters
from xstilts.data.convert import convert
from xstilts.data.rows import SourceRows
from xstilts.data.sources import Origin, check_languages, origin, rows_of
from xstilts.errors import UserError, raise_if_any
from xstilts.tasks.record import Task

PROVENANCE = "provenance.json"


def prepare(entry: dict[str, Any], folder: Path) -> None:
    """Write `<task>/<split>/<lang>.arrow` and `provenance.json` of a prepare entry.

    `entry` holds `tasks`: a list of `{task: record, source: {kind, ...}, splits: {split:
    [languages]}}`. All problems of all files are raised together as one `UserError`; then
    `folder` stays as it was.
    """
    with (
        _disk_space_named(folder),
        tempfile.TemporaryDirectory(prefix="xstilts-prepare-") as cache,
        files.replaced_folder(folder) as temporary,
    ):
        problems: list[str] = []
        provenance: dict[str, Any] = {}
        for item in entry["tasks"]:
            try:
                provenance |= _prepare_task(item, temporary, Path(cache))
            except UserError as error:
                problems += error.problems
        raise_if_any(dict.fromkeys(problems))
        files.write_json(temporary / PROVENANCE, {"files": provenance})


def _prepare_task(item: dict[str, Any], folder: Path, cache: Path) -> dict[str, Any]:
    task = Task.from_dict(item["task"])
    where = origin(item["source"], cache)
    wanted = [(split, lang) for split, langs in item["splits"].items() for lang in langs]
    raise_if_any(check_languages(where, task, list(dict.fromkeys(lang for _, lang in wanted))))
    problems: list[str] = []
    provenance: dict[str, Any] = {}
    for split, lang in wanted:
        path = data_path(folder, task.name, split, lang)
        try:
            provenance[path.relative_to(folder).as_posix()] = _prepare_file(
                where, task, split, lang, path
            )
        except UserError as error:
            problems += error.problems
    raise_if_any(problems)
    return provenance


def _prepare_file(where: Origin, task: Task, split: str, lang: str, path: Path) -> dict[str, Any]:
    source = rows_of(where, task, split, lang)
    converted = convert(source, task, lang)
    if not converted.rows:
        raise UserError(
            f"{source.where}: no row is left for {task.name} {split} {lang} (split expression "
            f"{task.source.splits[split]!r}, dropped {dict(converted.dropped)}): choose another "
            "split or another slice."
        )
    raise_if_any(canonical.validate(converted.rows, task, source.where, converted.numbers))
    canonical.write(converted.rows, task, path)
    return {
        "source": where.kind,
        "hub": task.source.hub,
        "config": task.source.config_of(lang),
        "split": task.source.splits[split],
        "revision": source.revision or task.source.revision,
        "rows": len(converted.rows),
        "dropped": dict(sorted(converted.dropped.items())),
        "changed": dict(sorted(converted.changed.items())),
        "sha256": files.sha256(path),
        "notes": _notes(where, source, task, converted.rows),
    }


def _notes(where: Origin, source: SourceRows, task: Task, rows: list[canonical.Row]) -> list[str]:
    notes = [*source.notes]
    if task.source.note and where.kind != "world":
        notes.append(task.source.note)
    if task.format == "mining" and all(row["pair"] for row in rows):
        notes.append("no distractors: gold pairs only, not comparable with official mining F1")
    replaced = sum(replaced_characters(row) for row in rows)
    if replaced:
        notes.append(f"{replaced} rows hold {REPLACED!a}: text that was decoded wrongly upstream")
    return notes


@contextmanager
def _disk_space_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"no space left on the disk of {folder} or of the scratch folder "
            f"{tempfile.gettempdir()} ({error}): free some, or set TMPDIR to another disk; "
            "nothing was written."
        ) from error

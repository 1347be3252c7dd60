"""The prepare phase: sources in, canonical Arrow files and their provenance out."""

import errno
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts import files
from xstilts.data import canonical, translations
from xstilts.data.canonical import CANDIDATES, candidates_path, data_path
from xstilts.data.clean import REPLACED, replaced_characters
from xstilts.data.convert import Converted, convert
from xstilts.data.corpus import sampled
from xstilts.data.entities import candidate_task, unknown_entities
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
    if task.source.candidates and "test" in item["splits"]:
        path = candidates_path(folder, task.name)
        record, found = candidate_task(task), candidate_rows(where, task)
        provenance[path.relative_to(folder).as_posix()] = _write_file(
            where, record, CANDIDATES, record.languages[0], path, *found
        )
    if where.kind == translations.KIND:
        for split in item["splits"]:
            _note_unequal(where, task, split, provenance)
    return provenance


def _note_unequal(where: Origin, task: Task, split: str, provenance: dict[str, Any]) -> None:
    """Say so where translations differ in number from each other, or from the English there."""
    own = {lang: f"{task.name}/{split}/{lang}.arrow" for lang in task.languages}
    counts = {lang: provenance[name]["rows"] for lang, name in own.items()}
    root = where.place.root
    if "en" not in counts and root and translations.files_of(root, task.name, "en", split):
        counts["en"] = len(checked_rows(where, task, split, "en")[1].rows)
    for name in own.values():
        provenance[name]["notes"] += translations.unequal(counts, split)


def checked_rows(where: Origin, task: Task, split: str, lang: str) -> tuple[SourceRows, Converted]:
    """The rows of one file, as the source has them and canonical.

    The rows of several sources are joined, see `joined`; those of running text are sentences,
    see `corpus`. Raises `UserError` with all that is wrong with them, an empty file included.
    """
    if task.also:
        return joined(where, task, split, lang)
    if task.sampling:
        share = sampled(where, task, split)[lang]
        return share.source, share.sentences
    task = task.in_language(lang)
    source = rows_of(where, task, split, lang)
    converted = convert(source, task, lang)
    if not converted.rows:
        raise UserError(
            f"{source.where}: no row is left for {task.name} {split} {lang} (split expression "
            f"{task.source.splits[split]!r}, dropped {dict(converted.dropped)}): choose another "
            "split or another slice."
        )
    raise_if_any(canonical.validate(converted.rows, task, source.where, converted.numbers))
    if task.source.candidates and where.limit is None:  # some candidates would not do
        known = candidate_rows(where, task)
        raise_if_any(unknown_entities(converted, task, source.where, *known))
    return source, converted


def candidate_rows(where: Origin, task: Task) -> tuple[SourceRows, Converted]:
    """The entities that all languages of a task are linked to, read once for all of them."""
    if task.name not in where.candidates:
        sizes = where.sizes | {CANDIDATES: where.sizes.get("test", 0)}
        record = candidate_task(task)
        where.candidates[task.name] = checked_rows(
            replace(where, sizes=sizes), record, CANDIDATES, record.languages[0]
        )
    found: tuple[SourceRows, Converted] = where.candidates[task.name]
    return found


def joined(where: Origin, task: Task, split: str, lang: str) -> tuple[SourceRows, Converted]:
    """The rows of all sources of a task, each evenly spread over the whole.

    So every stretch of the file has rows of all sources in proportion to their sizes, also the
    first few hundred dev rows, on which training selects. The ids of rows start with the name
    of their data set. In the world the sources share the size that the study gives the task,
    and each draws meanings of its own.
    """
    found, problems = [], []
    for number, part in enumerate(task.parts()):
        try:
            place = where.shared(len(task.parts()), number)
            found.append(checked_rows(place, part, split, lang))
        except UserError as error:
            problems += error.problems
    raise_if_any(dict.fromkeys(problems))
    order = sorted(
        ((index + 0.5) / len(converted.rows), number, index)
        for number, (_, converted) in enumerate(found)
        for index in range(len(converted.rows))
    )
    names = [part.source.hub.rpartition("/")[2] for part in task.parts()]
    rows = [(number, found[number][1].rows[index], index) for _, number, index in order]
    sources = [source for source, _ in found]
    everything = Converted(
        rows=[row | {"id": f"{names[number]}-{row['id']}"} for number, row, _ in rows],
        numbers=[found[number][1].numbers[index] for number, _, index in rows],
        dropped=sum((converted.dropped for _, converted in found), Counter()),
        changed=sum((converted.changed for _, converted in found), Counter()),
    )
    notes = tuple(dict.fromkeys(note for source in sources for note in source.notes))
    where_all = " and ".join(source.where for source in sources)
    return replace(sources[0], where=where_all, notes=notes), everything


def _prepare_file(where: Origin, task: Task, split: str, lang: str, path: Path) -> dict[str, Any]:
    task = task.in_language(lang)
    return _write_file(where, task, split, lang, path, *checked_rows(where, task, split, lang))


def _write_file(
    where: Origin,
    task: Task,
    split: str,
    lang: str,
    path: Path,
    source: SourceRows,
    converted: Converted,
) -> dict[str, Any]:
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
        "notes": [*_notes(where, source, task, converted.rows), *_cut_note(where, converted)],
    } | _further(where, task, split, lang)


def _further(where: Origin, task: Task, split: str, lang: str) -> dict[str, Any]:
    """Where the other rows come from, of a task with several sources; what a corpus is made of."""
    if task.sampling:
        share = sampled(where, task, split)[lang]
        return {"articles": share.size, "quota": share.quota}
    names: list[dict[str, Any]] = [
        {"hub": own.hub, "config": own.config_of(lang), "split": own.splits[split]}
        | {"revision": own.revision}
        for own in task.also
    ]
    return {"also": names} if names else {}


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


def _cut_note(where: Origin, converted: Converted) -> list[str]:
    """Candidates of answer retrieval are sentences: it matters who cut them."""
    if not converted.changed["cut_sentences"] or where.kind == "world":
        return []
    return ["sentences are cut by rule: the candidates are not the official ones"]


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

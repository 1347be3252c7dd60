"""One split of one language from whichever source a study names: world, mirror or hub."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xstilts.data import bucc_text, hub
from xstilts.data.rows import SourceRows
from xstilts.data.splits import base_splits, slices
from xstilts.errors import UserError
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import Source, Task

KINDS = ("world", "mirror", "hub")


@dataclass(frozen=True)
class Origin:
    """A source as a study gives it, and what of it was read already."""

    kind: str
    place: hub.Place
    sizes: dict[str, int]  # world: rows per language of our train, dev and test
    seed: int  # world
    seen: dict[tuple[str, ...], SourceRows] = field(default_factory=dict)


def origin(source: dict[str, Any], cache: Path) -> Origin:
    """Check `{kind: world|mirror|hub, path?, sizes?, seed?}`; raises `UserError`."""
    kind = source.get("kind")
    if kind not in KINDS:
        raise UserError(f"source kind {kind!r} is unknown; choose one of {', '.join(KINDS)}.")
    root = None
    if kind == "mirror":
        if not source.get("path"):
            raise UserError("source kind mirror needs a path: the folder laid out like the hub.")
        root = Path(source["path"])
        if not root.is_dir():
            raise UserError(f"the mirror {root} is no folder; correct the source's path.")
    return Origin(
        kind=kind,
        place=hub.Place(root, cache),
        sizes=dict(source.get("sizes") or {}),
        seed=int(source.get("seed", 0)),
    )


def check_languages(where: Origin, task: Task, languages: list[str]) -> list[str]:
    """Problems with the languages asked for: not of the task, or without a config there."""
    foreign = [lang for lang in languages if lang not in task.languages]
    if foreign:
        return [
            f"task {task.name} has no language {', '.join(foreign)}; it has "
            f"{', '.join(task.languages)}."
        ]
    if where.kind == "world" or "{lang}" not in task.source.config:
        return []
    names = hub.config_names(where.place, task.source.hub, task.source.revision)
    missing = [lang for lang in languages if not _has(where, task, lang, names)]
    if not missing:
        return []
    present = [lang for lang in task.languages if _has(where, task, lang, names)]
    return [
        f"{where.place.named(task.source.hub)} has no {task.name} in "
        f"{', '.join(f'{lang} (config {task.source.config_of(lang)})' for lang in missing)}; "
        f"the languages there are {', '.join(present) or 'none'}: leave the others out."
    ]


def _has(where: Origin, task: Task, lang: str, configs: list[str]) -> bool:
    return task.source.config_of(lang) in configs or any(
        _text_files(where, task.source, base, lang)
        for expression in task.source.splits.values()
        for base in base_splits(expression)
    )


def rows_of(where: Origin, task: Task, split: str, lang: str) -> SourceRows:
    """Rows of `lang` in our `split`: the source's split, this language's rows, then the slice."""
    source = task.source
    if split not in source.splits:
        raise UserError(
            f"task {task.name} declares no {split} split in {source.hub}; it declares "
            f"{', '.join(source.splits)}: add source.splits.{split}."
        )
    expression = source.splits[split]
    parts = {base: _whole_split(where, task, base, lang) for base in base_splits(expression)}
    if source.language_prefix:
        parts = _only_language(parts, task, source.language_prefix, lang)
    counts = {base: len(found.rows) for base, found in parts.items()}
    taken = [parts[base].take(list(span)) for base, span in slices(expression, counts)]
    return replace(
        taken[0],
        rows=[row for part in taken for row in part.rows],
        numbers=[number for part in taken for number in part.numbers],
        where=" + ".join(dict.fromkeys(part.where for part in taken)),
    )


def _only_language(
    parts: dict[str, SourceRows], task: Task, column: str, lang: str
) -> dict[str, SourceRows]:
    """Rows whose `column` starts with the language's code, of splits that mix languages."""
    code = task.source.code(lang)
    kept, present = {}, set()
    for base, found in parts.items():
        if column not in found.columns:  # convert names the lost column
            return parts
        codes = [str(row[column]).partition("-")[0] for row in found.rows]
        kept[base] = found.take([i for i, other in enumerate(codes) if other == code])
        present |= set(codes)
    if code not in present:
        raise UserError(
            f"{' + '.join(found.where for found in parts.values())}: no {column} starts with "
            f"{code}- ({LANGUAGES[lang].name}); there are {', '.join(sorted(present))}: "
            f"leave {lang} out."
        )
    return kept


def _whole_split(where: Origin, task: Task, base: str, lang: str) -> SourceRows:
    source = task.source
    config = source.config_of(lang)
    files = _text_files(where, source, base, lang)
    if files:
        return bucc_text.read(files, source)
    key = (source.hub, config, base)
    if key not in where.seen:
        if where.kind == "world":
            where.seen[key] = _world_rows(where, task, config, base)
        else:
            place = where.place
            where.seen[key] = hub.load(place, source.hub, config, base, source.revision)
    return where.seen[key]


def _text_files(where: Origin, source: Source, base: str, lang: str) -> dict[str, Path]:
    root = where.place.root
    return bucc_text.paths(root, source, base, lang) if root is not None else {}


def _world_rows(where: Origin, task: Task, config: str, base: str) -> SourceRows:
    """Rows of the world in the hub's schema; splits cut from one base split share its rows."""
    from xstilts.world import hub_rows

    sharing = [s for s, e in task.source.splits.items() if base in base_splits(e)]
    missing = [split for split in sharing if split not in where.sizes]
    if len(missing) == len(sharing):
        raise UserError(f"task {task.name}: source.sizes gives no size for {', '.join(missing)}.")
    size = sum(where.sizes.get(split, 0) for split in sharing)
    rows, labels = hub_rows(task.source.hub, config, base, size, where.seed)
    return SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where=f"world ({task.source.hub}, config {config}, split {base})",
        labels=labels,
        columns=tuple(rows[0]) if rows else (),
        notes=(f"generated by the world, seed {where.seed}",),
    )

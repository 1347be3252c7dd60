"""One split of one language from where a study says: world, mirror, hub or translations."""

from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from xstilts.data import bucc_text, hub, mention_text, squad_text, tagged_text, translations
from xstilts.data.rows import SourceRows
from xstilts.data.splits import base_splits, slices
from xstilts.errors import UserError
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import Source, Task

KINDS = ("world", "mirror", "hub", translations.KIND)


@dataclass(frozen=True)
class Origin:
    """A source as a study gives it, and what of it was read already."""

    kind: str
    place: hub.Place
    sizes: dict[str, int]  # world: rows per language of our train, dev and test
    seed: int  # world
    limit: int | None = None  # rows of a split that are read at most; None: all
    seen: dict[tuple[str, ...], SourceRows] = field(default_factory=dict)
    candidates: dict[str, Any] = field(default_factory=dict)  # see `prepare.candidate_rows`
    corpora: dict[tuple[str, str], Any] = field(default_factory=dict)  # see `corpus.sampled`

    def shared(self, parts: int, number: int) -> "Origin":
        """The origin for one of several sources of a task: in the world it makes its share."""
        if self.kind != "world":
            return self
        sizes = {split: ceil(size / parts) for split, size in self.sizes.items()}
        return replace(self, sizes=sizes, seed=self.seed + 100 * number, seen={})


def origin(source: dict[str, Any], cache: Path, limit: int | None = None) -> Origin:
    """Check `{kind: world|mirror|hub|translations, path?, sizes?, seed?}`; raises `UserError`.

    `limit` is for a quick look: whole splits of a hub or a mirror are read no further.
    """
    kind = source.get("kind")
    if kind not in KINDS:
        raise UserError(f"source kind {kind!r} is unknown; choose one of {', '.join(KINDS)}.")
    root, what = None, translations.FOLDER if kind == translations.KIND else hub.MIRROR
    if kind in ("mirror", translations.KIND):
        if not source.get("path"):
            raise UserError(f"source kind {kind} needs a path: the folder laid out like the hub.")
        root = Path(source["path"])
        if not root.is_dir():
            raise UserError(f"the {what} {root} is no folder; correct the source's path.")
    return Origin(
        kind=kind,
        place=hub.Place(root, cache, what),
        sizes=dict(source.get("sizes") or {}),
        seed=int(source.get("seed", 0)),
        limit=limit,
    )


def check_languages(where: Origin, task: Task, languages: list[str]) -> list[str]:
    """Problems with the languages asked for: not of the task, or without a config there."""
    foreign = [lang for lang in languages if lang not in task.languages]
    if foreign:
        return [
            f"task {task.name} has no language {', '.join(foreign)}; it has "
            f"{', '.join(task.languages)}."
        ]
    present = present_languages(where, task)
    missing = [lang for lang in languages if lang not in present]
    if not missing:
        return []
    return [
        f"{where.place.named(task.source.hub)} has no {task.name} in "
        f"{', '.join(f'{lang} (config {_config(task, lang)})' for lang in missing)}; "
        f"the languages there are {', '.join(present) or 'none'}: leave the others out."
    ]


def present_languages(where: Origin, task: Task) -> list[str]:
    """The task's languages that have a config there; all of them where one config holds all."""
    if where.kind == "world" or "{lang}" not in task.source.config:
        return list(task.languages)
    if where.kind == translations.KIND:
        homes = {lang: translations.repository(task.source, lang) for lang in task.languages}
        return [lang for lang, home in homes.items() if hub.holds(where.place, home)]
    configs: dict[str, list[str]] = {}
    present = []
    for lang in task.languages:
        own = task.in_language(lang)
        if _has_files(where, own, lang):
            present.append(lang)
            continue
        elsewhere = own.source.hub != task.source.hub
        if elsewhere and not hub.holds(where.place, own.source.hub):
            continue
        if own.source.hub not in configs:
            names = hub.config_names(where.place, own.source.hub, own.source.revision)
            configs[own.source.hub] = names
        if own.source.config_of(lang) in configs[own.source.hub]:
            present.append(lang)
    return present


def _config(task: Task, lang: str) -> str:
    source = task.source.of(lang)
    other = f" of {source.hub}" if source.hub != task.source.hub else ""
    return f"{source.config_of(lang)}{other}"


def _has_files(where: Origin, task: Task, lang: str) -> bool:
    return any(
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
    # a slice counts all rows of its split, and any row may be of a language that shares it
    limit = None if "[" in expression or source.language_prefix else where.limit
    bases = base_splits(expression)
    parts = {base: _whole_split(where, task, base, lang, limit) for base in bases}
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


def _whole_split(where: Origin, task: Task, base: str, lang: str, limit: int | None) -> SourceRows:
    source = task.source
    config = source.config_of(lang)
    if source.files_are_tagged and where.kind == "hub":
        raise tagged_text.not_on_the_hub(source)
    files = _text_files(where, source, base, lang)
    if files and source.files_are_json:
        return squad_text.read(files, f"{source.hub}, config {config}, split {base}")
    if files and source.files_are_tagged:
        return tagged_text.read(files, source, base)
    if files and source.files_are_mentions:
        return mention_text.read(files, lang)
    if files:
        return bucc_text.read(files, source)
    key = (source.hub, config, base, str(limit))
    if key not in where.seen:
        if where.kind == "world":
            where.seen[key] = _world_rows(where, task, config, base)
        elif where.kind == translations.KIND:
            home = translations.repository(source, lang)
            where.seen[key] = hub.load(where.place, home, "default", base, None, limit)
        else:
            place = where.place
            where.seen[key] = hub.load(place, source.hub, config, base, source.revision, limit)
    return where.seen[key]


def _text_files(where: Origin, source: Source, base: str, lang: str) -> dict[str, Path]:
    root = where.place.root
    if root is None:
        return {}
    if source.files_are_tagged:
        return tagged_text.paths(root, source, base)
    if source.files_are_mentions:
        return mention_text.paths(root, source, base)
    paths = squad_text.paths if source.files_are_json else bucc_text.paths
    return paths(root, source, base, lang)


def _world_rows(where: Origin, task: Task, config: str, base: str) -> SourceRows:
    """Rows of the world in the hub's schema; splits cut from one base split share its rows."""
    from xstilts.world import hub_rows

    sharing = [s for s, e in task.source.splits.items() if base in base_splits(e)]
    missing = [split for split in sharing if split not in where.sizes]
    if len(missing) == len(sharing):
        raise UserError(f"task {task.name}: source.sizes gives no size for {', '.join(missing)}.")
    size = sum(
        ceil(where.sizes.get(split, 0) / len(base_splits(task.source.splits[split])))
        for split in sharing
    )
    rows, labels = hub_rows(task.source.hub, config, base, size, where.seed)
    return SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where=f"world ({task.source.hub}, config {config}, split {base})",
        labels=labels,
        columns=tuple(rows[0]) if rows else (),
        notes=(f"generated by the world, seed {where.seed}",),
    )

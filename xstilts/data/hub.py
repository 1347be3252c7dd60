"""One split of a data set of the Hugging Face hub, or of a folder laid out like the hub.

Both go through `datasets`, read file by file (streaming): only the wanted split is fetched,
and nothing is taken from a prepared cache, whose key would not notice that a mirror's rows
changed. No scripts, no `trust_remote_code`.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.data.decode import table_rows
from xstilts.data.rows import SourceRows
from xstilts.data.unreadable import readable, without_rows
from xstilts.errors import UserError
from xstilts.tasks.record import EXPORTED

if TYPE_CHECKING:
    from datasets import DatasetBuilder, IterableDataset

MIRROR = "mirror"
_NAMELESS = "default"  # the one config of a data set whose card names none
_BATCH = 1000  # rows decoded at a time
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.)")


@dataclass(frozen=True)
class Place:
    """Where data sets are looked up: `root` is a folder laid out like the hub, None the hub."""

    root: Path | None
    cache: Path  # scratch folder of one preparation
    what: str = MIRROR  # the folder is, for messages

    def path(self, hub: str) -> str:
        """What `datasets` is to load."""
        return hub if self.root is None else str(self.root / hub)

    def named(self, hub: str) -> str:
        """The data set's name in messages."""
        return f"{hub} on the hub" if self.root is None else f"{hub} in the {self.what} {self.root}"


def config_names(place: Place, hub: str, revision: str | None) -> list[str]:
    """Configs of a data set; raises `UserError` when there is no such data set."""
    import datasets

    _require_repository(place, hub)
    with readable(place, hub):
        names = list(datasets.get_dataset_config_names(place.path(hub), **_pinned(place, revision)))
        return names + (_folders(place, hub, revision) if names == [_NAMELESS] else [])


def load(
    place: Place,
    hub: str,
    config: str,
    split: str,
    revision: str | None,
    limit: int | None = None,
) -> SourceRows:
    """All rows of one split, or its first `limit`.

    Raises `UserError` for a data set, config or split that is not there (naming those that
    are), for an unreadable or incomplete file and for a hub that cannot be reached.
    """
    found = find(place, hub, config, split, revision)
    with _readable(found):
        stream = found.stream()
        rows = list(islice((row for table in _tables(stream) for row in table_rows(table)), limit))
    if limit is None and found.declared not in (None, len(rows)):
        raise UserError(
            f"{found.where}: {len(rows)} rows, but the data set's card (README.md) says "
            f"{found.declared}; fetch the data set again or correct num_examples there."
        )
    if not rows:
        raise UserError(without_rows(found.where))
    return _source_rows(found, rows, stream.features)


@dataclass(frozen=True)
class Split:
    """One split of a data set, of which no row was read yet."""

    place: Place
    hub: str
    name: str
    builder: "DatasetBuilder"
    files: list[str]
    where: str  # for messages
    features: dict[str, Any]  # that the card declares
    notes: tuple[str, ...]

    @property
    def declared(self) -> int | None:
        """Rows that the card promises."""
        split = (self.builder.info.splits or {}).get(self.name)
        return split.num_examples if split is not None else None

    def stream(self) -> "IterableDataset":
        """Its rows; files are read as rows are asked for."""
        return self.builder.as_streaming_dataset(split=self.name)


def find(place: Place, hub: str, config: str, split: str, revision: str | None) -> Split:
    """Look a split up; raises `UserError` as `load` does, but for what its files hold."""
    builder = _builder(place, hub, config, revision)
    files = {name: [str(f) for f in found] for name, found in builder.config.data_files.items()}
    if split not in files:
        raise UserError(
            f"{place.named(hub)}, config {config}, has no split {split!r}; it has "
            f"{', '.join(files)}: change source.splits."
        )
    where = f"{_file(files[split])} ({hub}, config {config}, split {split})"
    _require_all_shards(files[split], where)
    declared = builder.info.features or {}
    builder.info.features = None  # a value that does not fit the card is its row's problem
    notes = _notes(place, revision)
    return Split(place, hub, split, builder, files[split], where, dict(declared), notes)


def size(found: Split) -> int:
    """Rows of a split: as its card says, else counted."""
    if found.declared is not None:
        return found.declared
    with _readable(found):
        count = sum(table.num_rows for table in _tables(found.stream()))
    if not count:
        raise UserError(without_rows(found.where))
    return count


def parts(found: Split) -> Iterator[SourceRows]:
    """The rows of a split, a thousand at a time; what is not asked for is not read."""
    first = 0
    with _readable(found):
        stream = found.stream()
        for table in _tables(stream):
            rows = table_rows(table)
            yield _source_rows(found, rows, stream.features, first)
            first += len(rows)


def _tables(stream: "IterableDataset") -> Iterator[Any]:
    return iter(stream.with_format("arrow").iter(batch_size=_BATCH))


def _source_rows(
    found: Split, rows: list[dict[str, Any]], features: Any, first: int = 0
) -> SourceRows:
    commit = re.search(r"@([0-9a-f]{40})/", found.files[0])
    return SourceRows(
        rows=rows,
        numbers=range(first, first + len(rows)),
        where=found.where,
        labels=_label_names(found.features) or _label_names(features or {}),
        columns=tuple(features or rows[0]),
        revision=commit[1] if commit else None,
        notes=found.notes,
    )


def _builder(place: Place, hub: str, config: str, revision: str | None) -> "DatasetBuilder":
    import datasets

    _require_repository(place, hub)
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # its errors come to us as such
    datasets.config.STREAMING_READ_MAX_RETRIES = 1  # the hub's client retries five times itself
    with readable(place, hub):
        pinned = _pinned(place, revision)
        try:
            return datasets.load_dataset_builder(
                place.path(hub), config, cache_dir=str(place.cache), **pinned
            )
        except ValueError:
            names = config_names(place, hub, revision)
            files = _exported(place, hub, config, revision) if config in names else {}
            if config in names and not files:
                raise
            if files:
                return datasets.load_dataset_builder(
                    place.path(hub), data_files=files, cache_dir=str(place.cache), **pinned
                )
    raise UserError(
        f"{place.named(hub)} has no config {config!r}; it has {', '.join(names)}: "
        "change source.config or the languages."
    )


def _exported(place: Place, hub: str, config: str, revision: str | None) -> dict[str, str]:
    """Files of the splits of a config in one of the hub's own Parquet copies, which have no card.

    Their layout is `<config>/<split>/0000.parquet`.
    """
    splits = _folders(place, hub, revision, config)
    return {split: f"{config}/{split}/*.parquet" for split in splits}


def _folders(place: Place, hub: str, revision: str | None, under: str = "") -> list[str]:
    """Names of the folders in a data set, or in one of its folders."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFolder

    if place.root is not None:
        folders = [path.name for path in (place.root / hub / under).iterdir() if path.is_dir()]
    else:
        tree = HfApi().list_repo_tree(hub, under or None, revision=revision, repo_type="dataset")
        folders = [Path(entry.path).name for entry in tree if isinstance(entry, RepoFolder)]
    return sorted(set(folders) - {_NAMELESS})


def _pinned(place: Place, revision: str | None) -> dict[str, Any]:
    return {"revision": revision} if place.root is None and revision else {}


def _notes(place: Place, revision: str | None) -> tuple[str, ...]:
    if place.what != MIRROR:
        return (f"read from the {place.what} {place.root}",)
    if place.root is not None:
        return ("read from a mirror: the hub's revision is not known",)
    if revision == EXPORTED:
        return (f"unpinned: the hub's Parquet copy ({EXPORTED}) at the time of loading",)
    return () if revision else ("unpinned: the hub's main branch at the time of loading",)


def holds(place: Place, hub: str) -> bool:
    """Whether a mirror has a data set; of the hub itself only loading can tell."""
    return place.root is None or (place.root / hub).is_dir()


def _require_repository(place: Place, hub: str) -> None:
    if place.root is None or holds(place, hub):
        return
    held = sorted(f"{p.parent.name}/{p.name}" for p in place.root.glob("*/*") if p.is_dir())
    near = get_close_matches(hub, held, n=3)
    hint = f"did you mean {' or '.join(near)}" if near else f"put it into {place.root / hub}"
    raise UserError(
        f"the {place.what} {place.root} has no data set {hub} (of {len(held)} there): {hint}, "
        "or change source.hub."
    )


def _file(files: list[str]) -> str:
    return files[0] if len(files) == 1 else f"{Path(files[0]).parent} ({len(files)} files)"


def _require_all_shards(files: list[str], where: str) -> None:
    found = [match for match in map(_SHARD.search, files) if match]
    if found and len(found) < int(found[0][2]):
        raise UserError(
            f"{where}: {len(found)} of {int(found[0][2])} files are there; an interrupted "
            "download? Fetch the data set again."
        )


def _label_names(features: Any) -> dict[str, list[str]]:
    names = {}
    for column, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if hasattr(inner, "names"):
            names[column] = list(inner.names)
    return names


def _readable(found: Split) -> AbstractContextManager[None]:
    return readable(found.place, found.hub, found.files)

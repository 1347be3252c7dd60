"""One split of a data set of the Hugging Face hub, or of a folder laid out like the hub.

Both go through `datasets`, read file by file (streaming): only the wanted split is fetched,
and nothing is taken from a prepared cache, whose key would not notice that a mirror's rows
changed. No scripts, no `trust_remote_code`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.data.decode import table_rows
from xstilts.data.rows import SourceRows
from xstilts.errors import UserError

if TYPE_CHECKING:
    from datasets import DatasetBuilder

_BATCH = 1000  # rows decoded at a time
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})(?=\.)")


@dataclass(frozen=True)
class Place:
    """Where data sets are looked up: `root` is a mirror's folder, None the hub itself."""

    root: Path | None
    cache: Path  # scratch folder of one preparation

    def path(self, hub: str) -> str:
        """What `datasets` is to load."""
        return hub if self.root is None else str(self.root / hub)

    def named(self, hub: str) -> str:
        """The data set's name in messages."""
        return f"{hub} on the hub" if self.root is None else f"{hub} in the mirror {self.root}"


def config_names(place: Place, hub: str, revision: str | None) -> list[str]:
    """Configs of a data set; raises `UserError` when there is no such data set."""
    import datasets

    _require_repository(place, hub)
    with _readable(place, hub):
        names = datasets.get_dataset_config_names(place.path(hub), **_pinned(place, revision))
    return list(names)


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
    with _readable(place, hub, files[split]):
        stream = builder.as_streaming_dataset(split=split)
        tables = stream.with_format("arrow").iter(batch_size=_BATCH)
        found = (row for table in tables for row in table_rows(table))
        rows = list(islice(found, limit))
    if limit is None:
        _require_all_rows(builder, split, len(rows), where)
    if not rows:
        raise UserError(_without_rows(where))
    columns = tuple(stream.features or (rows[0] if rows else ()))
    revision_found = re.search(r"@([0-9a-f]{40})/", files[split][0])
    return SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where=where,
        labels=_label_names(declared) or _label_names(stream.features or {}),
        columns=columns,
        revision=revision_found[1] if revision_found else None,
        notes=_notes(place, revision),
    )


def _builder(place: Place, hub: str, config: str, revision: str | None) -> "DatasetBuilder":
    import datasets

    _require_repository(place, hub)
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # its errors come to us as such
    datasets.config.STREAMING_READ_MAX_RETRIES = 1  # the hub's client retries five times itself
    with _readable(place, hub):
        pinned = _pinned(place, revision)
        try:
            return datasets.load_dataset_builder(
                place.path(hub), config, cache_dir=str(place.cache), **pinned
            )
        except ValueError:
            names = datasets.get_dataset_config_names(place.path(hub), **pinned)
            if config in names:
                raise
    raise UserError(
        f"{place.named(hub)} has no config {config!r}; it has {', '.join(names)}: "
        "change source.config or the languages."
    )


def _pinned(place: Place, revision: str | None) -> dict[str, Any]:
    return {"revision": revision} if place.root is None and revision else {}


def _notes(place: Place, revision: str | None) -> tuple[str, ...]:
    if place.root is not None:
        return ("read from a mirror: the hub's revision is not known",)
    return () if revision else ("unpinned: the hub's main branch at the time of loading",)


def holds(place: Place, hub: str) -> bool:
    """Whether a mirror has a data set; of the hub itself only loading can tell."""
    return place.root is None or (place.root / hub).is_dir()


def _require_repository(place: Place, hub: str) -> None:
    if place.root is None or holds(place, hub):
        return
    held = sorted(f"{p.parent.name}/{p.name}" for p in place.root.glob("*/*") if p.is_dir())
    near = get_close_matches(hub, held, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(
        f"the mirror {place.root} has no data set {hub}: {hint}it holds {', '.join(held) or '-'}; "
        f"put the data set into {place.root / hub} or change source.hub."
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


def _require_all_rows(builder: "DatasetBuilder", split: str, count: int, where: str) -> None:
    declared = (builder.info.splits or {}).get(split)
    if declared is not None and declared.num_examples not in (None, count):
        raise UserError(
            f"{where}: {count} rows, but the data set's card (README.md) says "
            f"{declared.num_examples}; fetch the data set again or correct num_examples there."
        )


def _label_names(features: Any) -> dict[str, list[str]]:
    names = {}
    for column, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if hasattr(inner, "names"):
            names[column] = list(inner.names)
    return names


@contextmanager
def _readable(place: Place, hub: str, files: list[str] | None = None) -> Iterator[None]:
    """Turn whatever `datasets` raises about a source into one `UserError`.

    Its exceptions have no common class and change between releases, hence `Exception`.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        cause = f"{type(error).__name__}: {first[:300]}"
        raise UserError(_unreadable(place, hub, files or [], cause)) from error


def _unreadable(place: Place, hub: str, files: list[str], cause: str) -> str:
    if place.root is None:
        what = f"{place.named(hub)}{' (' + ', '.join(files) + ')' if files else ''}"
        return (
            f"{what} could not be read ({cause}): check the name, the revision and "
            "the network and start again, or use a mirror (source kind mirror)."
        )
    if any(_is_empty(Path(file)) for file in files):
        return _without_rows(", ".join(files) + f" ({hub})")
    broken = next((file for file in files if _is_broken(Path(file))), None)
    if broken:
        return (
            f"{broken} ({hub}) is truncated or not the format its name says ({cause}): an "
            "interrupted download? Fetch the file again."
        )
    return (
        f"{place.named(hub)} could not be read ({cause}): compare its files with the columns and "
        "configs that its README.md declares, or fetch the data set again."
    )


def _without_rows(where: str) -> str:
    return f"{where}: there are no rows; leave the language out, or fetch the data set again."


def _is_empty(file: Path) -> bool:
    """Whether a file holds no rows, which `datasets` cannot read."""
    import pyarrow.parquet as pq

    if file.suffix != ".parquet":
        return file.is_file() and not file.read_bytes().strip()
    return not _is_broken(file) and bool(pq.read_metadata(file).num_rows == 0)


def _is_broken(file: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix != ".parquet":
        return False
    try:
        pq.read_table(file)
    except (pa.ArrowException, OSError):
        return True
    return False

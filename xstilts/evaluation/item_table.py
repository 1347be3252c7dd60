"""What a run's items add to a metric, by language: columns, so that a million items are quick."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.evaluation.metrics import metric_named, statistics_matrix

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ItemTable:
    """One language's items: `sums` is their `statistics_matrix`, (items, 1 + columns).

    `ids` is a digest of their ids in order: the same of two runs on the same data.
    """

    ids: str
    sums: Array


@dataclass(frozen=True)
class NamedItems:
    """One language's items with their ids, in the order of `sums`: (items, 1 + columns)."""

    ids: tuple[str, ...]
    sums: Array


def item_table(metric: str, items: list[dict[str, Any]]) -> ItemTable:
    """The table of items as `evaluation.score` makes them."""
    return ItemTable(_digest(item["id"] for item in items), statistics_matrix(metric, items))


def read_item_tables(path: Path, metric: str) -> dict[str, ItemTable]:
    """The tables by language of a file of `evaluation.score.write_items`."""
    found = read_named_items(path, metric)
    return {language: ItemTable(_digest(own.ids), own.sums) for language, own in found.items()}


def read_named_items(path: Path, metric: str) -> dict[str, NamedItems]:
    """The items by language of a file of `evaluation.score.write_items`."""
    from pyarrow import compute, parquet

    with path.open("rb") as stream:
        table = parquet.read_table(stream)
    found = {}
    for language in compute.unique(table["lang"]).to_pylist():
        own = table.filter(compute.equal(table["lang"], language))
        columns = [own[name].to_numpy() for name in metric_named(metric).columns]
        sums = np.column_stack([np.ones(len(own)), *columns]).astype(np.float64)
        found[language] = NamedItems(tuple(own["id"].to_pylist()), sums)
    return found


def common_items(runs: Sequence[NamedItems]) -> list[ItemTable]:
    """The items that all runs have, joined by id, in the order of the first run.

    Where an id stands several times in a run, its first is joined with the first of the others.
    """
    places = [_places(run.ids) for run in runs]
    common = [name for name in places[0] if all(name in own for own in places[1:])]
    ids = _digest(name for name, _ in common)
    return [
        ItemTable(ids, run.sums[[own[name] for name in common]])
        for run, own in zip(runs, places, strict=True)
    ]


def _places(ids: Iterable[str]) -> dict[tuple[str, int], int]:
    """Where each item stands, by its id and how many of that id were before it."""
    seen: Counter[str] = Counter()
    found = {}
    for place, name in enumerate(ids):
        found[name, seen[name]] = place
        seen[name] += 1
    return found


def _digest(ids: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(ids).encode()).hexdigest()

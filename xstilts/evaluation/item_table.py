"""What a run's items add to a metric, by language: columns, so that a million items are quick."""

import hashlib
from collections.abc import Iterable
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


def item_table(metric: str, items: list[dict[str, Any]]) -> ItemTable:
    """The table of items as `evaluation.score` makes them."""
    return ItemTable(_digest(item["id"] for item in items), statistics_matrix(metric, items))


def read_item_tables(path: Path, metric: str) -> dict[str, ItemTable]:
    """The tables by language of a file of `evaluation.score.write_items`."""
    from pyarrow import compute, parquet

    with path.open("rb") as stream:
        table = parquet.read_table(stream)
    found = {}
    for language in compute.unique(table["lang"]).to_pylist():
        own = table.filter(compute.equal(table["lang"], language))
        columns = [own[name].to_numpy() for name in metric_named(metric).columns]
        sums = np.column_stack([np.ones(len(own)), *columns]).astype(np.float64)
        found[language] = ItemTable(_digest(own["id"].to_pylist()), sums)
    return found


def _digest(ids: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(ids).encode()).hexdigest()

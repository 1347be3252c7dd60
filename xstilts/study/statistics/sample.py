"""One target's test items under every run, aligned, with what each adds to the metric."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts.errors import UserError
from xstilts.evaluation.item_table import ItemTable
from xstilts.evaluation.metrics import value_of_items

Array = NDArray[np.float64]
Items = Mapping[str, ItemTable]  # by language


@dataclass(frozen=True)
class Block:
    """Languages of one task that share their items.

    `sums` has the shape (items, languages, recipes, seeds, statistics): what each item adds
    to the sums from which the task's metric is computed, or what a correlation has of it.
    """

    languages: tuple[str, ...]
    sums: Array


@dataclass(frozen=True)
class TaskSample:
    """One target's items under every recipe and seed, aligned.

    A recipe is whatever names a row of the comparison: its name, or model and name where
    several models are compared on the same draws.
    """

    metric: str
    recipes: tuple[Hashable, ...]
    seeds: tuple[int, ...]
    blocks: tuple[Block, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """In the order of `point`."""
        return tuple(language for block in self.blocks for language in block.languages)

    def point(self) -> Array:
        """Scores as measured: (languages, recipes, seeds), in points."""
        values = [value_of_items(self.metric, block.sums) for block in self.blocks]
        return np.concatenate(values)


def task_sample(metric: str, runs: Mapping[tuple[Hashable, int], Items]) -> TaskSample:
    """Align the items of `runs[recipe, seed]`; every recipe has every seed.

    Raises `UserError` when a language's items differ between runs: they would have been
    evaluated on different data.
    """
    recipes = tuple(dict.fromkeys(recipe for recipe, _ in runs))
    seeds = tuple(dict.fromkeys(seed for _, seed in runs))
    ordered = [runs[recipe, seed] for recipe in recipes for seed in seeds]
    groups: dict[str, dict[str, Array]] = {}
    for language in sorted(set().union(*ordered)):
        own = [run[language] for run in ordered if language in run]
        ids = {table.ids for table in own}
        if len(own) < len(ordered) or len(ids) > 1:
            raise UserError(
                f"The {language!r} items differ between runs; evaluate every recipe and seed "
                "on the same data."
            )
        sums = np.stack([table.sums for table in own], axis=1)
        shape = (len(sums), len(recipes), len(seeds), -1)
        groups.setdefault(ids.pop(), {})[language] = sums.reshape(shape)
    blocks = [Block(tuple(group), np.stack(list(group.values()), 1)) for group in groups.values()]
    return TaskSample(metric, recipes, seeds, tuple(blocks))

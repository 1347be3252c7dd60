"""Drawing languages and seeds: the upper levels of the bootstrap, with few members each.

Drawing them with replacement makes intervals too narrow when there are few: the spread of
three seeds is hardly known, and the bootstrap takes it for the truth. So a replicate weighs
the members' effects by independent normals (a multiplier bootstrap, Davison & Hinkley 1997,
section 3.8) and divides by the spread of other normals over the same members, as Student
divides a mean by the spread it was measured with. Of one level alone this is his t interval
with members − 1 degrees of freedom; of several it is the Behrens-Fisher distribution (Fisher
1935, doi:10.1111/j.1469-1809.1935.tb02120.x), which adds up such terms.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.study.statistics.sample import Array


@dataclass(frozen=True)
class Level:
    """Draws of a level's members, shared by name among all that is computed from them.

    `weights` and `others` are independent standard normals: (members, replicates).
    """

    members: tuple[Hashable, ...]
    weights: Array
    others: Array

    @property
    def replicates(self) -> int:
        """How many draws there are."""
        return int(self.weights.shape[1])

    def shift(self, members: Sequence[Hashable], effects: Array) -> Array:
        """What drawing `members` (at least two) changes: (replicates,).

        `effects` are theirs on the quantity, scaled so that their squares add up to the
        variance that the choice of members gives it.
        """
        places = [self.members.index(member) for member in members]
        spread = self.others[places].std(axis=0, ddof=1)
        return np.asarray(effects @ self.weights[places] / spread)


@dataclass(frozen=True)
class Levels:
    """Both upper levels of one bootstrap."""

    languages: Level
    seeds: Level


def draw_levels(
    languages: Iterable[str], seeds: Iterable[int], replicates: int, rng: np.random.Generator
) -> Levels:
    """Draws for everything that is compared in these languages and seeds."""
    return Levels(_level(languages, replicates, rng), _level(seeds, replicates, rng))


def _level(members: Iterable[Hashable], replicates: int, rng: np.random.Generator) -> Level:
    names = tuple(dict.fromkeys(members))
    shape = len(names), replicates
    return Level(names, rng.standard_normal(shape), rng.standard_normal(shape))

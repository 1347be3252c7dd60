"""Differences and their sums, resampled: what every comparison of a study is made of.

A term is the mean over languages and seeds of the difference between two recipes on one
task. A contrast adds terms with weights: one term is a task's gain, their mean over tasks the
average gain, and with weights of both signs it is a difference of differences. Everything
in a contrast is resampled together: the same items, languages and seeds on both sides, so
that what is common cancels.

Drawing at every level with replacement would count the noise of the items again at each
higher level. This is the two-stage bootstrap with shrinkage of Davison & Hinkley (1997,
section 3.8): items are drawn as they are, and the effects of languages and of seeds are first
shrunk to the part of their spread that the noise below does not explain. Of what it explains
(n − 1) / n are taken away, as of a variance that is divided by n: the spread of few members is
so uncertain that taking away all would leave intervals short (benchmarks/interval_coverage.py).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xstilts.study.statistics.interval import Interval, interval
from xstilts.study.statistics.items import Floats
from xstilts.study.statistics.levels import Level, Levels
from xstilts.study.statistics.sample import Array


@dataclass(frozen=True)
class Effects:
    """What each member of a level contributes to a mean, above or below the others.

    `values` (members,) are scaled so that their squares add up to the variance that the choice
    of members gives to the mean; `noise` (members, replicates) is what drawing items adds.
    """

    members: tuple[Hashable, ...]
    values: Array
    noise: Array | Floats


@dataclass(frozen=True)
class Term:
    """A mean difference in points: `noise` (replicates,) is what drawing items adds to it.

    `mixed` is the variance of the mean that stems from seeds doing better in some languages
    than in others, beyond what the items explain.
    """

    value: float
    noise: Array | Floats
    languages: Effects
    seeds: Effects
    mixed: float

    def __mul__(self, weight: float) -> "Term":
        return Term(
            self.value * weight,
            self.noise * weight,
            _weighted(self.languages, weight),
            _weighted(self.seeds, weight),
            self.mixed * weight**2,
        )


def term(delta: Array, noise: Floats, languages: Sequence[str], seeds: Sequence[int]) -> Term:
    """The mean of `delta` (languages, seeds), with `noise` (languages, seeds, replicates)."""
    by_language, by_seed = noise.mean(axis=1), noise.mean(axis=0)
    return Term(
        float(delta.mean()),
        by_seed.mean(axis=0),
        _effects(languages, delta.mean(axis=1), by_language),
        _effects(seeds, delta.mean(axis=0), by_seed),
        _mixed(delta, noise),
    )


def contrast(terms: Sequence[Term], levels: Levels) -> tuple[float, Array]:
    """The sum of the terms, and its resampled values: (replicates,)."""
    value = sum(one.value for one in terms)
    noise = np.sum([one.noise for one in terms], axis=0, dtype=np.float64)
    by_language = _shift(levels.languages, [one.languages for one in terms], 0.0)
    mixed = sum(one.mixed for one in terms)
    by_seed = _shift(levels.seeds, [one.seeds for one in terms], mixed)
    return value, value + noise + by_language + by_seed


def mean_of(terms: Sequence[Term]) -> list[Term]:
    """The terms of their mean."""
    return [one * (1 / len(terms)) for one in terms]


def compared(terms: Sequence[Term], levels: Levels) -> Interval:
    """The contrast with its interval, and the levels that were resampled for it."""
    several = {
        "items": True,
        "languages": any(len(one.languages.members) > 1 for one in terms),
        "seeds": any(len(one.seeds.members) > 1 for one in terms),
    }
    names = tuple(level for level, is_several in several.items() if is_several)
    return interval(*contrast(terms, levels), names)


def _weighted(effects: Effects, weight: float) -> Effects:
    return replace(effects, values=effects.values * weight, noise=effects.noise * weight)


def _effects(members: Sequence[Hashable], values: Array, noise: Floats) -> Effects:
    count = len(members)
    scale = 1 / np.sqrt(count * max(1, count - 1))
    centred = (noise - noise.mean(axis=0)) * np.float32(scale)
    return Effects(tuple(members), (values - values.mean()) * scale, centred)


def _mixed(delta: Array, noise: Floats) -> float:
    """Variance of the mean by the interaction of languages and seeds, without that of items."""
    languages, seeds = delta.shape
    freedom = (languages - 1) * (seeds - 1)
    if not freedom:
        return 0.0
    explained = _residuals(noise) / noise.shape[-1]
    return max(0.0, _residuals(delta[..., None]) - explained) / (freedom * languages * seeds)


def _residuals(tables: Array | Floats) -> float:
    """Squares of what neither the language nor the seed explains, summed over all tables."""
    languages, seeds, _ = tables.shape
    by_language, by_seed = tables.mean(axis=1), tables.mean(axis=0)
    return (
        _square(tables)
        - seeds * _square(by_language)
        - languages * _square(by_seed)
        + languages * seeds * _square(by_seed.mean(axis=0))
    )


def _square(values: Array | Floats) -> float:
    flat = values.reshape(-1)
    return float(flat @ flat)


def _shift(level: Level, parts: Sequence[Effects], mixed: float) -> Array:
    """What drawing the level's members changes in the sum of the parts: (replicates,)."""
    parts = [part for part in parts if len(part.members) > 1]
    members = list(dict.fromkeys(name for part in parts for name in part.members))
    values, noise = np.zeros(len(members)), np.zeros((len(members), level.replicates))
    for part in parts:
        places = [members.index(name) for name in part.members]
        values[places] += part.values
        noise[places] += part.noise
    spread = float(values @ values)
    if spread == 0:
        return np.zeros(level.replicates)
    explained = (_square(noise) / level.replicates + mixed) * (1 - 1 / len(members))
    return level.shift(members, values * np.sqrt(max(0.0, 1 - explained / spread)))

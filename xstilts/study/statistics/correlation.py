"""Does a gain grow with how alike two languages are? A rank correlation over pairs of languages.

A pair is an origin, the languages that training was in, and a target language that it never
saw. Pairs that share a language are not independent: p comes from exchanging the names of the
languages, in all pairs at once (Mantel 1967, Cancer Research 27; Krackhardt 1988,
doi:10.1016/0378-8733(88)90004-4), the interval from leaving out one target language at a time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, t

from xstilts.study.statistics.interval import CONFIDENCE
from xstilts.study.statistics.sample import Array

PERMUTATIONS = 10_000
_CHUNK = 500  # permutations at once
_DECIMALS = 4  # values that agree in them are tied
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Pairs:
    """Gains in points (pairs,), with the origin and the target of each (pairs,).

    A target is a row of the matrix of similarities, an origin a row of `sources` (origins, n):
    its languages, as rows of that matrix; who has fewer than n repeats one.
    """

    gains: Array
    origins: Places
    targets: Places
    sources: Places


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho with its interval, and p, two-sided."""

    rho: float
    low: float
    high: float
    p: float


def correlate(pairs: Pairs, similarity: Array, seed: int = 0) -> Correlation:
    """Spearman's rho of gain and similarity, of origins at the nearest of their languages.

    `similarity` (languages, languages) is of the languages that occur. With one origin this is
    a correlation over targets, and whatever goes with a target's similarity may be its reason.
    With several, what an origin gains everywhere, and what a target gains from everywhere, are
    first taken out of gains and of similarities alike: what is left is whether an origin does
    more for targets like it than other origins do for them.
    """
    rho = _measured(pairs, similarity)
    return Correlation(rho, *_interval(rho, pairs, similarity), _p(rho, pairs, similarity, seed))


def _measured(pairs: Pairs, similarity: Array) -> float:
    own = np.arange(len(similarity))[None]
    return float(_rho(pairs, _effects(pairs), _nearest(pairs, similarity, own))[0])


def _p(rho: float, pairs: Pairs, similarity: Array, seed: int) -> float:
    """Chance of so strong a correlation, if the names of the languages meant nothing.

    The measured one counts as one permutation more.
    """
    rng = np.random.default_rng(seed)
    alone = len(pairs.sources) == 1  # then it keeps its name: only targets have something to say
    moved = np.unique(pairs.targets) if alone else np.arange(len(similarity))
    effects, stronger = _effects(pairs), 0
    for start in range(0, PERMUTATIONS, _CHUNK):
        count = min(_CHUNK, PERMUTATIONS - start)
        names = np.tile(np.arange(len(similarity)), (count, 1))
        names[:, moved] = rng.permuted(names[:, moved], axis=1)
        found = _rho(pairs, effects, _nearest(pairs, similarity, names))
        stronger += int(np.count_nonzero(np.abs(found) >= abs(rho) - 1e-9))
    return (stronger + 1) / (PERMUTATIONS + 1)


def _interval(rho: float, pairs: Pairs, similarity: Array) -> tuple[float, float]:
    """The interval on Fisher's scale, the sources being those of the study.

    Its error is the jackknife's over target languages: leaving out one leaves out all its
    pairs, so that what origins share in it is in the interval, and so are items and seeds,
    which make languages differ. Few languages widen it as Student's t does (Efron & Tibshirani
    1993, An Introduction to the Bootstrap, chapter 11). It is not below that of as many
    independent pairs, √((1 + rho² / 2) / (pairs - 3)) (Bonett & Wright 2000,
    doi:10.1007/BF02294183). A perfect correlation has no place on that scale: it stands half
    of what exchanging two neighbours costs away from 1.
    """
    languages, count = np.unique(pairs.targets), len(pairs.gains)
    left = [_measured(_without(pairs, language), similarity) for language in languages]
    most, high = 1 - 6 / (count**3 - count), (1 + CONFIDENCE) / 2
    inside = float(np.clip(rho, -most, most))
    error = np.sqrt((len(languages) - 1) * np.var(left)) / (1 - inside**2)
    reach = max(
        t.ppf(high, len(languages) - 1) * error,
        norm.ppf(high) * np.sqrt((1 + rho**2 / 2) / (count - 3)),
    )
    ends = np.tanh(np.arctanh(inside) + np.array([-reach, reach]))
    return min(rho, float(ends[0])), max(rho, float(ends[1]))


def _without(pairs: Pairs, language: int) -> Pairs:
    kept = pairs.targets != language
    return Pairs(pairs.gains[kept], pairs.origins[kept], pairs.targets[kept], pairs.sources)


def _nearest(pairs: Pairs, similarity: Array, names: Places) -> Array:
    """Similarity of every pair under each naming of the languages: (pairs, namings)."""
    sources, targets = names.T[pairs.sources[pairs.origins]], names.T[pairs.targets]
    return np.asarray(similarity[sources, targets[:, None]].max(axis=1))


def _effects(pairs: Pairs) -> tuple[Array, Array]:
    """Columns for the origins, and for the targets where there are several, and their inverse."""
    columns = [pairs.origins[:, None] == np.unique(pairs.origins)]
    if len(columns[0].T) > 1:
        columns.append(pairs.targets[:, None] == np.unique(pairs.targets))
    design = np.hstack(columns).astype(float)
    return design, np.linalg.pinv(design)


def _rho(pairs: Pairs, effects: tuple[Array, Array], similarities: Array) -> Array:
    """Spearman's rho of the gains with each column of `similarities`, both without effects.

    0 where either does not vary.
    """
    gains, others = (_centred_ranks(v, effects) for v in (pairs.gains[:, None], similarities))
    scale = np.sqrt((gains**2).sum(axis=0) * (others**2).sum(axis=0))
    return np.asarray((gains * others).sum(axis=0) / np.where(scale > 0, scale, 1))


def _centred_ranks(values: Array, effects: tuple[Array, Array]) -> Array:
    design, inverse = effects
    ranks = rankdata(np.round(values - design @ (inverse @ values), _DECIMALS), axis=0)
    return np.asarray(ranks - ranks.mean(axis=0))

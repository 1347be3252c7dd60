"""Do several judges rank alike? Kendall's coefficient of concordance."""

from itertools import permutations
from math import factorial

import numpy as np

from xstilts.study.statistics.sample import Array

PERMUTATIONS = 10_000
_EXACT_UP_TO = 50_000  # arrangements that are all tried
_ROUNDING = 1e-9


def kendall_w(ranks: Array) -> float:
    """W of `ranks` (judges, competitors): 0 no agreement, 1 all rank alike.

    Tied competitors have the mean of their ranks, and W is corrected for them (Kendall &
    Gibbons 1990, Rank Correlation Methods, section 6.8):
    W = 12 S / (m² (k³ − k) − m ΣT), S the squared deviations of the rank sums from their mean,
    T = Σ (t³ − t) over a judge's groups of t tied. 0 where every judge ties all.
    """
    judges, competitors = ranks.shape
    ties = sum(
        float(np.sum(sizes.astype(float) ** 3 - sizes))
        for sizes in (np.unique(row, return_counts=True)[1] for row in ranks)
    )
    most = judges**2 * (competitors**3 - competitors) - judges * ties
    return 12 * float(_deviations(ranks.sum(axis=0))) / most if most else 0.0


def permutation_p(ranks: Array, seed: int = 0) -> tuple[float, bool]:
    """Chance of at least this agreement if every judge ranked at random, and is it exact?

    All arrangements are tried where they are few; else `PERMUTATIONS` random ones, the
    measured one counting as one more. The judges are taken for independent: languages that
    one training run is judged by are not, and agree more easily than p says.
    """
    judges, competitors = ranks.shape
    measured = _deviations(ranks.sum(axis=0)) - _ROUNDING
    if factorial(competitors) ** (judges - 1) <= _EXACT_UP_TO:
        return float(np.mean(_deviations(_all_sums(ranks)) >= measured)), True
    rng = np.random.default_rng(seed)
    sums = np.zeros((PERMUTATIONS, competitors))
    for row in ranks:
        sums += rng.permuted(np.tile(row, (PERMUTATIONS, 1)), axis=1)
    as_much = np.count_nonzero(_deviations(sums) >= measured)
    return (as_much + 1) / (PERMUTATIONS + 1), False


def _deviations(sums: Array) -> Array:
    """S of rank sums (..., competitors)."""
    return np.asarray(((sums - sums.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1))


def _all_sums(ranks: Array) -> Array:
    """Rank sums of every arrangement; the first judge's order makes no difference."""
    sums = ranks[:1]
    for row in ranks[1:]:
        arranged = np.array(list(permutations(row)))
        sums = (sums[:, None] + arranged[None]).reshape(-1, len(row))
    return sums

"""An estimate with its interval and p-value, from its resampled values."""

from dataclasses import dataclass

import numpy as np

from xstilts.study.statistics.sample import Array

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A difference in points, its percentile interval, and how surprising it is under none.

    `p` is two-sided. `levels` names what was resampled, out of items, languages and seeds; a
    level with one member cannot be, and its uncertainty is then in neither interval nor p.
    """

    value: float
    low: float
    high: float
    levels: tuple[str, ...]
    p: float

    @property
    def direction(self) -> int:
        """+1 gained, -1 fell, 0 when the interval holds 0."""
        return int(self.low > 0) - int(self.high < 0)


def interval(value: float, draws: Array, levels: tuple[str, ...]) -> Interval:
    """The interval at `CONFIDENCE` of a value with its resampled values (replicates,)."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high), levels, two_sided_p(draws))


def two_sided_p(draws: Array) -> float:
    """Twice the share of resampled values on the rarer side of 0, 0 itself on both sides.

    The measured value counts as one draw more: p = 2 (b + 1) / (B + 1), at most 1, so that no
    p-value is 0 (Davison & Hinkley 1997, section 4.2). It is the level at which the percentile
    interval just reaches 0.
    """
    rarer = min(np.count_nonzero(draws <= 0), np.count_nonzero(draws >= 0))
    return float(min(1.0, 2 * (rarer + 1) / (len(draws) + 1)))

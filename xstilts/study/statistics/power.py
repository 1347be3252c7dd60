"""What difference the seeds of a study could have shown at all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from xstilts.study.statistics.contrast import Term
from xstilts.study.statistics.interval import CONFIDENCE

POWER = 0.8  # chance of seeing a difference that is as large as the detectable one
FEW = 5  # seeds below which Student's factor is large


@dataclass(frozen=True)
class PowerNote:
    """`spread`: standard deviation between seeds of a recipe's gain, in points.

    `detectable`: the gain that `seeds` runs with this spread would show with a chance of
    `POWER`, by a two-sided t test at 1 - `CONFIDENCE`. Both None with one seed.
    """

    seeds: int
    spread: float | None
    detectable: float | None


def power_note(gains: Sequence[Sequence[Term]], seeds: int) -> PowerNote:
    """The note on several recipes' gains, each the sum of its terms.

    The detectable difference is (t(0.975, n − 1) + t(0.8, n − 1)) s / √n, the usual
    approximation to the power of a t test (Cohen 1988, Statistical Power Analysis, section
    2.3), with s pooled over the recipes.
    """
    if seeds == 1:
        return PowerNote(seeds, None, None)
    variances = [np.sum(np.sum([one.seeds.values for one in gain], axis=0) ** 2) for gain in gains]
    error = float(np.sqrt(np.mean(variances)))  # of a mean over the seeds
    needed = t.ppf((1 + CONFIDENCE) / 2, seeds - 1) + t.ppf(POWER, seeds - 1)
    return PowerNote(seeds, error * np.sqrt(seeds), float(needed) * error)


def sentence(note: PowerNote) -> str:
    """The note in words."""
    if note.spread is None or note.detectable is None:
        return (
            "There is one seed: seeds were not resampled, so nothing here says how much another "
            "training run would differ."
        )
    advice = "; more seeds would show smaller ones" if note.seeds < FEW else ""
    return (
        f"With {note.seeds} seeds, between which a recipe's mean gain varies by "
        f"{note.spread:.1f} points (standard deviation), a gain below {note.detectable:.1f} "
        f"points would often be missed{advice}."
    )

"""How often 95 % intervals hold the true effect: a table over simulated studies.

    python benchmarks/interval_coverage.py [--studies 2000]

A study compares two recipes on accuracy, with a true gain of 3 points in the mean. Languages,
seeds and the two together each add a normal effect with the standard deviation given in
points; items are right or wrong. "percentile" is the same bootstrap without Student's
correction for few languages and seeds. `widths` is the mean width over that of an interval
from the true standard error.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from xstilts.study.statistics.compare import resample
from xstilts.study.statistics.contrast import compared
from xstilts.study.statistics.levels import Level, Levels
from xstilts.study.statistics.sample import Array, Block, TaskSample

GAIN = 0.03
REPLICATES = 1000
# languages, items, seeds, then standard deviations in points: languages, seeds, both together
SETTINGS = (
    (4, 200, 1, 0, 0, 0),
    (4, 200, 1, 4, 0, 0),
    (4, 2000, 1, 2, 0, 0),
    (15, 5000, 1, 2, 0, 0),
    (4, 200, 3, 3, 2, 1),
    (4, 1000, 3, 2, 1, 1),
    (4, 1000, 3, 1, 2, 1),
    (7, 200, 3, 3, 2, 1),
    (7, 2000, 3, 2, 1, 1),
    (8, 80, 3, 0, 3, 0),
    (11, 1000, 3, 2, 1, 1),
    (15, 1000, 3, 1, 1, 1),
    (15, 5000, 3, 2, 1, 1),
    (15, 5000, 3, 1, 2, 1),
    (4, 1000, 5, 2, 1, 1),
    (7, 200, 5, 3, 2, 1),
    (8, 1000, 5, 1, 2, 0),
    (15, 1000, 5, 2, 1, 1),
    (15, 5000, 5, 1, 1, 1),
    (40, 500, 3, 3, 1, 1),
    (7, 1000, 3, 0, 0, 0),
    (7, 1000, 3, 0, 1, 0),
    (7, 1000, 3, 2, 0, 2),
    (7, 1000, 2, 2, 1, 1),
)


def simulated(rng: np.random.Generator, setting: Sequence[int]) -> TaskSample:
    """A study of two recipes, `none` and `r`, under one of `SETTINGS`."""
    languages, items, seeds, *spreads = setting
    shapes = (languages, 1), (1, seeds), (languages, seeds)
    gain = GAIN + sum(
        rng.normal(0, spread / 100, shape) for spread, shape in zip(spreads, shapes, strict=True)
    )
    gain = np.broadcast_to(gain, (languages, seeds))
    base = rng.uniform(0.45, 0.75, (languages, 1)) + rng.normal(0, 0.01, (1, seeds))
    ease = rng.uniform(0, 1, (items, languages, 1, 1))  # of an item, shared by both recipes
    chance = np.stack([base, base + gain], axis=1)
    luck = rng.random((items, languages, 2, seeds))
    correct = np.where(luck < 0.5, ease < chance, rng.random(luck.shape) < chance)
    sums = np.stack([np.ones_like(correct), correct], axis=-1).astype(float)
    names = [f"l{index}" for index in range(languages)]
    blocks = tuple(Block((name,), sums[:, [place]]) for place, name in enumerate(names))
    return TaskSample("accuracy", ("none", "r"), tuple(range(seeds)), blocks)


def intervals(sample: TaskSample, seed: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of the interval, and of the one without Student's correction."""
    resampled = resample({"t": sample}, replicates=REPLICATES, seed=seed)
    term = resampled.tasks["t"].difference("r", "none")
    plain = Levels(_plain(resampled.levels.languages), _plain(resampled.levels.seeds))
    found = [compared([term], levels) for levels in (resampled.levels, plain)]
    return (found[0].low, found[0].high), (found[1].low, found[1].high)


def _plain(level: Level) -> Level:
    """The level with a spread that is always 1."""
    count = len(level.members)
    ones = np.where(np.arange(count) % 2, 1.0, -1.0)
    ones = ones / ones.std(ddof=1) if count > 1 else ones
    return Level(level.members, level.weights, np.repeat(ones[:, None], REPLICATES, axis=1))


def coverage(setting: Sequence[int], studies: int) -> Array:
    """Covered shares with and without the correction, and the mean width over the ideal."""
    rng = np.random.default_rng(list(setting))
    ends = np.array([intervals(simulated(rng, setting), study) for study in range(studies)])
    held = ((ends[..., 0] <= 100 * GAIN) & (ends[..., 1] >= 100 * GAIN)).mean(axis=0)
    middles = ends.mean(axis=2)[:, 0]
    width = (ends[:, 0, 1] - ends[:, 0, 0]).mean() / (2 * 1.96 * middles.std())
    return np.array([*held, width])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    heads = "languages", "items", "seeds", "sd languages", "sd seeds", "sd both"
    heads += "coverage", "percentile", "widths"
    print(f"| {' | '.join(heads)} |\n|{'--:|' * len(heads)}")
    for setting in SETTINGS:
        own, plain, width = coverage(setting, studies)
        cells = [*map(str, setting), f"{own:.1%}", f"{plain:.1%}", f"{width:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

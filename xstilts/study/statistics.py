"""Intervals for the difference between two recipes: a paired hierarchical bootstrap.

The levels are items within a language, languages, and seeds. Both recipes are always
scored on the same drawn items, languages and seeds, so what is common to both cancels.

Drawing at every level with replacement counts the noise of the items again at each higher
level and makes intervals far too wide; drawing the top level only cannot see how few items
there are. This is the two-stage bootstrap with shrinkage of Davison & Hinkley (1997,
section 3.8): items are drawn as they are, and the effects of languages and of seeds are
first shrunk to the part of their spread that the noise of the items does not explain.

Languages whose items carry the same ids (a parallel test set) share one draw of items:
their errors go together, and drawing them apart would claim evidence that is not there.
For ids that mean nothing across languages this changes nothing in expectation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.errors import UserError
from xstilts.evaluation.metrics import statistics_matrix, value_of_items

Array = NDArray[np.float64]
Items = Mapping[str, list[dict[str, Any]]]  # language -> what `evaluation.score` keeps

REPLICATES = 10_000
CONFIDENCE = 0.95
_CHUNK = 4_000_000  # numbers in one chunk of draws: 32 MB


@dataclass(frozen=True)
class Interval:
    """A difference in points and its percentile interval.

    `levels` names what was resampled, out of items, languages and seeds; a level with one
    member cannot be, and its uncertainty is then not in the interval.
    """

    value: float
    low: float
    high: float
    levels: tuple[str, ...]

    @property
    def direction(self) -> int:
        """+1 gained, -1 fell, 0 when the interval holds 0."""
        return int(self.low > 0) - int(self.high < 0)


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
    """One target's items under every recipe and seed, aligned."""

    metric: str
    recipes: tuple[str, ...]
    seeds: tuple[int, ...]
    blocks: tuple[Block, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """In the order of `point` and `draw`."""
        return tuple(language for block in self.blocks for language in block.languages)

    def point(self) -> Array:
        """Scores as measured: (languages, recipes, seeds), in points."""
        values = [value_of_items(self.metric, block.sums) for block in self.blocks]
        return np.concatenate(values)

    def draw(self, replicates: int, rng: np.random.Generator) -> Array:
        """Scores on resampled items: (replicates, languages, recipes, seeds)."""
        return np.concatenate(
            [_drawn(self.metric, block.sums, replicates, rng) for block in self.blocks], axis=1
        )


def task_sample(metric: str, runs: Mapping[tuple[str, int], Items]) -> TaskSample:
    """Align the items of `runs[recipe, seed]`; every recipe has every seed.

    Raises `UserError` when a language's items differ between runs: they would have been
    evaluated on different data.
    """
    recipes = tuple(dict.fromkeys(recipe for recipe, _ in runs))
    seeds = tuple(dict.fromkeys(seed for _, seed in runs))
    ordered = [runs[recipe, seed] for recipe in recipes for seed in seeds]
    groups: dict[tuple[str, ...], dict[str, Array]] = {}
    for language in sorted(set().union(*ordered)):
        ids = {tuple(item["id"] for item in run.get(language, ())) for run in ordered}
        if len(ids) > 1:
            raise UserError(
                f"The {language!r} items differ between runs; evaluate every recipe and seed "
                "on the same data."
            )
        matrices = [statistics_matrix(metric, run[language]) for run in ordered]
        sums = np.stack(matrices, axis=1)
        shape = (len(sums), len(recipes), len(seeds), -1)
        groups.setdefault(ids.pop(), {})[language] = sums.reshape(shape)
    blocks = [Block(tuple(group), np.stack(list(group.values()), 1)) for group in groups.values()]
    return TaskSample(metric, recipes, seeds, tuple(blocks))


def compare(
    samples: Mapping[str, TaskSample],
    baseline: str,
    means: Mapping[str, Sequence[str]],
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, dict[str, Interval]]:
    """Every recipe's difference to `baseline`: per task, and per mean over tasks.

    `means` names means of task scores ("average": all tasks). The result is
    `[recipe][task or mean]`, with intervals at `CONFIDENCE`. Draws of languages and of seeds
    are shared among the tasks by name. The same arguments give the same intervals.
    """
    rng = np.random.default_rng(seed)
    languages = sorted({name for sample in samples.values() for name in sample.languages})
    seeds = sorted({name for sample in samples.values() for name in sample.seeds})
    language_draws = dict(
        zip(languages, _centred_counts(len(languages), replicates, rng), strict=True)
    )
    seed_draws = dict(zip(seeds, _centred_counts(len(seeds), replicates, rng), strict=True))
    tasks = {
        task: _task_deltas(sample, baseline, language_draws, seed_draws, replicates, rng)
        for task, sample in samples.items()
    }
    names = {task: (task,) for task in samples} | {name: tuple(of) for name, of in means.items()}
    recipes = next(iter(tasks.values()))
    return {
        recipe: {
            name: _interval([tasks[task][recipe] for task in of], [samples[task] for task in of])
            for name, of in names.items()
        }
        for recipe in recipes
    }


def _drawn(metric: str, sums: Array, replicates: int, rng: np.random.Generator) -> Array:
    """Scores on resampled items: multinomial counts of the distinct items.

    Each run's score is computed on the drawn items, also where it is no function of sums.
    """
    distinct, counts = np.unique(sums.reshape(len(sums), -1), axis=0, return_counts=True)
    chunk = max(1, _CHUNK // len(distinct))
    parts = []
    for start in range(0, replicates, chunk):
        size = min(chunk, replicates - start)
        draws = rng.multinomial(len(sums), counts / len(sums), size=size).astype(np.float64)
        parts.append(value_of_items(metric, distinct.reshape(-1, *sums.shape[1:]), draws))
    return np.concatenate(parts)


def _centred_counts(groups: int, replicates: int, rng: np.random.Generator) -> Array:
    """How often each group is drawn, less once: (groups, replicates)."""
    counts = rng.multinomial(groups, np.full(groups, 1 / groups), size=replicates)
    return counts.T.astype(np.float64) - 1


def _task_deltas(
    sample: TaskSample,
    baseline: str,
    language_draws: Mapping[str, Array],
    seed_draws: Mapping[int, Array],
    replicates: int,
    rng: np.random.Generator,
) -> dict[str, tuple[float, Array]]:
    """Per recipe: the mean difference to the baseline, and its resampled values."""
    point, drawn = sample.point(), sample.draw(replicates, rng)
    languages = np.stack([language_draws[name] for name in sample.languages], axis=1)
    seeds = np.stack([seed_draws[name] for name in sample.seeds], axis=1)
    base = sample.recipes.index(baseline)
    deltas = {}
    for index, recipe in enumerate(sample.recipes):
        if recipe != baseline:
            delta = point[:, index] - point[:, base]
            noise = drawn[:, :, index] - drawn[:, :, base] - delta
            deltas[recipe] = (float(delta.mean()), _resampled(delta, noise, languages, seeds))
    return deltas


def _resampled(delta: Array, noise: Array, languages: Array, seeds: Array) -> Array:
    """The resampled mean of `delta` (languages, seeds): (replicates,).

    `noise` is what drawing items changed: (replicates, languages, seeds); `languages` and
    `seeds` are the centred counts of their draws.
    """
    by_language = _effects(delta.mean(axis=1), noise.mean(axis=2))
    by_seed = _effects(delta.mean(axis=0), noise.mean(axis=1))
    values = delta.mean() + noise.mean(axis=(1, 2))
    values += languages @ by_language / len(by_language)
    values += seeds @ by_seed / len(by_seed)
    return np.asarray(values)


def _effects(delta: Array, noise: Array) -> Array:
    """Effects of groups, scaled so that the mean of a resample of them has the variance
    s²/groups, where s² is their sample variance less what the items' noise gives it."""
    groups = len(delta)
    spread = delta.var(ddof=1) if groups > 1 else 0.0
    if spread == 0:
        return np.zeros(groups)
    explained = noise.var(axis=1, ddof=1).mean()
    kept = max(0.0, 1 - explained / spread) * groups / (groups - 1)
    return np.asarray((delta - delta.mean()) * np.sqrt(kept))


def _interval(deltas: list[tuple[float, Array]], samples: list[TaskSample]) -> Interval:
    """The mean over tasks, with the percentile interval of its resampled values."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.mean([values for _, values in deltas], axis=0), [tail, 1 - tail])
    several = {
        "items": True,
        "languages": any(len(sample.languages) > 1 for sample in samples),
        "seeds": any(len(sample.seeds) > 1 for sample in samples),
    }
    levels = tuple(level for level, is_several in several.items() if is_several)
    return Interval(float(np.mean([v for v, _ in deltas])), float(low), float(high), levels)

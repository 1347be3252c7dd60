"""A study's scores, resampled once; from them every recipe's difference to the baseline."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.study.statistics.contrast import Term, compared, mean_of, term
from xstilts.study.statistics.interval import Interval
from xstilts.study.statistics.items import Floats, resampled_scores
from xstilts.study.statistics.levels import Levels, draw_levels
from xstilts.study.statistics.sample import Array, TaskSample

REPLICATES = 10_000


@dataclass(frozen=True)
class Scores:
    """One task's scores in points: as measured, and on resampled items.

    `point` has the shape (languages, recipes, seeds), `drawn` (recipes, languages, seeds,
    replicates).
    """

    languages: tuple[str, ...]
    recipes: tuple[Hashable, ...]
    seeds: tuple[int, ...]
    point: Array
    drawn: Floats

    def difference(
        self, recipe: Hashable, baseline: Hashable, languages: Iterable[str] | None = None
    ) -> Term:
        """The mean difference between two recipes, in all languages or in those given."""
        wanted = self.languages if languages is None else tuple(languages)
        places = [self.languages.index(language) for language in wanted]
        one, two = self.recipes.index(recipe), self.recipes.index(baseline)
        delta = (self.point[:, one] - self.point[:, two])[places]
        drawn = self.drawn[one, places] - self.drawn[two, places]
        return term(delta, drawn - delta[..., None].astype(np.float32), wanted, self.seeds)


@dataclass(frozen=True)
class Resampled:
    """All scores of a study with the draws that its comparisons share."""

    tasks: Mapping[str, Scores]
    levels: Levels


def resample(
    samples: Mapping[str, TaskSample], *, replicates: int = REPLICATES, seed: int = 0
) -> Resampled:
    """Resample a study. The same arguments give the same draws.

    Draws of languages and of seeds are shared among the tasks by name.
    """
    rng = np.random.Generator(np.random.SFC64(seed))
    languages = sorted({name for sample in samples.values() for name in sample.languages})
    seeds = sorted({name for sample in samples.values() for name in sample.seeds})
    levels = draw_levels(languages, seeds, replicates, rng)
    tasks = {
        task: Scores(
            sample.languages,
            sample.recipes,
            sample.seeds,
            sample.point(),
            resampled_scores(sample, replicates, rng),
        )
        for task, sample in samples.items()
    }
    return Resampled(tasks, levels)


def gains(resampled: Resampled, recipe: Hashable, baseline: Hashable) -> dict[str, Term]:
    """A recipe's difference to `baseline` on every task."""
    return {task: own.difference(recipe, baseline) for task, own in resampled.tasks.items()}


def deltas(
    terms: Mapping[str, Term], means: Mapping[str, Sequence[str]], levels: Levels
) -> dict[str, Interval]:
    """The intervals of a recipe's `gains`, and of means over tasks.

    `means` names means of task scores ("average": all tasks).
    """
    names = {task: [task] for task in terms} | {name: list(of) for name, of in means.items()}
    return {
        name: compared(mean_of([terms[task] for task in of]), levels) for name, of in names.items()
    }

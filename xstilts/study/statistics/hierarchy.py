"""Is there one ranking of the recipes, whoever judges: tasks, families, single languages?"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from xstilts.study.statistics.agreement import kendall_w, permutation_p
from xstilts.study.statistics.compare import Resampled
from xstilts.study.statistics.contrast import contrast, mean_of
from xstilts.study.statistics.interval import CONFIDENCE
from xstilts.study.statistics.sample import Array

_DECIMALS = 4  # scores that agree in them are tied
Judge = Mapping[str, Sequence[str]]  # its languages per task


@dataclass(frozen=True)
class Rank:
    """A recipe's mean rank over the judges, 1 the best, with its percentile interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Hierarchy:
    """How well the judges agree: Kendall's W with its p-value, and every recipe's rank."""

    judges: tuple[str, ...]
    w: float
    p: float
    exact: bool
    ranks: dict[Hashable, Rank]


def hierarchy(
    resampled: Resampled,
    recipes: Sequence[Hashable],
    baseline: Hashable,
    judges: Mapping[str, Judge],
) -> Hierarchy:
    """Rank all `recipes`, the baseline among them, by each judge.

    A judge goes by its mean gain over tasks, each the mean over its languages of that task.
    Intervals are of the ranks in resampled scores, the judges being those of the study: noise
    draws ranks of near equals together, so their intervals are rather too wide.
    """
    measured = []
    drawn = np.zeros((len(recipes), resampled.levels.seeds.replicates))
    for judge in judges.values():
        values, draws = _gains(resampled, recipes, baseline, judge)
        measured.append(_ranks(values))
        drawn += _ranks(draws) / len(judges)
    ranks = np.array(measured)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=1)
    means = ranks.mean(axis=0)
    found = {
        recipe: Rank(*(float(ends[place]) for ends in (means, low, high)))
        for place, recipe in enumerate(recipes)
    }
    return Hierarchy(tuple(judges), kendall_w(ranks), *permutation_p(ranks), found)


def judges_by_task(languages: Mapping[str, Sequence[str]]) -> dict[str, Judge]:
    """Each task is a judge; `languages` are those of every task."""
    return {task: {task: tuple(own)} for task, own in languages.items()}


def judges_by_group(
    languages: Mapping[str, Sequence[str]], groups: Mapping[str, str]
) -> dict[str, Judge]:
    """Each group of languages is a judge, over the tasks that have any of it.

    `groups` names the group of every language: its family, or itself.
    """
    names = sorted({groups[language] for own in languages.values() for language in own})
    return {
        name: {
            task: inside
            for task, own in languages.items()
            if (inside := tuple(language for language in own if groups[language] == name))
        }
        for name in names
    }


def _gains(
    resampled: Resampled, recipes: Sequence[Hashable], baseline: Hashable, judge: Judge
) -> tuple[Array, Array]:
    """Measured and resampled: (recipes,) and (recipes, replicates)."""
    found = []
    for recipe in recipes:
        terms = [resampled.tasks[t].difference(recipe, baseline, own) for t, own in judge.items()]
        found.append(contrast(mean_of(terms), resampled.levels))
    return np.array([value for value, _ in found]), np.array([draws for _, draws in found])


def _ranks(gains: Array) -> Array:
    return np.asarray(rankdata(-np.round(gains, _DECIMALS), axis=0))

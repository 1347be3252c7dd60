"""Is a gain another one elsewhere? Differences of differences.

Both sides are resampled on the same items, languages and seeds.
"""

from collections.abc import Collection, Hashable, Sequence

from xstilts.study.statistics.compare import Resampled
from xstilts.study.statistics.contrast import Term, compared, mean_of
from xstilts.study.statistics.interval import Interval
from xstilts.study.statistics.levels import Levels


def difference(one: Sequence[Term], other: Sequence[Term], levels: Levels) -> Interval:
    """The mean of the gains `one` less the mean of the gains `other`.

    They may be those of one recipe in two models, or of two recipes.
    """
    minus = [term * -1 for term in mean_of(other)]
    return compared([*mean_of(one), *minus], levels)


def between_languages(
    resampled: Resampled, recipe: Hashable, baseline: Hashable, group: Collection[str]
) -> Interval | None:
    """The gain in a group of languages less that in all others, mean over the tasks with both.

    None where no task has both.
    """
    inside, outside = [], []
    for scores in resampled.tasks.values():
        within = [name for name in scores.languages if name in group]
        without = [name for name in scores.languages if name not in group]
        if within and without:
            inside.append(scores.difference(recipe, baseline, within))
            outside.append(scores.difference(recipe, baseline, without))
    return difference(inside, outside, resampled.levels) if inside else None

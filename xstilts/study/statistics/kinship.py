"""What recipes gain in languages that they never saw, by the languages that they were trained in.

Recipes of the same languages are an origin; its gain is the mean of theirs.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xstilts.study.statistics.compare import Resampled, Scores
from xstilts.study.statistics.contrast import Term, compared, term
from xstilts.study.statistics.interval import Interval
from xstilts.study.statistics.sample import Array


@dataclass(frozen=True)
class Origin:
    """Recipes trained in the same `languages`, the baseline of their model, and what both saw."""

    languages: tuple[str, ...]
    recipes: tuple[Hashable, ...]
    baseline: Hashable
    seen: frozenset[str]


def gains_by_target(
    resampled: Resampled, origins: Sequence[Origin]
) -> dict[tuple[Origin, str], float]:
    """What each origin gains in each unseen language, in points, above its mean on a task.

    It is the mean over the tasks that have the language. Without the mean on the task languages
    would differ by the tasks that they are in. Of several origins only languages are kept
    that more than one did not see.
    """
    found: dict[tuple[Origin, str], list[float]] = {}
    for origin in origins:
        for scores in resampled.tasks.values():
            codes = _unseen(scores, origin)
            if len(codes) > 1:
                gains = _measured(scores, origin, codes).mean(axis=1)
                for code, gain in zip(codes, gains - gains.mean(), strict=True):
                    found.setdefault((origin, code), []).append(float(gain))
    targets = [code for _, code in found]
    return {
        pair: sum(values) / len(values)
        for pair, values in found.items()
        if len(origins) == 1 or targets.count(pair[1]) > 1
    }


def within_family(
    resampled: Resampled, origins: Sequence[Origin], families: Mapping[str, str]
) -> Interval | None:
    """How many points more a language gains where it is of its source's family.

    `families` names those of the languages that have relatives. With origins of the same
    families it is their gain there less that in other languages, over the tasks that have both.
    Else it is how much larger this is for origins of a family than for others, mean over the
    families, in languages that no origin saw: what a family gains from everywhere is not in
    it. None where no task can show it.
    """
    seen = frozenset().union(*(one.seen for one in origins))
    origins = [replace(one, seen=seen) for one in origins]
    own = {one: {families[code] for code in one.languages if code in families} for one in origins}
    alike = len(set(map(frozenset, own.values()))) == 1
    parts = []
    for family in sorted(set().union(*own.values())):
        members = [code for code in families if families[code] == family]
        apart = {one: _apart(resampled, one, members) for one in origins}
        kin = [terms for one, terms in apart.items() if terms and family in own[one]]
        others = [terms for one, terms in apart.items() if terms and family not in own[one]]
        if kin and (others or alike):
            parts.append([*_mean(kin), *(term * -1 for term in _mean(others))])
    return compared(_mean(parts), resampled.levels) if parts else None


def _apart(resampled: Resampled, origin: Origin, members: Collection[str]) -> list[Term]:
    """The gain in unseen `members` less that in other unseen languages, mean over tasks."""
    found = []
    for scores in resampled.tasks.values():
        unseen = _unseen(scores, origin)
        inside = [code for code in unseen if code in members]
        outside = [code for code in unseen if code not in members]
        if inside and outside:
            found.append([_gain(scores, origin, inside), _gain(scores, origin, outside) * -1])
    return _mean(found)


def _mean(sums: Sequence[Sequence[Term]]) -> list[Term]:
    """The terms of the mean of sums of terms."""
    return [one * (1 / len(sums)) for terms in sums for one in terms]


def _unseen(scores: Scores, origin: Origin) -> list[str]:
    return [code for code in scores.languages if code not in origin.seen]


def _measured(scores: Scores, origin: Origin, codes: Sequence[str]) -> Array:
    """The gain as measured: (languages, seeds)."""
    places = [scores.languages.index(code) for code in codes]
    runs = [scores.recipes.index(recipe) for recipe in origin.recipes]
    baseline = scores.recipes.index(origin.baseline)
    gains = scores.point[np.ix_(places, runs)].mean(axis=1) - scores.point[places, baseline]
    return np.asarray(gains)


def _gain(scores: Scores, origin: Origin, codes: Sequence[str]) -> Term:
    """The mean gain in these languages, resampled."""
    places = [scores.languages.index(code) for code in codes]
    gain = _measured(scores, origin, codes)
    drawn = -scores.drawn[scores.recipes.index(origin.baseline), places]
    for recipe in origin.recipes:
        share = np.float32(1 / len(origin.recipes))
        drawn += scores.drawn[scores.recipes.index(recipe), places] * share
    return term(gain, drawn - gain[..., None].astype(np.float32), codes, scores.seeds)

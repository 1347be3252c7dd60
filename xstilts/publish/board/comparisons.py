"""The comparisons that a study declares: one group of recipes against another."""

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.publish.board.family import Record, corrected
from xstilts.study.statistics.compare import Resampled, gains
from xstilts.study.statistics.contrast import Term
from xstilts.study.statistics.difference import difference

Study = Mapping[str, Any]  # `study` of params.yaml
Gains = Mapping[tuple[str, str], Mapping[str, Term]]  # by model and recipe, by task


def comparison_records(
    study: Study, terms: Gains, resampled: Resampled, means: Mapping[str, Sequence[str]]
) -> list[Record]:
    """A record per model, declared comparison and mean over tasks; all of them are one family.

    `terms` are the gains of the recipes over the baseline, whose own is 0. The value is the
    mean over the recipes of the `first` side less that over those of the `second`, in points;
    `recipes` are those of both sides.
    """
    pairs = [(model, *pair) for model in study["models"] for pair in study.get("comparisons", ())]
    runs = {
        (model, recipe): terms.get((model, recipe)) or _nothing(resampled, model, recipe)
        for model, *pair in pairs
        for name in pair
        for recipe in side(study, name)
    }
    found = {
        (model, first, second, name): difference(
            [runs[model, recipe][task] for recipe in side(study, first) for task in tasks],
            [runs[model, recipe][task] for recipe in side(study, second) for task in tasks],
            resampled.levels,
        )
        for model, first, second in pairs
        for name, tasks in means.items()
    }
    return [
        {"model": model, "first": first, "second": second, "of": name}
        | {"recipes": [side(study, first), side(study, second)]}
        | record
        for (model, first, second, name), record in corrected(found).items()
    ]


def _nothing(resampled: Resampled, model: str, baseline: str) -> dict[str, Term]:
    """What the baseline gains over itself."""
    return gains(resampled, (model, baseline), (model, baseline))


def side(study: Study, name: str) -> list[str]:
    """The recipes of a comparison's side: those of the group with this name, or the recipe."""
    return list(study.get("groups", {}).get(name, [name]))

"""Which runs of a partial study can still be compared."""

from collections.abc import Mapping, Sequence
from typing import Any

Study = Mapping[str, Any]  # `study` of params.yaml
Record = Mapping[str, Any]
Run = tuple[str, str]  # model and recipe


def compared_part(study: Study, missing: Sequence[Record]) -> dict[str, Any]:
    """The study with models and recipes whose every run is whole; all of it if nothing is missing.

    Statistics compare every recipe with the baseline in every model: they take a full grid. A
    model without a whole baseline is left out, then, as long as a run lacks cells (`missing`:
    model, recipe, target, seed), the recipe or model of which the largest share of runs does.
    Comparisons and groups that lack one of their recipes are left out with it.
    """
    broken = {(cell["model"], cell["recipe"]) for cell in missing}
    models = [name for name in study["models"] if (name, study["baseline"]) not in broken]
    recipes = list(study["recipes"])
    while any((model, recipe) in broken for model in models for recipe in recipes):
        by_recipe = {name: [(model, name) for model in models] for name in recipes}
        by_model = {name: [(name, recipe) for recipe in recipes] for name in models}
        recipe = max(by_recipe, key=lambda name: _share(by_recipe[name], broken))
        model = max(by_model, key=lambda name: _share(by_model[name], broken))
        if _share(by_recipe[recipe], broken) >= _share(by_model[model], broken):
            recipes.remove(recipe)
        else:
            models.remove(model)
    return {**study, **_restricted(study, recipes), "models": models}


def left_out(study: Study, part: Study) -> list[dict[str, str]]:
    """The runs of a study that its compared part lacks."""
    return [
        {"model": model, "recipe": recipe}
        for model in study["models"]
        for recipe in study["recipes"]
        if model not in part["models"] or recipe not in part["recipes"]
    ]


def _share(runs: Sequence[Run], broken: set[Run]) -> float:
    return sum(run in broken for run in runs) / len(runs)


def _restricted(study: Study, recipes: Sequence[str]) -> dict[str, Any]:
    """What a study says of recipes, without that of others."""
    groups = {
        name: members
        for name, members in study.get("groups", {}).items()
        if set(members) <= set(recipes)
    }
    known = {*groups, *recipes}
    return {
        "recipes": {name: study["recipes"][name] for name in recipes},
        "groups": groups,
        "comparisons": [pair for pair in study.get("comparisons", ()) if set(pair) <= known],
    }

"""The best recipe for each target, chosen on English dev data, and what choosing gains."""

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.publish.board.evaluations import EMBEDDED, Cell
from xstilts.publish.board.family import Record, corrected
from xstilts.publish.words.wording import claimed, listed, named, points, sentence, signed, span
from xstilts.study.statistics.compare import Resampled
from xstilts.study.statistics.contrast import compared, mean_of
from xstilts.tasks.table import task_in

Study = Mapping[str, Any]  # `study` of params.yaml


def best_records(study: Study, cells: Sequence[Cell], resampled: Resampled) -> list[Record]:
    """A record per model: the best recipe of each resampled target, and what they gain together.

    A recipe's dev score is that of the model fine-tuned for the target, on English dev rows,
    mean over seeds; the baseline takes part. Phang et al. 2020 (arXiv:2005.13013) report such a
    choice. The value, in points, is the mean over the targets of the chosen recipe's gain in
    the test scores. Its interval takes the choice as given: it does not say how much another
    choice, by other dev rows or seeds, would gain. `left_out` are targets that nothing is
    fine-tuned for; a model that has no others has no record.
    """
    chosen = {model: _chosen(study, cells, resampled, model) for model in study["models"]}
    found = {}
    for model, recipes in chosen.items():
        terms = [
            resampled.tasks[task].difference((model, recipe), (model, study["baseline"]))
            for task, recipe in recipes.items()
        ]
        if terms:
            found[model] = compared(mean_of(terms), resampled.levels)
    return [
        {"model": model, "recipes": chosen[model], "tasks": list(chosen[model])}
        | {"left_out": [task for task in resampled.tasks if task not in chosen[model]]}
        | record
        for model, record in corrected(found).items()
    ]


def best_sentences(records: Sequence[Record]) -> list[str]:
    """Which recipe is best for which target, and what is gained by choosing so."""
    return [_sentence(own, len(records) > 1) for own in records]


def _chosen(
    study: Study, cells: Sequence[Cell], resampled: Resampled, model: str
) -> dict[str, str]:
    """The best recipe by target. Of equals the baseline goes first, then the study's order."""
    baseline = study["baseline"]
    recipes = sorted(study["recipes"], key=lambda recipe: recipe != baseline)
    found = {}
    for task in resampled.tasks:
        runs = [cell for cell in cells if (cell.model, cell.target) == (model, task)]
        scores = {recipe: _dev_score(runs, recipe) for recipe in recipes}
        known = {recipe: score for recipe, score in scores.items() if score is not None}
        if task_in(task, study["benchmark"]).format not in EMBEDDED and len(known) == len(recipes):
            found[task] = max(known, key=lambda recipe: known[recipe])
    return found


def _dev_score(runs: Sequence[Cell], recipe: str) -> float | None:
    """The mean over seeds; None where a seed has none."""
    found = [(cell.training or {}).get("dev_score") for cell in runs if cell.recipe == recipe]
    known = [score for score in found if score is not None]
    return sum(known) / len(known) if len(known) == len(found) else None


def _sentence(own: Record, several: bool) -> str:
    place = f"with {own['model']}, " if several else ""
    by_recipe: dict[str, list[str]] = {}
    for task, recipe in own["recipes"].items():
        by_recipe.setdefault(recipe, []).append(task)
    parts = [f"{named(recipe)} for {listed(tasks)}" for recipe, tasks in by_recipe.items()]
    choice = "; ".join(parts)
    count = len(own["tasks"])
    mean = f"the mean of {count} targets" if count > 1 else "one target"
    size, verb = points(abs(own["value"])), "gains" if own["value"] > 0 else "loses"
    if claimed(own):
        text = f"choosing by English dev scores ({choice}) {verb} {size} points on {mean} "
        text += f"({span(own)})"
    elif own["low"] == own["high"]:  # it is the baseline
        text = f"by English dev scores {choice} is best, so that choosing changes nothing"
    else:
        text = f"no evidence that choosing by English dev scores ({choice}) changes {mean} "
        text += f"({signed(own['value'])}; {span(own)})"
    if own["left_out"]:
        has = "has" if len(own["left_out"]) == 1 else "have"
        text += f"; {listed(own['left_out'])} {has} no English dev data to choose by"
    return sentence(f"{place}{text}.")

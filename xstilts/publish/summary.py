"""From cells to what a person compares: per model and recipe, tasks, groups, average."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from xstilts.evaluation.score import read_items
from xstilts.publish.evaluations import ENGLISH, Cell
from xstilts.study.statistics import CONFIDENCE, Interval, compare, task_sample

Groups = Mapping[str, Sequence[str]]
AVERAGE = "average"


def summarise(
    cells: Sequence[Cell],
    recipes: Sequence[str],
    baseline: str,
    groups: Groups,
    controls: Mapping[str, str],
    beyond: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """One record per model and recipe, with the difference to `baseline` of the same model.

    `groups` are the benchmark's, with the tasks of this study only; `beyond` are the study's
    tasks outside it, which no group and no average holds (where there are no others the
    average is theirs). Scores are points, means over languages and then over seeds; a group's
    and the average are means of task scores. A control has no differences.
    """
    averaged = [task for members in groups.values() for task in members] or list(beyond)
    means = {**groups, AVERAGE: averaged}
    tasks = list(dict.fromkeys([*averaged, *beyond]))
    summary = []
    for model in dict.fromkeys(cell.model for cell in cells):
        own = [cell for cell in cells if cell.model == model]
        deltas = {} if model in controls else _deltas(own, recipes, baseline, tasks, means)
        for recipe in dict.fromkeys(cell.recipe for cell in own):
            runs = {
                task: [c for c in own if (c.recipe, c.target) == (recipe, task)] for task in tasks
            }
            record = _record(runs, means, deltas.get(recipe, {}))
            control = {"control_of": controls.get(model)}
            summary.append({"model": model, "recipe": recipe} | control | record)
    return summary


def zero_shot(languages: Mapping[str, float]) -> float | None:
    """Mean over the languages that training never saw: all but English."""
    values = [value for code, value in languages.items() if code != ENGLISH]
    return sum(values) / len(values) if values else None


def _deltas(
    cells: Sequence[Cell],
    recipes: Sequence[str],
    baseline: str,
    tasks: Sequence[str],
    means: Groups,
) -> dict[str, dict[str, Interval]]:
    """Those of the tasks that are averaged and those of others, which do not touch each other:
    the draws of a comparison depend on all its tasks."""
    if len(recipes) == 1:
        return {}
    samples = {}
    for task in tasks:
        own = {(cell.recipe, cell.seed): cell for cell in cells if cell.target == task}
        runs = {key: read_items(cell.items) for key, cell in own.items()}
        samples[task] = task_sample(next(iter(own.values())).metric, runs)
    averaged = {task: samples.pop(task) for task in means[AVERAGE]}
    deltas = compare(averaged, baseline, means)
    others = compare(samples, baseline, {}) if samples else {}
    return {recipe: others.get(recipe, {}) | own for recipe, own in deltas.items()}


def _record(
    runs: Mapping[str, Sequence[Cell]], means: Groups, deltas: Mapping[str, Interval]
) -> dict[str, Any]:
    tasks = {
        task: _task(cells) | {"delta": _plain(deltas.get(task))}
        for task, cells in runs.items()
        if cells
    }
    found = {
        name: {
            "value": _mean([tasks[task]["value"] for task in members]),
            "tasks": list(members),
            "delta": _plain(deltas.get(name)),
        }
        for name, members in means.items()
        if all(task in tasks for task in members)  # a control is not run on every target
    }
    average = found.pop(AVERAGE, None)
    return {"tasks": tasks, "groups": found, "average": average}


def _task(cells: Sequence[Cell]) -> dict[str, Any]:
    languages = {
        code: _mean([cell.languages[code]["value"] for cell in cells])
        for code in cells[0].languages
    }
    english, transfer = languages.get(ENGLISH), zero_shot(languages)
    return {
        "value": _mean([cell.value for cell in cells]),
        "seeds": {str(cell.seed): cell.value for cell in cells},
        "english": english,
        "zero_shot": transfer,
        "gap": None if english is None or transfer is None else english - transfer,
        "languages": languages,
    }


def _plain(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    fields = asdict(interval) | {"levels": list(interval.levels)}
    return fields | {"confidence": CONFIDENCE, "direction": interval.direction}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

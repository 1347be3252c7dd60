"""From cells to what a person compares: per model and recipe, tasks, groups, average."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from xstilts.publish.evaluations import ENGLISH, Cell, controls
from xstilts.publish.statistics import AVERAGE, Groups, Run, seen_languages
from xstilts.publish.total import study_groups, total_of

Deltas = Mapping[str, Mapping[str, Any]]  # by task, group or "average"


def summarise(
    study: Mapping[str, Any], cells: Sequence[Cell], deltas: Mapping[Run, Deltas]
) -> list[dict[str, Any]]:
    """One record per model and recipe, with its `deltas` to the baseline where it has any.

    Scores are points, means over languages and then over seeds; a group's and the average are
    means of task scores. No group and no average holds targets beyond the benchmark, unless
    there are no others: the average is then theirs. A zero-shot mean is over the languages that
    no recipe was trained in, so that those of all recipes are over the same ones.
    """
    averaged = total_of(study)["tasks"]
    means = {**study_groups(study), AVERAGE: averaged}
    tasks = list(dict.fromkeys([*averaged, *study["targets"]]))
    seen = seen_languages(study, study["recipes"])
    summary = []
    for model, recipe in dict.fromkeys((cell.model, cell.recipe) for cell in cells):
        own = [cell for cell in cells if (cell.model, cell.recipe) == (model, recipe)]
        runs = {task: [cell for cell in own if cell.target == task] for task in tasks}
        record = _record(runs, means, deltas.get((model, recipe), {}), seen)
        control = {"control_of": controls(study).get(model)}
        summary.append({"model": model, "recipe": recipe} | control | record)
    return summary


def zero_shot(languages: Mapping[str, float], seen: Collection[str]) -> float | None:
    """Mean over the languages that no training saw: neither fine-tuning nor a recipe's."""
    values = [value for code, value in languages.items() if code not in seen]
    return sum(values) / len(values) if values else None


def _record(
    runs: Mapping[str, Sequence[Cell]], means: Groups, deltas: Deltas, seen: Collection[str]
) -> dict[str, Any]:
    tasks = {
        task: _task(cells, seen) | {"delta": deltas.get(task)}
        for task, cells in runs.items()
        if cells
    }
    found = {
        name: {
            "value": _mean([tasks[task]["value"] for task in members]),
            "tasks": list(members),
            "delta": deltas.get(name),
        }
        for name, members in means.items()
        if all(task in tasks for task in members)  # a control is not run on every target
    }
    average = found.pop(AVERAGE, None)
    return {"tasks": tasks, "groups": found, "average": average}


def _task(cells: Sequence[Cell], seen: Collection[str]) -> dict[str, Any]:
    languages = {
        code: _mean([cell.languages[code]["value"] for cell in cells])
        for code in cells[0].languages
    }
    english, transfer = languages.get(ENGLISH), zero_shot(languages, seen)
    return {
        "value": _mean([cell.value for cell in cells]),
        "seeds": {str(cell.seed): cell.value for cell in cells},
        "english": english,
        "zero_shot": transfer,
        "gap": None if english is None or transfer is None else english - transfer,
        "languages": languages,
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

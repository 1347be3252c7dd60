"""From cells to what a person compares: per model and recipe, tasks, groups, average."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.publish.board.evaluations import ENGLISH, Cell, controls
from xstilts.publish.board.statistics import AVERAGE, Groups, Run, seen_languages
from xstilts.publish.board.total import study_groups, total_of

Deltas = Mapping[str, Mapping[str, Any]]  # by task, group or "average"
Record = Mapping[str, Any]


@dataclass(frozen=True)
class _Means:
    """What is averaged: the members of each group and of the average, and languages seen."""

    groups: Groups
    tasks: Sequence[str]
    seen: Collection[str]


def summarise(
    study: Mapping[str, Any],
    cells: Sequence[Cell],
    deltas: Mapping[Run, Deltas],
    missing: Sequence[Record] = (),
) -> list[dict[str, Any]]:
    """One record per model and recipe, with its `deltas` to the baseline where it has any.

    Scores are points, means over languages and then over seeds; a group's and the average are
    means of task scores. No group and no average holds targets beyond the benchmark, unless
    there are no others: the average is then theirs. A zero-shot mean is over the languages that
    no recipe was trained in, so that those of all recipes are over the same ones.

    A task that lacks a cell (`missing`: its model, recipe, target and seed) has no score, a
    group or average that lacks one is null and says which: fewer seeds or tasks would be
    another mean.
    """
    averaged = total_of(study)["tasks"]
    means = {**study_groups(study), AVERAGE: averaged}
    tasks = list(dict.fromkeys([*averaged, *study["targets"]]))
    wanted = _Means(means, tasks, seen_languages(study, study["recipes"]))
    summary = []
    for run in _runs(study, cells, missing):
        own = [cell for cell in cells if (cell.model, cell.recipe) == run]
        lacks = [cell for cell in missing if (cell["model"], cell["recipe"]) == run]
        record = _record(own, lacks, wanted, deltas.get(run, {}))
        control = {"control_of": controls(study).get(run[0])}
        summary.append({"model": run[0], "recipe": run[1]} | control | record)
    return summary


def _runs(
    study: Mapping[str, Any], cells: Sequence[Cell], missing: Sequence[Record]
) -> list[tuple[str, str]]:
    """Models with their recipes, controls last, also those that have no cell at all."""
    found = {(cell.model, cell.recipe) for cell in cells}
    found |= {(cell["model"], cell["recipe"]) for cell in missing}
    models, recipes = [*study["models"], *controls(study)], [*study["recipes"]]
    recipes += sorted({recipe for _, recipe in found}.difference(recipes))
    return [(model, recipe) for model in models for recipe in recipes if (model, recipe) in found]


def zero_shot(languages: Mapping[str, float], seen: Collection[str]) -> float | None:
    """Mean over the languages that no training saw: neither fine-tuning nor a recipe's."""
    values = [value for code, value in languages.items() if code not in seen]
    return sum(values) / len(values) if values else None


def _record(
    cells: Sequence[Cell], lacks: Sequence[Record], wanted: _Means, deltas: Deltas
) -> dict[str, Any]:
    missing: dict[str, list[str]] = {}
    for cell in lacks:
        missing.setdefault(cell["target"], []).append(f"{cell['target']} (seed {cell['seed']})")
    runs = {task: [cell for cell in cells if cell.target == task] for task in wanted.tasks}
    tasks = {
        task: _task(own, wanted.seen) | {"delta": deltas.get(task)}
        for task, own in runs.items()
        if own and task not in missing
    }
    found = {
        name: _mean_of(members, tasks, missing) | {"delta": deltas.get(name)}
        for name, members in wanted.groups.items()
        # a control is not run on every target
        if all(task in tasks or task in missing for task in members)
    }
    average = found.pop(AVERAGE, None)
    return {"tasks": tasks, "groups": found, "average": average}


def _mean_of(
    members: Sequence[str], tasks: Mapping[str, Record], missing: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    lacks = [cell for task in members for cell in missing.get(task, ())]
    value = None if lacks else _mean([tasks[task]["value"] for task in members])
    return {"value": value, "tasks": list(members), "missing": lacks}


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

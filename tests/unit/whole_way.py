"""A task on its whole way: prepared, trained on, evaluated, by the functions of the stages.

The stages are those of a study of one target, with a backbone small enough for a test.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_models import tiny_backbone

from xstilts.data.canonical import data_path, rows
from xstilts.data.prepare import prepare
from xstilts.evaluation.official import read_predictions
from xstilts.evaluation.run import evaluate
from xstilts.evaluation.run_shortcuts import evaluate_shortcuts
from xstilts.evaluation.score import read_items, score
from xstilts.files import read_json
from xstilts.publish.run import publish
from xstilts.study.grid import SOURCE_LANGUAGE, world_languages
from xstilts.study.plan import output
from xstilts.study.record import Recipe, Study
from xstilts.study.resolve import resolve
from xstilts.study.task_choice import TaskChoice
from xstilts.tasks.pool import Pool, with_targets
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS, members, task_in
from xstilts.training.run import run_training

BACKBONE, LAYERS = "mini-encoder", 2
Entry = dict[str, Any]


def study_of(name: str, benchmark: str = "xtreme", **fields: Any) -> Study:
    """A study whose one target is the task."""
    choice = TaskChoice(languages=_languages(task_in(name, benchmark)))
    study = Study(
        name="whole-way",
        question="Does it go the whole way?",
        benchmark=benchmark,
        source="world",
        mirror=None,
        models=(BACKBONE,),
        recipes={"none": Recipe(tasks=())},
        baseline="none",
        targets=(name,),
        seeds=(0,),
        sizes={"train": 24, "dev": 6, "test": 6},
        training={"learning_rate": 1e-3, "epochs": 1, "batch_size": 8, "evals": 1, "max_steps": 2},
        tasks={name: choice},
    )
    return replace(study, **fields)


def study_with_text(name: str) -> Study:
    """A study that mixes text into its one recipe: text is no target, nor a recipe alone."""
    return study_of(
        "xnli",
        recipes={"mixed": Recipe(tasks=("mnli", name))},
        baseline="mixed",
        tasks={task: TaskChoice(languages=_languages(TASKS[task])) for task in ("xnli", name)},
    )


def with_test(task: Task) -> Task:
    """The record, tested on its dev split if it has no other."""
    if "test" in task.source.splits:
        return task
    source, *also = (
        replace(own, splits=own.splits | {"test": own.splits["dev"]})
        for own in (task.source, *task.also)
    )
    return replace(task, source=source, also=tuple(also))


def _languages(task: Task) -> tuple[str, ...]:
    """English, where the task has it, and one more that the world speaks."""
    spoken = [lang for lang in task.languages if lang in world_languages()]
    others = [lang for lang in spoken if lang != SOURCE_LANGUAGE][:1]
    return tuple(lang for lang in task.languages if lang == SOURCE_LANGUAGE or lang in others)


def go(study: Study) -> dict[str, Any]:
    """Run all stages of the study in the working folder.

    Returns the scores of its target, after a check that the predictions in the official
    layout are worth the same.
    """
    params = resolve(study)
    tiny_backbone(Path("models/backbone", BACKBONE), layers=LAYERS)
    steps = (("prepare", prepare), ("intermediate", run_training), ("finetune", run_training))
    for phase, run in steps:
        for key, entry in params[phase].items():
            run(entry, output(phase, key, params))
    [target] = study.targets
    evaluate_shortcuts(params["shortcuts"][target], output("shortcuts", target, params))
    [(key, entry)] = params["evaluate"].items()
    if entry["retrieval_layer"] is not None:
        entry["retrieval_layer"] = LAYERS
    folder = output("evaluate", key, params)
    evaluate(entry, folder)
    _check_predictions(entry, folder)
    _check_shortcuts(entry, output("shortcuts", target, params))
    publish(params, folder.parent, output("publish", "", params))
    _check_report(params, folder, output("publish", "", params))
    scores: dict[str, Any] = read_json(folder / "scores.json")
    return scores


def _check_predictions(entry: Entry, folder: Path) -> None:
    task, items = Task.from_dict(entry["task"]), read_items(folder / "items.parquet")
    cells = read_json(folder / "scores.json")["languages"]
    assert set(cells) == set(items) == set(task.languages)
    for lang, cell in cells.items():
        gold = _gold(entry, task)[lang]
        found = read_predictions(folder / "predictions", task, lang, gold)
        assert score(task, lang, found, gold).value == cell["value"]
        assert math.isfinite(cell["value"])
        assert cell["n"] == len(items[lang]) > 0
        assert all(0 <= item["correct"] <= 1 for item in items[lang])


def _check_report(params: Entry, folder: Path, results: Path) -> None:
    [target] = params["study"]["targets"]
    board = read_json(results / "scores.json")
    cells = read_json(folder / "scores.json")["languages"]
    assert {c["language"]: c["value"] for c in board["cells"]} == {
        lang: pytest.approx(cell["value"], abs=0.01) for lang, cell in cells.items()
    }
    assert target in (results / "index.html").read_text(encoding="utf-8")
    if target in members(params["study"]["benchmark"]):
        names = {path.name for path in (folder / "predictions").iterdir()}
        assert {path.name for path in (results / "submission" / target).iterdir()} == names


def _gold(entry: Entry, task: Task) -> dict[str, Any]:
    """The test rows by language; answers are looked for in all languages at once."""
    folder = Path(entry["data"])
    tests = {lang: rows(data_path(folder, task.name, "test", lang)) for lang in task.languages}
    if task.format == "dual_encoder":
        pool = Pool.of(tests)
        return {lang: with_targets(own, pool) for lang, own in tests.items()}
    return tests


def _check_shortcuts(entry: Entry, folder: Path) -> None:
    found = read_json(folder / "scores.json")["baselines"]
    assert found, "no shortcut stands beside the model"
    for name, values in found.items():
        assert set(values) == set(entry["task"]["languages"]), name
        assert all(math.isfinite(value) for value in values.values()), name

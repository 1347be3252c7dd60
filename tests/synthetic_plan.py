"""The stages of a made-up study, as `params.yaml` lists them: as much as an estimate reads."""

from collections.abc import Mapping
from typing import Any

from xstilts.tasks.table import TASKS

Entry = dict[str, Any]
_TRAINING = {"epochs": 3, "batch_size": 32, "precision": "bf16"}


def sections(study: Mapping[str, Any], direct: tuple[str, ...], items: int) -> Entry:
    """`prepare` to `shortcuts` of a study whose targets `direct` are scored without training."""
    trained = {target: TASKS[target].train_from or target for target in study["targets"]}
    trained = {target: task for target, task in trained.items() if target not in direct}
    recipes, controls = study["recipes"], study["controls"]
    runs = [(model, recipe) for model in study["models"] for recipe in recipes]
    runs += [(f"{model}-{control}", "none") for model in study["models"] for control in controls]
    grid = [(f"{model}-{recipe}", model, recipe) for model, recipe in runs]
    tasks = {*study["targets"], *trained.values(), *(t for own in recipes.values() for t in own)}
    starts = {
        (run, seed): f"models/intermediate/{run}-{seed}" if recipes[recipe] else _plain(model)
        for run, model, recipe in grid
        for seed in study["seeds"]
    }
    return {
        "prepare": {task: _data(task, items) for task in sorted(tasks)},
        "backbone": {model: _backbone(model, study["models"]) for model, _ in runs},
        "intermediate": {
            f"{run}-{seed}": _training(_plain(model), recipes[recipe])
            for run, model, recipe in grid
            for seed in study["seeds"]
            if recipes[recipe]
        },
        "finetune": {
            f"{run}-{task}-{seed}": _training(starts[run, seed], [task])
            for run, _, _ in grid
            for task in dict.fromkeys(trained.values())
            for seed in study["seeds"]
        },
        "evaluate": {
            f"{run}-{target}-{seed}": {"model_dir": starts[run, seed], "data": f"data/{target}"}
            | {"task": _task(target)}
            for run, _, _ in grid
            for target in study["targets"]
            for seed in study["seeds"]
        },
        "shortcuts": {},
    }


def _plain(model: str) -> str:
    return f"models/backbone/{model}"


def _data(task: str, items: int) -> Entry:
    source = {"kind": "world", "sizes": {"train": 2000, "dev": 100, "test": items}}
    splits = {"train": ["en"], "dev": ["en"], "test": list(TASKS[task].languages)}
    own = {"task": _task(task) | {"source": {}}, "source": source, "splits": splits}
    return {"needs": "xstilts/world", "tasks": [own]}


def _backbone(model: str, models: list[str]) -> Entry:
    if model in models:
        return {"needs": "xstilts/world", "name": "mini-encoder"}
    return {"needs": "xstilts/world", "like": _plain(model.rpartition("-")[0])}


def _training(init: str, tasks: list[str]) -> Entry:
    own = {"tasks": [_task(task) for task in tasks], "training": _TRAINING, "seed": 0}
    return {"init": init, "data": f"data/{tasks[0]}"} | own


def _task(name: str) -> Entry:
    hparams = {"max_length": 64, "batch_size": 32}
    record = {"name": name, "format": TASKS[name].format, "hparams": hparams}
    return record | {"languages": list(TASKS[name].languages), "choices": TASKS[name].choices}

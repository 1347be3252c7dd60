"""From a study to `params.yaml`: every stage's arguments, written out in full.

A stage's entry holds what the stage uses and nothing else, because the entry is part of
the stage's key: a learning rate that stood in a data set's entry would prepare the data
again when it changes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from xstilts.models.backbones import BACKBONES, Backbone
from xstilts.study.grid import (
    EMBEDDED,
    SOURCE_LANGUAGE,
    Run,
    controls,
    data_name,
    finetune_settings,
    languages,
    recipe_settings,
    runs,
    selecting,
    settings,
    study_task,
    trained_tasks,
)
from xstilts.study.question import header
from xstilts.study.recipes import TEXT, At, data_task, trained_on
from xstilts.study.record import Study
from xstilts.study.settings import ENCODING, LORA
from xstilts.tasks.record import SPLITS, Hparams, Source, Task
from xstilts.tasks.table import TASKS, task_in

CONTROL_SEED = 0
LENGTHS = {"span_qa": ENCODING, "dual_encoder": ("max_length", "max_query_length")}
_MODEL_FIELDS = ("name", "format", "metric", "labels", "choices", "scale")

Entry = dict[str, Any]


def resolve(study: Study, at: At = Path) -> dict[str, Any]:
    """The content of `params.yaml`: plain data, in the same order every time.

    `study` must have passed `check.problems`. `at` says where the folders that it names are.
    """
    grid = list(runs(study))
    trained = trained_tasks(study)
    params = {
        "study": header(study),
        "prepare": _prepare(study, at),
        "backbone": _backbones(study),
        "intermediate": dict(_intermediates(study)),
        "finetune": {
            f"{run.model}-{run.recipe}-{task}-{run.seed}": _finetune(study, run, task)
            for run in grid
            for task in trained
        },
        "evaluate": {
            f"{run.model}-{run.recipe}-{target}-{run.seed}": _evaluate(study, run, target)
            for run in grid
            for target in study.targets
        },
        "shortcuts": {target: _shortcuts(study, target) for target in study.targets},
    }
    params["publish"] = {"cells": list(params["evaluate"]), "shortcuts": list(study.targets)}
    plain: dict[str, Any] = _plain(params)
    return plain


def _plain(value: Any) -> Any:
    """Tuples as lists: YAML has no tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _record(value: Any) -> Entry:
    """A record's fields without those that have their default values."""
    found = {}
    for item in fields(value):
        own = getattr(value, item.name)
        if own != item.default and not (item.default_factory is dict and own == {}):
            found[item.name] = _plain_record(own)
    return found


def _plain_record(value: Any) -> Any:
    if isinstance(value, tuple) and any(is_dataclass(item) for item in value):
        return [_record(item) for item in value]
    return _record(value) if is_dataclass(value) else value


def _for_model(task: Task, settings: Entry, languages: tuple[str, ...]) -> Entry:
    """What a model stage knows of a task: not where its rows lie, nor how others train."""
    record = _record(task)
    kept = {name: record[name] for name in _MODEL_FIELDS if name in record}
    lengths = LENGTHS.get(task.format, ("max_length",))
    hparams = {name: settings[name] for name in lengths}
    return kept | {"languages": languages, "hparams": hparams}


def _for_data(task: Task) -> Entry:
    """What a prepare stage knows of a task: nothing of training."""
    return _record(replace(task, hparams=Hparams(), hparams_xtreme=None, after=None))


def _training(study: Study, values: Entry, model: str) -> Entry:
    run = {name: value for name, value in values.items() if name not in ENCODING}
    backbone = BACKBONES[controls(study).get(model, model)]
    run["learning_rate"] = float(f"{run['learning_rate'] * backbone.pace:.6g}")
    # A control's weights are random: frozen, they could never mean anything.
    if model not in study.models:
        whole = {name: value for name, value in run.items() if name not in LORA}
        return {"freeze_embeddings": False} | whole
    return {"freeze_embeddings": backbone.freeze_embeddings} | run


def _with_batches(entry: Entry, wanted: dict[str, Entry]) -> Entry:
    """The entry of a recipe; where batches of its tasks differ in size, each task says its own."""
    sizes = {name: own["batch_size"] for name, own in wanted.items()}
    if len(set(sizes.values())) > 1:
        del entry["training"]["batch_size"]
        for task in entry["tasks"]:
            task["hparams"]["batch_size"] = sizes[task["name"]]
    return entry


def _prepare(study: Study, at: At) -> dict[str, Entry]:
    wanted: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}

    def want(name: str, task: str, splits: Iterable[str], langs: tuple[str, ...]) -> None:
        own = wanted.setdefault(name, {}).setdefault(task, {})
        own.update(dict.fromkeys(splits, langs))

    for recipe, body in study.recipes.items():
        for task in body.tasks:
            want(data_name(study, recipe), task, *trained_on(study, task, body.languages))
    for task in trained_tasks(study):
        want(task, task, ("train", "dev"), (SOURCE_LANGUAGE,))
    if study.from_scratch and study.source != "world":
        for task, splits in study.text.items():
            for split in splits:
                trained = split == "train"  # other splits are in all languages
                langs = trained_on(study, task)[1] if trained else languages(study, task)
                want(TEXT, task, (split,), langs)
    for target in study.targets:
        splits = ("dev", "test") if TASKS[target].format == "mining" else ("test",)
        want(target, target, splits, languages(study, target))
        if TASKS[target].may_lack_answers:  # English dev says when not to answer
            want(target, target, ("dev",), (SOURCE_LANGUAGE,))
    return {name: _data_set(study, name, tasks, at) for name, tasks in wanted.items()}


def _data_set(
    study: Study, data: str, tasks: dict[str, dict[str, tuple[str, ...]]], at: At
) -> Entry:
    found = {name: data_task(study, data, name) for name in tasks}
    folders = {own["path"] for _, own in found.values() if own}
    sources = [part.source for task, _ in found.values() for part in task.parts()]
    return {
        "needs": folders.pop() if folders else _origin(study, sources, at),
        "tasks": [
            {
                "task": _for_data(task),
                "source": own or _source(study, name),
                "splits": {split: tasks[name][split] for split in SPLITS if split in tasks[name]},
            }
            for name, (task, own) in found.items()
        ],
    }


def _source(study: Study, name: str) -> Entry:
    if study.source == "mirror":
        return {"kind": "mirror", "path": study.mirror}
    if study.source == "world":
        return {"kind": "world", "sizes": study.sizes | study.choice(name).sizes}
    return {"kind": study.source}


def _origin(study: Study, sources: list[Source], at: At) -> str:
    """The path whose content the rows come from: a dependency of the prepare stage."""
    if study.mirror is None:
        return "xstilts/world" if study.source == "world" else "xstilts/data"
    sources = [own for one in sources for own in (one, *map(one.of, one.elsewhere))]
    folders = {str(Path(study.mirror, source.hub)) for source in sources if not source.files}
    one = len(folders) == 1 and len(sources) == 1 and not sources[0].files
    folder = folders.pop() if one else study.mirror
    return folder if at(folder).is_dir() else study.mirror


def _backbones(study: Study) -> dict[str, Entry]:
    found = {model: _pretrained(study, BACKBONES[model]) for model in study.models}
    for control, model in controls(study).items():
        folder = f"models/backbone/{model}"
        found[control] = {"name": control, "kind": "untrained", "like": folder, "needs": folder}
        found[control]["seed"] = CONTROL_SEED
    return found


def _pretrained(study: Study, backbone: Backbone) -> Entry:
    found: Entry = {"name": backbone.name} | _model_origin(study, backbone)
    reading = _record(backbone.reading)  # nothing for an encoder read at its first token
    return found | ({"reading": reading} if reading else {})


def _model_origin(study: Study, backbone: Backbone) -> Entry:
    if backbone.kind == "shipped" and study.from_scratch:
        origin = {"kind": "world", "needs": "xstilts/world"}
        if study.source != "world":
            origin = {"kind": "text", "needs": f"data/{TEXT}"}
        return {**origin, "pretraining": study.pretraining}
    if backbone.kind == "shipped":
        return {"kind": "shipped", "needs": f"xstilts/models/{backbone.name}"}
    hub = {"hub": backbone.hub, "revision": backbone.revision}
    return {"kind": backbone.kind, **hub, "needs": "xstilts/models"}


def _intermediates(study: Study) -> Iterator[tuple[str, Entry]]:
    for model in study.models:
        for recipe, body in study.recipes.items():
            wanted = recipe_settings(study, recipe)
            spoken = {task: trained_on(study, task, body.languages)[1] for task in body.tasks}
            for seed in study.seeds if body.tasks else ():
                tasks = [study_task(study, task) for task in body.tasks]
                entry = {
                    "init": f"models/backbone/{model}",
                    "data": f"data/{data_name(study, recipe)}",
                    "tasks": [
                        _for_model(task, wanted[task.name], spoken[task.name]) for task in tasks
                    ],
                    "training": _training(study, wanted[selecting(body.tasks)[0]], model),
                    "seed": seed,
                }
                yield f"{model}-{recipe}-{seed}", _with_batches(entry, wanted)


def _finetune(study: Study, run: Run, name: str) -> Entry:
    wanted = next(iter(finetune_settings(study, name).values()))
    task = study_task(study, name)
    before = {"init": run.pretrained}
    if task.after:
        folder = f"models/finetune/{run.model}-{run.recipe}-{task.after}-{run.seed}"
        before = {"init": folder, "head": task.after}
    return before | {
        "data": f"data/{name}",
        "task": _for_model(task, wanted, (SOURCE_LANGUAGE,)),
        "training": _training(study, wanted, run.model),
        "seed": run.seed,
    }


def _tested(study: Study, target: str) -> Entry:
    wanted = settings(study, target, "finetune")
    return _for_model(TASKS[target], wanted, languages(study, target))


def _evaluate(study: Study, run: Run, target: str) -> Entry:
    trained = study.trained_task(target)
    tuned = f"models/finetune/{run.model}-{run.recipe}-{trained}-{run.seed}"
    embedded = TASKS[target].format in EMBEDDED
    embedder = task_in(target, study.benchmark).embedded_by
    if embedder:
        tuned = f"models/finetune/{run.model}-{run.recipe}-{embedder}-{run.seed}"
    backbone = BACKBONES[controls(study).get(run.model, run.model)]
    return {
        "model_dir": run.pretrained if embedded and not embedder else tuned,
        "data": f"data/{target}",
        "task": _tested(study, target),
        "head": None if embedded else trained,
        "model": run.model,
        "recipe": run.recipe,
        "target": target,
        "seed": run.seed,
        "retrieval_layer": backbone.retrieval_layer if embedded else None,
    }


def _shortcuts(study: Study, target: str) -> Entry:
    embedded = TASKS[target].format in EMBEDDED
    trained = target if embedded else study.trained_task(target)
    return {
        "task": _tested(study, target),
        "data": f"data/{target}",
        "train_data": f"data/{trained}",
        "train_task": None if embedded else trained,
    }

"""One training stage: from its entry in `params.yaml` to a model folder.

Imports nothing heavy until it trains, so that the process that only launches others stays
small.
"""

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.data.canonical import data_path
from xstilts.errors import UserError, raise_if_any
from xstilts.files import read_json, replaced_folder, write_json
from xstilts.models.startup import collector_paused
from xstilts.tasks.record import Task
from xstilts.training.config import TrainConfig
from xstilts.training.curve import read_curve
from xstilts.training.launch import launch

if TYPE_CHECKING:
    from xstilts.training.loop import TrainingSet

LANGUAGE = "en"  # fine-tuning and its selection see nothing else: transfer is zero-shot
_LIMIT_STREAM = 17  # of seeds: which rows `train_limit` keeps
SUMMARY = "training.json"
PROVENANCE = "provenance.json"  # as the prepare stage wrote it


def run_training(entry: dict[str, Any], folder: Path) -> None:
    """Train as the `intermediate` or `finetune` entry says and write the model to `folder`.

    The folder holds the body in the Hugging Face layout, `training.json`, `steps.csv` and
    `evals.csv`; after `finetune` also the task's head. It appears whole or not at all.

    Raises:
        UserError: a setting, the data or the initial model is not usable, or a task would be
            fine-tuned in another language than English.
    """
    tasks = _tasks(entry)
    _check_zero_shot(entry, tasks)
    config = _config(entry, tasks[0])
    _check_data(Path(entry["data"]), tasks)
    if config.processes > 1 and "WORLD_SIZE" not in os.environ:
        launch(entry, folder, config.processes)
    else:
        _train(entry, tasks, config, folder)


def _tasks(entry: dict[str, Any]) -> list[Task]:
    records = entry["tasks"] if "tasks" in entry else [entry["task"]]
    return [Task.from_dict(record) for record in records]


def _config(entry: dict[str, Any], task: Task) -> TrainConfig:
    """How `task` trains; the tasks of a mixture differ in nothing but the size of a batch."""
    return TrainConfig.of(entry["training"], task, entry["seed"])


def _check_zero_shot(entry: dict[str, Any], tasks: list[Task]) -> None:
    """Only intermediate training, whose entry has `tasks`, may see other languages."""
    raise_if_any(
        f"{task.name} would be fine-tuned in {', '.join(task.languages)}: fine-tuning and its "
        f"selection see {LANGUAGE} alone, so that the transfer is zero-shot; other languages "
        "belong to a recipe (recipes.NAME.languages)."
        for task in tasks
        if "task" in entry and task.languages != (LANGUAGE,)
    )


def _train(entry: dict[str, Any], tasks: list[Task], config: TrainConfig, folder: Path) -> None:
    with collector_paused():
        from xstilts.evaluation.score import score
        from xstilts.models.body import device_name, load_body, load_tokenizer
        from xstilts.models.checkpoint import adopt_head, save_model
        from xstilts.models.heads import TaskModel
        from xstilts.training.loop import train

    init = Path(entry["init"])
    model = TaskModel(load_body(init), tasks, config.seed)
    if "head" in entry:
        adopt_head(model, tasks[0].name, init, entry["head"])
    tokenizer = load_tokenizer(init)
    data = {
        task.name: _training_set(Path(entry["data"]), task, tokenizer, _config(entry, task))
        for task in tasks
    }
    is_first = os.environ.get("RANK", "0") == "0"
    with _output(folder, is_first) as output:
        trained = train(
            model,
            data,
            config,
            output,
            pad_id=tokenizer.pad_token_id,
            dev_score=lambda task, found, rows: score(task, task.languages[0], found, rows).value,
            title=folder.name,
        )
        if is_first:
            heads = tasks if "task" in entry else []
            save_model(output, model, tokenizer, heads, trained.weights)
            summary = trained.summary | {"device": device_name(), "curve": read_curve(output)}
            write_json(output / SUMMARY, summary | _facts(entry, config, data))


def _output(folder: Path, is_first: bool) -> AbstractContextManager[Path]:
    return replaced_folder(folder) if is_first else nullcontext(folder)


def _training_set(data: Path, task: Task, tokenizer: Any, config: TrainConfig) -> "TrainingSet":
    """The rows of all languages of the task together; each selects on dev rows of its own."""
    from xstilts.data.canonical import rows
    from xstilts.tasks.encoding import interface_of
    from xstilts.tasks.formats import format_of
    from xstilts.training.loop import TrainingSet

    interface = interface_of(tokenizer)
    encode = format_of(task, interface).encode
    train_rows = [row for path in _files(data, task, "train") for row in _kept(rows(path), config)]
    features = encode(train_rows, tokenizer, task, train=True)
    if not features:
        raise UserError(
            f"{data / task.name / 'train'} holds no text to train on; prepare it again."
        )
    selects = [_dev_set(path, task, tokenizer, config) for path in _files(data, task, "dev")]
    mine: dict[str, Any] = {"features": features, "batch_size": config.batch_size}
    mine["interface"] = interface
    if not selects:
        return TrainingSet(task, **mine)
    return replace(selects[0], **mine, also=tuple(selects[1:]))


def _dev_set(path: Path, task: Task, tokenizer: Any, config: TrainConfig) -> "TrainingSet":
    """The first dev rows of one language; the task is that of this language alone."""
    from xstilts.data.canonical import rows
    from xstilts.tasks.encoding import interface_of
    from xstilts.tasks.formats import format_of
    from xstilts.training.loop import TrainingSet

    found = rows(path)[: config.eval_limit]
    if not found:
        raise UserError(f"{path} holds no row to select on; prepare it again.")
    interface = interface_of(tokenizer)
    features = format_of(task, interface).encode(found, tokenizer, task, train=False)
    spoken = replace(task, languages=(path.stem,))
    return TrainingSet(spoken, [], found, features, interface=interface)


def _kept(found: list[dict[str, Any]], config: TrainConfig) -> list[dict[str, Any]]:
    return [found[number] for number in drawn(len(found), config.train_limit, config.seed)]


def drawn(count: int, limit: int | None, seed: int) -> list[int]:
    """At most `limit` of the row numbers 0 to `count` - 1, without replacement, in order.

    They follow from the seed and the two numbers alone: of the translations of a data set the
    same rows are drawn in every language.
    """
    import numpy as np

    if limit is None or limit >= count:
        return list(range(count))
    rng = np.random.default_rng((seed, _LIMIT_STREAM))
    return sorted(rng.choice(count, size=limit, replace=False).tolist())


def _files(data: Path, task: Task, split: str) -> list[Path]:
    """One file per language of the entry's task.

    Masked words train in all languages that were prepared, and have no dev.
    """
    if task.format != "mlm":
        return [data_path(data, task.name, split, lang) for lang in task.languages]
    return sorted((data / task.name / split).glob("*.arrow")) if split == "train" else []


def _check_data(data: Path, tasks: list[Task]) -> None:
    raise_if_any(
        f"{path} is missing, which training on {task.name} needs; run `prepare` for it."
        for task in tasks
        for split in ("train", "dev")
        for path in _files(data, task, split)
        if not path.is_file()
    )


def _facts(
    entry: dict[str, Any], config: TrainConfig, data: dict[str, "TrainingSet"]
) -> dict[str, Any]:
    """What `training.json` says beside the run's own summary."""
    from importlib.metadata import version

    from xstilts.tasks.formats import truncated

    tasks = {task.name: task for task in _tasks(entry)}
    return {
        "init": entry["init"],
        "before": _before(Path(entry["init"])),
        "data": entry["data"],
        "sources": read_json(Path(entry["data"], PROVENANCE))["files"],
        "config": asdict(config),
        "tasks": {
            name: {
                "batch_size": part.batch_size,
                "features": len(part.features),
                "truncated_train": truncated(part.features),
                "dev_rows": sum(len(own.dev_rows) for own in (part, *part.also)),
                "truncated_dev": sum(truncated(own.dev_features) for own in (part, *part.also)),
                "languages": [p.stem for p in _files(Path(entry["data"]), tasks[name], "train")],
            }
            for name, part in data.items()
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "deepspeed")},
        },
    }


def _before(init: Path) -> dict[str, Any] | None:
    """The record of the training that `init` comes from; None for a pretrained model.

    It goes along, so that whoever has the last model alone knows all that made it.
    """
    record = read_json(init / SUMMARY) if (init / SUMMARY).is_file() else {}
    return record if "sources" in record else None

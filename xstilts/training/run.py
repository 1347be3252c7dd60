"""One training stage: from its entry in `params.yaml` to a model folder.

Imports nothing heavy until it trains, so that the process that only launches others stays
small.
"""

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.data.canonical import data_path
from xstilts.errors import UserError, raise_if_any
from xstilts.files import read_json, replaced_folder, write_json
from xstilts.models.startup import collector_paused
from xstilts.tasks.record import Task
from xstilts.training.config import TrainConfig
from xstilts.training.launch import launch

if TYPE_CHECKING:
    from xstilts.training.loop import TrainingSet

LANGUAGE = "en"  # training and selection see nothing else: transfer is zero-shot
SUMMARY = "training.json"
PROVENANCE = "provenance.json"  # as the prepare stage wrote it


def run_training(entry: dict[str, Any], folder: Path) -> None:
    """Train as the `intermediate` or `finetune` entry says and write the model to `folder`.

    The folder holds the body in the Hugging Face layout, `training.json`, `steps.csv` and
    `evals.csv`; after `finetune` also the task's head. It appears whole or not at all.

    Raises:
        UserError: a setting, the data or the initial model is not usable.
    """
    tasks = _tasks(entry)
    config = TrainConfig.of(entry["training"], tasks[0], entry["seed"])
    _check_data(Path(entry["data"]), tasks)
    if config.processes > 1 and "WORLD_SIZE" not in os.environ:
        launch(entry, folder, config.processes)
    else:
        _train(entry, tasks, config, folder)


def _tasks(entry: dict[str, Any]) -> list[Task]:
    records = entry["tasks"] if "tasks" in entry else [entry["task"]]
    return [Task.from_dict(record) for record in records]


def _train(entry: dict[str, Any], tasks: list[Task], config: TrainConfig, folder: Path) -> None:
    with collector_paused():
        from xstilts.evaluation.score import score
        from xstilts.models.body import load_body, load_tokenizer
        from xstilts.models.checkpoint import save_model
        from xstilts.models.heads import TaskModel
        from xstilts.training.loop import train

    init = Path(entry["init"])
    model = TaskModel(load_body(init), tasks, config.seed)
    tokenizer = load_tokenizer(init)
    data = {
        task.name: _training_set(Path(entry["data"]), task, tokenizer, config) for task in tasks
    }
    is_first = os.environ.get("RANK", "0") == "0"
    with _output(folder, is_first) as output:
        trained = train(
            model,
            data,
            config,
            output,
            pad_id=tokenizer.pad_token_id,
            dev_score=lambda task, found, rows: score(task, LANGUAGE, found, rows).value,
            title=folder.name,
        )
        if is_first:
            heads = tasks if "task" in entry else []
            save_model(output, model, tokenizer, heads, trained.weights)
            write_json(output / SUMMARY, trained.summary | _facts(entry, config, data))


def _output(folder: Path, is_first: bool) -> AbstractContextManager[Path]:
    return replaced_folder(folder) if is_first else nullcontext(folder)


def _training_set(data: Path, task: Task, tokenizer: Any, config: TrainConfig) -> "TrainingSet":
    from xstilts.data.canonical import rows
    from xstilts.tasks.encoding import interface_of
    from xstilts.tasks.formats import format_of
    from xstilts.training.loop import TrainingSet

    interface = interface_of(tokenizer)
    encode = format_of(task, interface).encode
    train_rows = [row for path in _files(data, task, "train") for row in rows(path)]
    features = encode(train_rows, tokenizer, task, train=True)
    if not features:
        raise UserError(
            f"{data / task.name / 'train'} holds no text to train on; prepare it again."
        )
    dev_rows = [row for path in _files(data, task, "dev") for row in rows(path)]
    if not dev_rows and task.format != "mlm":
        raise UserError(f"{data / task.name / 'dev'} holds no row to select on; prepare it again.")
    dev_rows = dev_rows[: config.eval_limit]
    dev_features = encode(dev_rows, tokenizer, task, train=False)
    return TrainingSet(task, features, dev_rows, dev_features, interface)


def _files(data: Path, task: Task, split: str) -> list[Path]:
    """English only; masked words train in all languages that were prepared, and have no dev."""
    if task.format != "mlm":
        return [data_path(data, task.name, split, LANGUAGE)]
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

    return {
        "init": entry["init"],
        "before": _before(Path(entry["init"])),
        "data": entry["data"],
        "sources": read_json(Path(entry["data"], PROVENANCE))["files"],
        "config": asdict(config),
        "tasks": {
            name: {
                "features": len(part.features),
                "truncated_train": truncated(part.features),
                "dev_rows": len(part.dev_rows),
                "truncated_dev": truncated(part.dev_features),
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

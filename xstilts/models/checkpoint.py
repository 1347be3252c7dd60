"""A model on disk: the body in the Hugging Face layout, the heads beside it.

`head.safetensors` holds the heads' tensors as `<task>.<parameter>`, `head.json` the records
of their tasks. Loads torch: import it only where a model is needed.
"""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from xstilts.errors import UserError
from xstilts.files import write_json
from xstilts.models.body import (
    load_body,
    load_tokenizer,
    load_weights,
    save_body,
    save_weights,
)
from xstilts.models.heads import TaskModel
from xstilts.tasks.record import Task

HEADS, HEAD_WEIGHTS = "head.json", "head.safetensors"


def save_model(
    folder: Path,
    model: TaskModel,
    tokenizer: Any,
    heads: list[Task],
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write the body, and the heads of the tasks in `heads`, into `folder`.

    `weights` is a state dict of the model to write in place of the weights it has now.
    """
    state = model.state_dict() if weights is None else weights
    model.body.config.architectures = [type(model.body).__name__]
    save_body(folder, model.body.config, _below("body.", state), tokenizer)
    if heads:
        names = tuple(f"heads.{task.name}." for task in heads)
        tensors = {n: t for n, t in state.items() if n.startswith(names)}
        save_weights(folder / HEAD_WEIGHTS, _below("heads.", tensors))
        write_json(folder / HEADS, {"tasks": [task.to_dict() for task in heads]})


def load_model(folder: Path) -> tuple[TaskModel, Any]:
    """The model in `folder` with all heads that were saved, in eval mode, and its tokenizer.

    Raises:
        UserError: a file is missing or damaged, or tensors and configs do not fit together.
    """
    tasks = _saved_tasks(folder)
    model = TaskModel(load_body(folder), tasks, seed=0)
    if tasks:
        weights = load_weights(folder / HEAD_WEIGHTS, model.heads.state_dict())
        model.heads.load_state_dict(weights)
    return model.eval(), load_tokenizer(folder)


def adopt_head(model: TaskModel, task: str, folder: Path, saved: str) -> None:
    """Give the head of `task` the weights of the head `saved` of the model in `folder`.

    Raises:
        UserError: the folder has no such head, or one of another shape.
    """
    wanted = {f"{saved}.{n}": w for n, w in model.heads[task].state_dict().items()}
    found = load_weights(folder / HEAD_WEIGHTS, wanted)
    model.heads[task].load_state_dict(_below(f"{saved}.", found))


def _saved_tasks(folder: Path) -> list[Task]:
    path = folder / HEADS
    if not path.exists():
        return []
    try:
        return [Task.from_dict(data) for data in json.loads(path.read_text("utf-8"))["tasks"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}); delete the model and write it again."
        ) from error


def _below(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}

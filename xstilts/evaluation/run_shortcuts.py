"""The shortcuts phase: data in, the scores of what needs no understanding out."""

from pathlib import Path
from typing import Any

from xstilts.evaluation.entities import entities_of
from xstilts.evaluation.prepared import SCORES, prepared_rows
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.files import replaced_folder, write_json
from xstilts.tasks.record import Task


def evaluate_shortcuts(entry: dict[str, Any], folder: Path) -> None:
    """Score the baselines that understand nothing, as a `shortcuts` entry says.

    Writes `scores.json`: baseline -> language -> official score. Raises `UserError` for
    missing data.
    """
    task, data = Task.from_dict(entry["task"]), Path(entry["data"])
    trained = entry["train_task"]
    train = prepared_rows(Path(entry["train_data"]), trained, "train", "en") if trained else []
    test = {lang: prepared_rows(data, task.name, "test", lang) for lang in task.languages}
    has_dev = task.format == "mining"
    dev = {lang: prepared_rows(data, task.name, "dev", lang) for lang in task.languages if has_dev}
    linked = task.format == "entity_linking"
    entities = entities_of(data, task, test) if linked else None
    baselines = shortcuts(task, train, test, dev, entities)
    with replaced_folder(folder) as output:
        record = {"task": task.name, "metric": task.metric, "baselines": baselines}
        write_json(output / SCORES, record)

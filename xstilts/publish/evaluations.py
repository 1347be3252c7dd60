"""Reading what the evaluate and shortcuts stages wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.files import read_json
from xstilts.tasks.record import Task
from xstilts.tasks.table import task_in

ENGLISH = "en"  # the language of all training: the others are zero-shot
EMBEDDED = ("retrieval", "mining")  # formats that are scored without fine-tuning
Params = Mapping[str, Any]
_IDENTITY = ("model", "recipe", "target", "seed")


@dataclass(frozen=True)
class Cell:
    """One evaluated combination: a model's scores on one target, in all languages."""

    key: str
    folder: Path
    model: str
    recipe: str
    target: str
    seed: int
    metric: str
    seconds: float
    languages: dict[str, dict[str, Any]]  # code -> value (points), metrics, n (items), notes
    data: dict[str, Any]  # provenance of the target's files, as the prepare stage wrote it
    training: dict[str, Any] | None  # `training.json` of the model
    tuned_on: tuple[str, ...]  # tasks that it was fine-tuned on, the last one first

    @property
    def items(self) -> Path:
        """What every item contributed: `evaluation.item_table.read_item_tables` reads it."""
        return self.folder / "items.parquet"

    @property
    def value(self) -> float:
        """The task's score in points: the mean over languages, as the benchmark takes it."""
        values = [score["value"] for score in self.languages.values()]
        return sum(values) / len(values)


def read_cells(params: Params, evaluations: Path) -> list[Cell]:
    """All cells that `params["publish"]["cells"]` names.

    Raises `UserError` naming every stage that has not run, or every combination of the
    study's models, recipes, targets and seeds that no cell covers.
    """
    keys = params["publish"]["cells"]
    raise_if_any(
        _missing(evaluations / key / name, f"evaluate@{key}")
        for key in keys
        for name in ("scores.json", "items.parquet", "predictions")
        if not (evaluations / key / name).exists()
    )
    benchmark = params["study"]["benchmark"]
    cells = [_read_cell(evaluations / key, benchmark) for key in keys]
    raise_if_any(_uncovered(params["study"], cells))
    return cells


def read_shortcuts(params: Params, evaluations: Path) -> dict[str, dict[str, Any]]:
    """Scores of the baselines that look at the surface only: task -> what its stage wrote."""
    files = {
        task: evaluations / f"shortcuts-{task}" / "scores.json"
        for task in params["publish"]["shortcuts"]
    }
    raise_if_any(
        _missing(path, f"shortcuts@{task}") for task, path in files.items() if not path.is_file()
    )
    return {task: read_json(path) for task, path in files.items()}


def controls(study: Mapping[str, Any]) -> dict[str, str]:
    """The study's control models, such as `mini-untrained`, and the model each belongs to."""
    return {
        f"{model}-{control}": model for model in study["models"] for control in study["controls"]
    }


def _read_cell(folder: Path, benchmark: str) -> Cell:
    scores = read_json(folder / "scores.json")
    training = scores["provenance"]["training"]
    return Cell(
        key=folder.name,
        folder=folder,
        **{name: scores[name] for name in (*_IDENTITY, "metric", "seconds", "languages")},
        data=scores["provenance"]["data"]["files"],
        training=training,
        tuned_on=_tuned_on(task_in(scores["target"], benchmark), training, benchmark),
    )


def _tuned_on(target: Task, training: dict[str, Any] | None, benchmark: str) -> tuple[str, ...]:
    if training is None or (target.format in EMBEDDED and not target.embedded_by):
        return ()
    last = str(next(iter(training["tasks"])))
    before = task_in(last, benchmark).after
    return (last, before) if before else (last,)


def _missing(path: Path, stage: str) -> str:
    return f"{path} is missing: run the stage {stage} (dvc repro {stage}) before publishing."


def _uncovered(study: Mapping[str, Any], cells: Sequence[Cell]) -> list[str]:
    covered = {(cell.model, cell.recipe, cell.target, cell.seed) for cell in cells}
    return [
        f"No evaluation in publish.cells of params.yaml is of model {model}, recipe {recipe}, "
        f"target {target}, seed {seed}, which study {study['name']} asks for: resolve the study "
        f"again (xstilts study use {study['name']})."
        for model in study["models"]
        for recipe in study["recipes"]
        for target in study["targets"]
        for seed in study["seeds"]
        if (model, recipe, target, seed) not in covered
    ]

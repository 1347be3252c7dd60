"""Reading what the evaluate and shortcuts stages wrote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.files import read_json
from xstilts.tasks.record import Task
from xstilts.tasks.table import task_in

ENGLISH = "en"  # the language of all training: the others are zero-shot
EMBEDDED = ("retrieval", "mining")  # formats that are scored without fine-tuning
Params = Mapping[str, Any]
FILES = ("scores.json", "items.parquet", "predictions", "examples.json")  # of an evaluation
PLAIN = "none"  # the recipe of controls in a study that has none without intermediate tasks
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
    device: str | None = None  # that it was evaluated on; None where nobody wrote it down

    @property
    def items(self) -> Path:
        """What every item contributed: `evaluation.item_table.read_item_tables` reads it."""
        return self.folder / "items.parquet"

    @property
    def examples(self) -> Path:
        """Texts that it got wrong: see `evaluation.examples`."""
        return self.folder / "examples.json"

    @property
    def value(self) -> float:
        """The task's score in points: the mean over languages, as the benchmark takes it."""
        values = [score["value"] for score in self.languages.values()]
        return sum(values) / len(values)


def read_cells(params: Params, evaluations: Path, allow_partial: bool = False) -> list[Cell]:
    """All cells that `params["publish"]["cells"]` names; of a partial study those that are whole.

    Raises `UserError` naming every stage that has not run, or every combination of the
    study's models, recipes, targets and seeds that no cell covers; of a partial study only
    where no stage has run at all.
    """
    keys, benchmark = params["publish"]["cells"], params["study"]["benchmark"]
    lacking = {
        key: [name for name in FILES if not (evaluations / key / name).exists()] for key in keys
    }
    found = [key for key in keys if not lacking[key]]
    if not allow_partial or not found:
        raise_if_any(
            _missing(evaluations / key / name, f"evaluate@{key}")
            for key, names in lacking.items()
            for name in names
        )
    cells = [_read_cell(evaluations / key, benchmark) for key in found]
    if not allow_partial:
        raise_if_any(_uncovered(params["study"]["name"], missing_cells(params, cells)))
    return cells


def missing_cells(params: Params, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Model, recipe, target and seed of what the study asks for and no cell covers."""
    covered = {(cell.model, cell.recipe, cell.target, cell.seed) for cell in cells}
    return [
        dict(zip(_IDENTITY, wanted, strict=True))
        for wanted in _wanted(params)
        if wanted not in covered
    ]


def _wanted(params: Params) -> Iterator[tuple[str, str, str, int]]:
    """Every run of the study on every target, then the controls' cells that it names."""
    study, named = params["study"], params["publish"]["cells"]
    yield from product(study["models"], study["recipes"], study["targets"], study["seeds"])
    recipes = dict.fromkeys([*study["recipes"], PLAIN])
    for wanted in product(controls(study), recipes, study["targets"], study["seeds"]):
        if "-".join(map(str, wanted)) in named:
            yield wanted


def read_shortcuts(
    params: Params, evaluations: Path, allow_partial: bool = False
) -> dict[str, dict[str, Any]]:
    """Scores of the baselines that look at the surface only: task -> what its stage wrote.

    Raises `UserError` naming every stage that has not run, unless the study may be partial.
    """
    files = {
        task: evaluations / f"shortcuts-{task}" / "scores.json"
        for task in params["publish"]["shortcuts"]
    }
    missing = {task: path for task, path in files.items() if not path.is_file()}
    if not allow_partial:
        raise_if_any(_missing(path, f"shortcuts@{task}") for task, path in missing.items())
    return {task: read_json(path) for task, path in files.items() if task not in missing}


def plain_recipe(study: Mapping[str, Any]) -> str:
    """The recipe without intermediate tasks, which controls follow; else the baseline."""
    plain = (recipe for recipe, tasks in study["recipes"].items() if not tasks)
    return next(plain, str(study["baseline"]))


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
        device=scores.get("device"),
    )


def _tuned_on(target: Task, training: dict[str, Any] | None, benchmark: str) -> tuple[str, ...]:
    if training is None or (target.format in EMBEDDED and not target.embedded_by):
        return ()
    last = str(next(iter(training["tasks"])))
    before = task_in(last, benchmark).after
    return (last, before) if before else (last,)


def _missing(path: Path, stage: str) -> str:
    return f"{path} is missing: run the stage {stage} (dvc repro {stage}) before publishing."


def _uncovered(study: str, missing: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"No evaluation in publish.cells of params.yaml is of model {model}, recipe {recipe}, "
        f"target {target}, seed {seed}, which study {study} asks for: resolve the study "
        f"again (xstilts study use {study})."
        for model, recipe, target, seed in (own.values() for own in missing)
    ]

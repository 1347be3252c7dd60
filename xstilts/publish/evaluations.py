"""Reading what the evaluate and shortcuts stages wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.files import read_json

ENGLISH = "en"
Params = Mapping[str, Any]


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
    model_dir: str
    seconds: float
    languages: dict[str, dict[str, Any]]  # code -> value (points), metrics, n (items)

    @property
    def items(self) -> Path:
        """What every item contributed: `evaluation.score.read_items` reads it."""
        return self.folder / "items.parquet"


def read_cells(params: Params, evaluations: Path) -> list[Cell]:
    """All cells that `params["publish"]["cells"]` names.

    Raises `UserError` naming every stage that has not run, and every combination of the
    study's models, recipes, targets and seeds that no cell covers.
    """
    keys = params["publish"]["cells"]
    raise_if_any([*_not_evaluated(keys, evaluations), *_not_planned(params)])
    return [_read_cell(key, params["evaluate"][key], evaluations / key) for key in keys]


def read_shortcuts(params: Params, evaluations: Path) -> dict[str, dict[str, Any]]:
    """Scores of the baselines that look at the surface only: task -> what its stage wrote."""
    folders = {task: evaluations / f"shortcuts-{task}" for task in params["publish"]["shortcuts"]}
    raise_if_any(
        _missing(folder / "scores.json", f"shortcuts@{task}")
        for task, folder in folders.items()
        if not (folder / "scores.json").is_file()
    )
    return {task: read_json(folder / "scores.json") for task, folder in folders.items()}


def controls(params: Params) -> dict[str, str]:
    """The study's control models, such as `mini-untrained`, and the model each belongs to."""
    study = params["study"]
    return {
        f"{model}-{control}": model
        for model in study["models"]
        for control in study.get("controls", [])
    }


def mean_over_languages(cell: Cell) -> float:
    """The task's score in points, as the benchmark averages it."""
    values = [score["value"] for score in cell.languages.values()]
    return sum(values) / len(values)


def _read_cell(key: str, planned: Params, folder: Path) -> Cell:
    scores = read_json(folder / "scores.json")
    return Cell(
        key=key,
        folder=folder,
        model=planned["model"],
        recipe=planned["recipe"],
        target=planned["target"],
        seed=planned["seed"],
        metric=scores["metric"],
        model_dir=planned["model_dir"],
        seconds=scores["seconds"],
        languages=scores["languages"],
    )


def _missing(path: Path, stage: str) -> str:
    return f"{path} is missing: run the stage {stage} (dvc repro {stage}) before publishing."


def _not_evaluated(keys: list[str], evaluations: Path) -> list[str]:
    return [
        _missing(evaluations / key / name, f"evaluate@{key}")
        for key in keys
        for name in ("scores.json", "items.parquet")
        if not (evaluations / key / name).is_file()
    ]


def _not_planned(params: Params) -> list[str]:
    study = params["study"]
    planned = [params["evaluate"][key] for key in params["publish"]["cells"]]
    names = ("model", "recipe", "target", "seed")
    covered = {tuple(cell[name] for name in names) for cell in planned}
    return [
        f"publish.cells in params.yaml has no cell for model {model}, recipe {recipe}, target "
        f"{target}, seed {seed}, which study {study['name']} asks for: resolve the study again "
        f"(xstilts study use {study['name']})."
        for model in study["models"]
        for recipe in study["recipes"]
        for target in study["targets"]
        for seed in study["seeds"]
        if (model, recipe, target, seed) not in covered
    ]

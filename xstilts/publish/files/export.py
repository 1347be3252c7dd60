"""The winning model as a folder that the Hugging Face libraries load.

What is exported is the body of the study's best run before it was fine-tuned for any target: the
start that the recipe made. With a target it is the model fine-tuned for that. The heads lie beside
the body, in files of their own.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import UserError, raise_if_any
from xstilts.files import read_json, replaced_folder, write_text
from xstilts.models.architecture import written_reading
from xstilts.publish.board.schema import read_board
from xstilts.publish.files.export_card import Exported, export_card
from xstilts.study.page import unknown
from xstilts.study.params import NAME, read_params

RESULTS, EVALUATIONS = Path("results"), Path("evaluations")
TRAINING = "training.json"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
_OURS = ("README.md", "MANIFEST.json", "steps.csv", "evals.csv")  # of no use, or written anew

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Winner:
    """What is exported: a folder of `models/`, and the evaluations that its scores come from."""

    folder: Path
    evaluations: list[Path]


def export_model(folder: Path, study: str, target: str | None = None) -> int:
    """Write the best model of a study to `folder`, which must be new or empty.

    `study` is that of params.yaml, published, with its models and evaluations in place. Raises
    `UserError` if one of these is not so, or a model was trained again after it was scored.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty: name a new folder.")
    board = read_board(RESULTS / study / "scores.json")
    winner = _winner(board, _params(study), target)
    raise_if_any(_problems(winner))
    with replaced_folder(folder) as temporary:
        for path in sorted(winner.folder.iterdir()):
            if path.is_file() and path.name not in _OURS:
                shutil.copyfile(path, temporary / path.name)
        reading = written_reading(read_json(temporary / "config.json"))
        card = export_card(board, Exported(target, _heads(temporary), reading))
        write_text(temporary / "README.md", card)
    print(f"{folder} holds {winner.folder}, the best run of {study} by its average.")
    return 0


def _params(study: str) -> Record:
    params = read_params(Path(NAME))
    if (there := params["study"]["name"]) != study:
        raise UserError(
            f"{NAME} is of the study {there}: bring the models of {study} back first "
            f"(xstilts study use {study}, then dvc checkout)."
        )
    return params


def _winner(board: Record, params: Record, target: str | None) -> Winner:
    best = board["best"]
    if best is None:
        raise UserError(f"No run of {board['study']} has an average, so there is none to export.")
    model, recipe, seed = best["model"], best["recipe"], best["seed"]
    targets = params["study"]["targets"]
    if target is not None and target not in targets:
        raise UserError(unknown("target", target, targets))
    keys = {name: f"{model}-{recipe}-{name}-{seed}" for name in ([target] if target else targets)}
    place = EVALUATIONS / board["study"]
    scores = [place / key / "scores.json" for key in keys.values()]
    if target:
        return Winner(Path(params["evaluate"][keys[target]]["model_dir"]), scores)
    before = f"intermediate/{model}-{recipe}-{seed}"
    return Winner(
        Path("models") / (before if board["recipes"][recipe] else f"backbone/{model}"), scores
    )


def _problems(winner: Winner) -> Iterator[str]:
    """What is missing, and whether the model is still the one that was scored."""
    missing = [path for path in winner.evaluations if not path.is_file()]
    missing += [winner.folder / name for name in NEEDED if not (winner.folder / name).is_file()]
    for path in missing:
        yield f"{path} is missing: bring it back with `dvc checkout`, or run the study again."
    if not missing and winner.folder.parent.name != "backbone":
        own = read_json(winner.folder / TRAINING)
        for path in winner.evaluations:
            if own not in _trainings(read_json(path)["provenance"]["training"]):
                yield (
                    f"{winner.folder} was trained at another time than the model that {path} "
                    "scored: run the study again, or bring both back with `dvc checkout`."
                )


def _trainings(training: Record | None) -> Iterator[Record]:
    """All trainings behind a scored model, the last one first."""
    while training:
        yield training
        training = training.get("before")


def _heads(folder: Path) -> list[str]:
    path = folder / "head.json"
    return [task["name"] for task in read_json(path)["tasks"]] if path.is_file() else []

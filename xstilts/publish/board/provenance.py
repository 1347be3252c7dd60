"""Where the numbers come from: code, data, training sets, libraries, time."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xstilts.publish.board.evaluations import ENGLISH, Cell, Params
from xstilts.publish.board.trainings import all_trainings, trainings

LIBRARIES = ("xstilts", "torch", "transformers", "tokenizers", "datasets", "deepspeed", "numpy")
_SOURCE_FIELDS = ("rows", "source", "hub", "config", "split", "revision")
Record = Mapping[str, Any]


def provenance(params: Params, cells: Sequence[Cell], root: Path) -> dict[str, Any]:
    """Everything a reader needs to trust or repeat the scores.

    The cells bring what the data and all trainings behind them say of themselves; `root` is
    asked for the commit alone. The image digest is what the container was told in
    `XSTILTS_IMAGE_DIGEST`, null outside a container.
    """
    data = data_sets(cells)
    study, limits = params["study"], recipe_limits(cells)
    return {
        "code": code_revision(root),
        "image_digest": os.environ.get("XSTILTS_IMAGE_DIGEST"),
        "data": data,
        "training": {
            "targets": target_sources(cells, data),
            "recipes": {
                recipe: list(recipe_sources(study, recipe, data, limits.get(recipe)))
                for recipe in study["recipes"]
            },
        },
        "libraries": {"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES},
        "seconds": wall_times(study, cells),
    }


def code_revision(root: Path) -> dict[str, Any]:
    """The commit that is checked out, and whether files differ from it.

    An image has no Git: there the commit is what it was built from (`XSTILTS_REVISION`, which
    ends in `-dirty` when files differed). Nulls where nobody knows.
    """
    if built := os.environ.get("XSTILTS_REVISION"):
        return {"revision": built.removesuffix("-dirty"), "dirty": built.endswith("-dirty")}
    revision = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"revision": revision or None, "dirty": None if changes is None else bool(changes)}


def data_sets(cells: Sequence[Cell]) -> dict[str, dict[str, Any]]:
    """Data set -> file -> source, rows, what was dropped, hash; evaluated and trained on."""
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        for training in trainings(cell):
            found.setdefault(Path(training["data"]).name, {}).update(training["sources"])
        found.setdefault(cell.target, {}).update(cell.data)
    return found


def target_sources(cells: Sequence[Cell], data: Mapping[str, Record]) -> dict[str, Any]:
    """What each target's model was fine-tuned on; null where it was evaluated directly."""
    sources: dict[str, Any] = {}
    for cell in cells:
        if not cell.tuned_on or cell.training is None:
            sources.setdefault(cell.target, None)
        else:
            task, *before = cell.tuned_on
            kept = cell.training["tasks"][task]
            own = {"truncated": kept["truncated_train"], "features": kept["features"]}
            own |= {"trained": _limited(_source(task, data)["rows"], _limit(cell.training))}
            own |= {"before": [_source(name, data) for name in before]} if before else {}
            sources.setdefault(cell.target, _source(task, data) | own)
    return sources


def wall_times(study: Mapping[str, Any], cells: Sequence[Cell]) -> dict[str, float]:
    """Seconds per training and evaluation stage, in the order they run."""
    trained = {own.stage: own.record["seconds"] for own in all_trainings(study, cells)}
    return trained | {f"evaluate@{cell.key}": cell.seconds for cell in cells}


def recipe_limits(cells: Sequence[Cell]) -> dict[str, int | None]:
    """How many rows of each task and language a recipe's training takes at most."""
    found: dict[str, int | None] = {}
    for cell in cells:
        for training in list(trainings(cell))[len(cell.tuned_on) :]:
            found[cell.recipe] = _limit(training)
    return found


def _limit(training: Record) -> int | None:
    limit: int | None = training.get("config", {}).get("train_limit")
    return limit


def _limited(rows: int | None, limit: int | None) -> int | None:
    return rows if rows is None or limit is None else min(rows, limit)


def recipe_sources(
    study: Mapping[str, Any], recipe: str, data: Mapping[str, Record], limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """What a recipe trains on: the rows of each of its tasks, in each of its languages."""
    for task in study["recipes"][recipe]:
        for language in study.get("languages", {}).get(recipe, (ENGLISH,)):
            found = _source(task, data, language, recipe)
            yield found | {"trained": _limited(found["rows"], limit), "language": language}


def _source(
    task: str, data: Mapping[str, Record], language: str = ENGLISH, home: str = ""
) -> dict[str, Any]:
    """The training rows of a task in one language: how many, and where they come from.

    They are looked for in the data set `home`, in the task's own, then in any.
    """
    name = f"{task}/train/{language}.arrow"
    homes = [data.get(home, {}), data.get(task, {}), *data.values()]
    known: Record = next((files[name] for files in homes if name in files), {})
    found = {"task": task} | {field: known.get(field) for field in _SOURCE_FIELDS}
    return found | ({"also": known["also"]} if "also" in known else {})


def _git(root: Path, *arguments: str) -> str | None:
    """A Git command's output; None where there is no repository, or no Git."""
    try:
        run = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None

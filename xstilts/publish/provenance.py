"""Where the numbers come from: code, data, training sets, libraries, time."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xstilts.files import read_json
from xstilts.publish.evaluations import ENGLISH, Cell, Params

LIBRARIES = ("xstilts", "torch", "transformers", "tokenizers", "datasets", "deepspeed", "numpy")
_SOURCE_FIELDS = ("rows", "source", "hub", "config", "split", "revision")
Record = Mapping[str, Any]


def provenance(params: Params, cells: Sequence[Cell], root: Path) -> dict[str, Any]:
    """Everything a reader needs to trust or repeat the scores.

    The cells bring what the evaluated data and models say of themselves; the other data sets
    and models of the study are read from `data/` and `models/` under `root`, where they are
    there. The image digest is what the container was told in `XSTILTS_IMAGE_DIGEST`, null
    outside a container.
    """
    data = data_sets(params, cells, root)
    recipes = params["study"]["recipes"]
    return {
        "code": code_revision(root),
        "image_digest": os.environ.get("XSTILTS_IMAGE_DIGEST"),
        "data": data,
        "training": {
            "targets": target_sources(cells, data),
            "recipes": {name: [_source(t, data) for t in recipes[name]] for name in recipes},
        },
        "libraries": {"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES},
        "seconds": wall_times(params, cells, root),
    }


def code_revision(root: Path) -> dict[str, Any]:
    """The commit that is checked out and whether files differ from it; nulls without Git."""
    revision = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"revision": revision or None, "dirty": None if changes is None else bool(changes)}


def data_sets(params: Params, cells: Sequence[Cell], root: Path) -> dict[str, dict[str, Any]]:
    """Data set -> file -> source, rows, what was dropped, hash."""
    found = {cell.target: cell.data for cell in cells}
    for name in params.get("prepare", {}):
        path = root / "data" / name / "provenance.json"
        if path.is_file():
            found[name] = read_json(path)["files"]
    return found


def target_sources(cells: Sequence[Cell], data: Mapping[str, Record]) -> dict[str, Any]:
    """What each target's model was fine-tuned on; null where it was evaluated directly."""
    sources: dict[str, Any] = {}
    for cell in cells:
        task = cell.trained_task
        if task is None or cell.training is None:
            sources.setdefault(cell.target, None)
        else:
            kept = cell.training["tasks"][task]
            truncated = {"truncated": kept["truncated_train"], "features": kept["features"]}
            sources.setdefault(cell.target, _source(task, data) | truncated)
    return sources


def wall_times(params: Params, cells: Sequence[Cell], root: Path) -> dict[str, float]:
    """Seconds per training and evaluation stage, in the order they run."""
    records: dict[str, dict[str, float]] = {"intermediate": {}, "finetune": {}, "evaluate": {}}
    for cell in cells:
        records["evaluate"][f"evaluate@{cell.key}"] = cell.seconds
        run = f"{cell.model}-{cell.recipe}"
        if cell.training is not None and cell.trained_task:
            stage = f"finetune@{run}-{cell.trained_task}-{cell.seed}"
            records["finetune"][stage] = cell.training["seconds"]
        elif cell.training is not None and params["study"]["recipes"][cell.recipe]:
            stage = f"intermediate@{run}-{cell.seed}"
            records["intermediate"][stage] = cell.training["seconds"]
    for key in params.get("intermediate", {}):
        path = root / "models" / "intermediate" / key / "training.json"
        if path.is_file():
            records["intermediate"][f"intermediate@{key}"] = read_json(path)["seconds"]
    return {stage: taken for phase in records.values() for stage, taken in phase.items()}


def _source(task: str, data: Mapping[str, Record]) -> dict[str, Any]:
    """The English training rows of a task: how many, and where they come from."""
    name = f"{task}/train/{ENGLISH}.arrow"
    known: Record = next((files[name] for files in data.values() if name in files), {})
    return {"task": task} | {field: known.get(field) for field in _SOURCE_FIELDS}


def _git(root: Path, *arguments: str) -> str | None:
    """A Git command's output; None where there is no repository, or no Git."""
    try:
        run = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None

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
DATA, MODELS = Path("data"), Path("models")
_SOURCE_FIELDS = ("rows", "source", "hub", "config", "split", "revision")


def provenance(params: Params, cells: Sequence[Cell], root: Path) -> dict[str, Any]:
    """Everything a reader needs to trust or repeat the scores.

    `root` is the folder that `data/` and `models/` lie in; a data set whose provenance is
    not there is null. The image digest is what the container was told in
    `XSTILTS_IMAGE_DIGEST`, null outside a container.
    """
    data = {name: _data(root / DATA / name) for name in params["prepare"]}
    return {
        "code": code_revision(root),
        "image_digest": os.environ.get("XSTILTS_IMAGE_DIGEST"),
        "data": data,
        "training": {
            "targets": target_sources(params, data),
            "recipes": recipe_sources(params, data),
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


def target_sources(params: Params, data: Mapping[str, Any]) -> dict[str, Any]:
    """What each target's model was fine-tuned on; null where it was evaluated directly."""
    sources: dict[str, Any] = {}
    for key in params["publish"]["cells"]:
        cell = params["evaluate"][key]
        stage = params["finetune"].get(Path(cell["model_dir"]).name)
        tuned = stage is not None and Path(cell["model_dir"]).parent.name == "finetune"
        sources[cell["target"]] = _source(stage["task"], stage["data"], data) if tuned else None
    return sources


def recipe_sources(params: Params, data: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What each recipe trains on before the target: one entry per intermediate task."""
    study = params["study"]
    first = f"{study['models'][0]}-{{}}-{study['seeds'][0]}"
    stages = {
        recipe: params["intermediate"].get(first.format(recipe)) for recipe in study["recipes"]
    }
    return {
        recipe: [_source(task, stage["data"], data) for task in stage["tasks"]] if stage else []
        for recipe, stage in stages.items()
    }


def _source(task: Params, folder: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The English training rows of a task: how many, and where they come from."""
    name = task["name"]
    files = data.get(Path(folder).name) or {}
    known = files.get(f"{name}/train/{ENGLISH}.arrow", {})
    return {"task": name} | {field: known.get(field) for field in _SOURCE_FIELDS}


def wall_times(params: Params, cells: Sequence[Cell], root: Path) -> dict[str, float]:
    """Seconds per stage, for the stages that recorded them, in the order they run."""
    files = {
        f"{phase}@{key}": root / MODELS / phase / key / "training.json"
        for phase in ("backbone", "intermediate", "finetune")
        for key in params[phase]
    }
    recorded = {stage: read_json(path) for stage, path in files.items() if path.is_file()}
    times = {stage: record["seconds"] for stage, record in recorded.items() if "seconds" in record}
    return times | {f"evaluate@{cell.key}": cell.seconds for cell in cells}


def _data(folder: Path) -> Mapping[str, Any] | None:
    """Per file: source, rows, what was dropped, hash; as the prepare stage wrote it."""
    path = folder / "provenance.json"
    return read_json(path)["files"] if path.is_file() else None


def _git(root: Path, *arguments: str) -> str | None:
    """A Git command's output; None where there is no repository, or no Git."""
    try:
        run = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None

"""What DVC and Kubeflow compare between runs: named numbers, and the data of plots."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xstilts.files import write_json

Board = Mapping[str, Any]
Record = dict[str, Any]

METRICS = "metrics.json"


def numbers(board: Board) -> dict[str, float]:
    """Points by name; names hold neither study nor run, so that those of two runs compare.

    `best` is the best average; `average/<model>/<recipe>`, its difference to the baseline
    `delta/<model>/<recipe>`, and `task/<model>/<recipe>/<task>` follow. What has no value is
    left out.
    """
    found: dict[str, float | None] = {}
    for record in board["summary"]:
        run = f"{record['model']}/{record['recipe']}"
        average = record["average"] or {"value": None, "delta": None}
        found[f"average/{run}"] = average["value"]
        found[f"delta/{run}"] = (average["delta"] or {"value": None})["value"]
        found |= {f"task/{run}/{task}": s["value"] for task, s in record["tasks"].items()}
    if best := board["best"]:
        found = {"best": found[f"average/{best['model']}/{best['recipe']}"]} | found
    return {name: value for name, value in found.items() if value is not None}


def write_numbers(board: Board, folder: Path) -> None:
    """Write `metrics.json`, and the rows behind each plot of dvc.yaml into `plots/`."""
    write_json(folder / METRICS, numbers(board))
    for name, rows in (("averages", _averages), ("tasks", _tasks), ("curves", _curves)):
        write_json(folder / "plots" / f"{name}.json", list(rows(board)))


def _averages(board: Board) -> Iterator[Record]:
    """One row per model and recipe that has an average."""
    for record in board["summary"]:
        if record["average"] and record["average"]["value"] is not None:
            yield _run(record) | _scored(record["average"])


def _tasks(board: Board) -> Iterator[Record]:
    """One row per model, recipe and task."""
    for record in board["summary"]:
        for task, score in record["tasks"].items():
            if score["value"] is not None:
                yield _run(record) | {"task": task} | _scored(score)


def _curves(board: Board) -> Iterator[Record]:
    """One row per training and step that has a dev score."""
    for curve in board["curves"]:
        run = _run(curve) | {name: curve[name] for name in ("phase", "task", "seed", "metric")}
        for point in curve["points"]:
            if point["dev"] is not None:
                yield run | {"step": point["step"], "dev": point["dev"], "loss": point["loss"]}


def _run(record: Mapping[str, Any]) -> Record:
    model, recipe = record["model"], record["recipe"]
    return {"run": f"{model} {recipe}", "model": model, "recipe": recipe}


def _scored(score: Mapping[str, Any]) -> Record:
    delta = score["delta"] or {}
    return {"score": score["value"]} | {
        name: delta.get(key) for name, key in (("delta", "value"), ("low", "low"), ("high", "high"))
    }

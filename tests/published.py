"""Results as the publish stage leaves them, but small: for whatever moves them around."""

from pathlib import Path
from typing import Any

from xstilts.files import write_json, write_text

LOCK = b"schema: '2.0'\nstages: {}\n"
PARAMS = b"study: {name: small}\n"
EXTRA = {"dvc.lock": LOCK, "params.yaml": PARAMS}


def small_board(value: float = 50.0, study: str = "small") -> dict[str, Any]:
    """A scoreboard of one model and one recipe, which the schema accepts."""
    score = {"value": value, "seeds": {"0": value}, "english": value, "zero_shot": value}
    score |= {"gap": 0.0, "languages": {"en": value}, "delta": None}
    average = {"value": value, "tasks": ["xnli"], "missing": [], "delta": None}
    run = {"model": "mini", "recipe": "none", "control_of": None, "tasks": {"xnli": score}}
    code = {"revision": "0123abc", "dirty": False}
    provenance = {"code": code, "image_digest": None, "data": {}, "libraries": {}, "seconds": {}}
    return {
        "schema": 2,
        "study": study,
        "question": "Does it help?",
        "benchmark": "xtreme",
        "source": "world",
        "data_note": "A miniature world.",
        "answer": f"It has {value}.",
        "asks": "gains",
        "baseline": "none",
        "recipes": {"none": []},
        "groups": {},
        "beyond": [],
        "total": {"of": "xtreme", "tasks": ["xnli"], "missing": []},
        "metrics": {"xnli": "accuracy"},
        "missing": [],
        "best": {"model": "mini", "recipe": "none", "seed": 0},
        "gate": {"margin": 0.0, "fall": 1.0},
        "cells": [],
        "summary": [run | {"groups": {}, "average": average}],
        "statistics": None,
        "shortcuts": [],
        "curves": [],
        "cost": None,
        "provenance": provenance | {"training": {"targets": {}, "recipes": {}}},
    }


def results(folder: Path, value: float = 50.0, study: str = "small") -> Path:
    """A folder of results; other scores make another content. Returns the folder."""
    write_json(folder / "scores.json", small_board(value, study))
    write_text(folder / "index.html", f"<!doctype html><p>{value}</p>")
    write_text(folder / "submission" / "xnli" / "test-en.tsv", "neutral\n")
    return folder


# What publishing needs of a stage, for the payload of `small_project`
_WRITES = """\
        if phase == "evaluate":
            for name in ("scores.json", "items.parquet", "examples.json", "predictions"):
                (output / name).touch()
        if phase == "shortcuts":
            (output / "scores.json").touch()
        if phase == "publish":
            sys.path.append(TESTS)
            from published import results
            results(output)
"""
_RENAME = '        (output / "half").rename'


def let_publish(project: Path) -> Path:
    """Have the stages of a `small_project` write what can be published; returns it."""
    payload = project / "components" / "payload.py"
    text = payload.read_text(encoding="utf-8")
    assert text.count(_RENAME) == 1
    writes = _WRITES.replace("TESTS", repr(str(Path(__file__).parent)))
    write_text(payload, text.replace(_RENAME, writes + _RENAME))
    return project

"""The report: one HTML page that needs nothing but itself.

Everything on it comes from the scoreboard, so it can be drawn again from `scores.json`.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from xstilts.publish import figure
from xstilts.publish.names import AUTONYMS, RIGHT_TO_LEFT, SCRIPTS
from xstilts.publish.shortcuts import CLEAR_MARGIN
from xstilts.publish.wording import points, signed
from xstilts.study.statistics.interval import CONFIDENCE
from xstilts.tasks.languages import LANGUAGES

Board = Mapping[str, Any]
_SETTINGS = {"english": "English", "zero_shot": "zero-shot"}
_METRICS = {
    "accuracy": "accuracy",
    "accuracy_f1": "(accuracy + F1) / 2",
    "chunk_f1": "chunk F1",
    "entity_f1": "entity F1",
    "squad": "(F1 + EM) / 2",
    "mlqa": "(F1 + EM) / 2",
    "mining_f1": "F1",
    "squad_v2": "(F1 + EM) / 2",
    "pearson_spearman": "(Pearson + Spearman) / 2",
    "tag_accuracy": "accuracy",
    "las": "LAS",
    "map@20": "mAP@20",
}


def render(board: Board) -> str:
    """The page as HTML text."""
    environment = Environment(
        loader=PackageLoader("xstilts.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"points": points, "signed": signed, "duration": duration}
    names = {"scripts": SCRIPTS, "autonyms": AUTONYMS, "rtl": RIGHT_TO_LEFT}
    page = environment.get_template("report.html.j2").render(
        board=board,
        models=models(board),
        panels=figure.panels(board["summary"]),
        figure=figure,
        languages=LANGUAGES,
        settings=_SETTINGS,
        metrics=_METRICS,
        clear_margin=CLEAR_MARGIN,
        phases=phases(board["provenance"]["seconds"]),
        tests=tests(board),
        origin=origin,
        data_notes=data_notes(board),
        **names,
        **facts(board),
    )
    return page + "\n"


def facts(board: Board) -> dict[str, Any]:
    """What the page says about the study as a whole."""
    seeds = sorted({cell["seed"] for cell in board["cells"]})
    languages = {cell["language"] for cell in board["cells"]}
    deltas = [
        delta
        for record in board["summary"]
        for delta in (task["delta"] for task in record["tasks"].values())
        if delta is not None
    ]
    levels = deltas[0]["levels"] if deltas else []
    counted = {
        "model": len(models(board)),
        "recipe": len(board["recipes"]),
        "task": len(board["metrics"]),
        "language": len(languages),
        "seed": len(seeds),
    }
    notes = [board["data_note"]]
    if missing := board["total"]["missing"]:
        notes.append(
            f"The average is the mean of {', '.join(board['total']['tasks'])}: of the tasks of "
            f"{board['benchmark']} it lacks {', '.join(missing)}."
        )
    return {
        "counts": ", ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in counted.items()),
        "notes": notes,
        "seeds": seeds,
        "levels": levels,
        "confidence": CONFIDENCE,
        "comparisons": len(deltas),
        "by_chance": points(len(deltas) * (1 - CONFIDENCE)),
    }


def tests(board: Board) -> dict[str, dict[str, int]]:
    """Per target: items over all languages, languages, and inputs that were truncated.

    Truncation is counted for the first run of the table; it depends on its tokenizer.
    """
    found: dict[str, dict[str, int]] = {}
    for target in board["metrics"]:
        cells = [cell for cell in board["cells"] if cell["target"] == target]
        run = [cell for cell in cells if _run(cell) == _run(cells[0])]
        found[target] = {
            "items": sum(cell["n"] for cell in run),
            "languages": len(run),
            "truncated": sum(cell["truncated"] or 0 for cell in run),
        }
    return found


def _run(cell: Mapping[str, Any]) -> tuple[str, str, int]:
    return cell["model"], cell["recipe"], cell["seed"]


def origin(source: Mapping[str, Any]) -> str:
    """Where training rows come from, in one phrase."""
    if source["source"] is None:
        return "not recorded"
    if source["source"] == "world":
        return "miniature world"
    revision = f" at {source['revision'][:12]}" if source["revision"] else ""
    also = "".join(f" with {own['hub']}, {own['config']}" for own in source.get("also", ()))
    return (
        f"{source['hub']}, {source['config']}, {source['split']}{revision}{also} "
        f"({source['source']})"
    )


def data_notes(board: Board) -> dict[str, list[str]]:
    """What the prepare stages noted about the data, and the data sets it holds for."""
    found: dict[str, list[str]] = {}
    for name, files in sorted(board["provenance"]["data"].items()):
        for note in dict.fromkeys(note for file in files.values() for note in file["notes"]):
            found.setdefault(note, []).append(name)
    return found


def models(board: Board) -> dict[str, dict[str, Any]]:
    """Per model that is not a control: its records by recipe, the baseline's first."""
    found: dict[str, dict[str, Any]] = {}
    for record in board["summary"]:
        if record["control_of"] is None:
            found.setdefault(record["model"], {})[record["recipe"]] = record
    baseline = board["baseline"]
    return {model: {baseline: records[baseline]} | records for model, records in found.items()}


def phases(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """Wall time by phase: number of stages, total, and the longest stage."""
    found: dict[str, dict[str, float]] = {}
    for stage, taken in seconds.items():
        found.setdefault(stage.split("@")[0], {})[stage] = taken
    return [
        {
            "name": phase,
            "stages": len(stages),
            "seconds": sum(stages.values()),
            "longest": max(stages, key=lambda stage: stages[stage]),
            "longest_seconds": max(stages.values()),
        }
        for phase, stages in found.items()
    ]


def duration(seconds: float) -> str:
    """Seconds as people say them: 12 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"

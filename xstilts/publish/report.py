"""The report: one HTML page that needs nothing but itself.

Everything on it comes from the scoreboard, so it can be drawn again from `scores.json`.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from xstilts.publish import figure
from xstilts.publish.answer import topics
from xstilts.publish.evaluations import ENGLISH
from xstilts.publish.names import AUTONYMS, RIGHT_TO_LEFT, SCRIPTS
from xstilts.publish.shortcuts import CLEAR_MARGIN
from xstilts.publish.tables import tables
from xstilts.publish.total import is_own, mean_name
from xstilts.publish.wording import points, signed
from xstilts.study.statistics.interval import CONFIDENCE
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.table import NO_OVERALL

Board = Mapping[str, Any]
_SETTINGS = {"english": "English", "zero_shot": "zero-shot"}
_TITLES = {  # of what follows, in the order of an answer
    "best": "The best recipe for each target",
    "models": "Between models",
    "comparisons": "Declared comparisons",
    "languages": "Between languages",
    "ranking": "Ranking of the recipes",
    "power": "What the seeds can show",
}
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
        topics=topics(board),
        titles=_TITLES,
        follows=tables(board),
        models=models(board),
        panels=figure.panels(board["summary"], mean_name(board["total"])),
        mean_name=mean_name(board["total"]),
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
    notes += total_notes(board)
    notes += language_notes(board)
    return {
        "counts": ", ".join(f"{n} {name}{'s' * (n != 1)}" for name, n in counted.items()),
        "notes": notes,
        "place": place(board),
        "controlled": any(record["control_of"] for record in board["summary"]),
        "seeds": seeds,
        "levels": levels,
        "confidence": CONFIDENCE,
        "comparisons": len(deltas),
        "by_chance": points(len(deltas) * (1 - CONFIDENCE)),
    }


def place(board: Board) -> str:
    """Where a study was scored: its benchmark, tasks beyond it, or both."""
    name = board["benchmark"].upper()
    if is_own(board["total"]):
        return f"tasks beyond {name}"
    return f"{name} and beyond" if board["beyond"] else name


def total_notes(board: Board) -> list[str]:
    """What the average is the mean of, where that is not the benchmark's own overall score."""
    total, name = board["total"], board["benchmark"].upper()
    mean = f"The average is the mean of {', '.join(total['tasks'])}"
    notes = []
    if is_own(total):
        notes.append(f"No target is a task of {name}: there is no average of it here.")
    elif total["missing"]:
        notes.append(f"{mean}: of the tasks of {name} it lacks {', '.join(total['missing'])}.")
    elif board["benchmark"] in NO_OVERALL:
        notes.append(f"{mean}; {name} has no official overall score.")
    if board["beyond"] and not is_own(total):
        notes.append(f"No average holds {', '.join(board['beyond'])}: beyond {name}.")
    return notes


def language_notes(board: Board) -> list[str]:
    """Which recipes saw other languages than English, so that transfer to these is no zero-shot."""
    notes = []
    for recipe in board["recipes"]:
        if spoken := foreign_languages(board, recipe):
            notes.append(
                f"The intermediate training of {recipe} saw {', '.join(spoken)}: its scores in "
                "these languages are not zero-shot, and no zero-shot mean holds them."
            )
    return notes


def foreign_languages(board: Board, recipe: str) -> list[str]:
    """Names of the languages beside English in which a recipe's tasks were trained."""
    sources = board["provenance"]["training"]["recipes"][recipe]
    codes = dict.fromkeys(source["language"] for source in sources)
    return [LANGUAGES[code].name for code in codes if code != ENGLISH]


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

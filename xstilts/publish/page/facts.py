"""What the report says about a study as a whole: its size, its training, its data, its time."""

from collections.abc import Mapping
from typing import Any

from xstilts.publish.board.evaluations import ENGLISH
from xstilts.publish.board.total import is_own
from xstilts.publish.page.plot_data import plain
from xstilts.publish.words.wording import MOST, listed, points
from xstilts.study.statistics.interval import CONFIDENCE
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.table import NO_OVERALL

Board = Mapping[str, Any]


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
        "model": len({record["model"] for record in plain(board)}),
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
        "percent": f"{CONFIDENCE * 100:.0f} %",
        "missing": missing(board),
        "comparisons": len(deltas),
        "by_chance": points(len(deltas) * (1 - CONFIDENCE)),
    }


def missing(board: Board) -> str:
    """The cells that a partial study lacks, by run; of many runs the first ones."""
    runs: dict[tuple[str, str], list[str]] = {}
    for cell in board["missing"]:
        own = runs.setdefault((cell["model"], cell["recipe"]), [])
        own.append(f"{cell['target']} (seed {cell['seed']})")
    named = [f"{listed(own)} of {recipe} with {model}" for (model, recipe), own in runs.items()]
    if len(named) > MOST:
        named[MOST:] = [f"and cells of {len(named) - MOST} other runs"]
    return "; ".join(named)


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

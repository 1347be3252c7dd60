"""The index: one page, and the same as JSON, over all published studies and their runs.

It is drawn from rows alone, so a folder of results and a bucket get the same page.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.files import write_json, write_text
from xstilts.publish.board.schema import parse_board
from xstilts.publish.board.total import is_own, mean_name
from xstilts.publish.page.environment import environment
from xstilts.publish.words.answer import topics

Board = Mapping[str, Any]
Row = dict[str, Any]
PAGE = "index.html"
SCHEMA = 1


def write_index(results: Path) -> None:
    """Write `index.html` and `index.json` over all `<folder>/scores.json` below `results`.

    A file that cannot be read as a scoreboard is named with the reason; it breaks nothing.
    """
    boards, broken = {}, {}
    for path in sorted(results.glob("*/scores.json")):
        if path.parent.name.startswith("."):  # a folder that is being written
            continue
        name = path.relative_to(results).as_posix()
        try:
            boards[path.parent.name] = parse_board(path.read_bytes(), name)
        except UserError as error:
            broken[name] = str(error)
        except OSError as error:
            broken[name] = f"{name} cannot be read: {error.strerror}."
    rows = index_rows(boards)
    write_text(results / PAGE, render_index(rows, broken))
    write_json(results / "index.json", {"schema": SCHEMA, "studies": rows, "broken": broken})


def index_rows(boards: Mapping[str, Board]) -> list[Row]:
    """A row for each scoreboard, by the folder that it lies in, as the index sees it."""
    return [index_row(board, folder) for folder, board in boards.items()]


def index_row(board: Board, folder: str, run: str | None = None, written: str | None = None) -> Row:
    """What the index says of a study: its answer, and the score of its best run.

    `folder` is where its page lies, seen from the index; `run` and `written` (a date) are known
    of a study in a store. `average` and `delta` are null where no run has all its scores.
    """
    best = board["best"]
    record = next((own for own in board["summary"] if best and _is_of(own, best)), None)
    average = record["average"] if record else None
    return {
        "study": board["study"],
        "run": run,
        "written": written,
        "page": f"{folder}/{PAGE}",
        "question": board["question"],
        "answer": topics(board)[board["asks"]][0],
        "scored_on": "its own targets" if is_own(board["total"]) else board["benchmark"].upper(),
        "source": board["source"],
        "tasks": len(board["total"]["tasks"]),
        "baseline": board["baseline"],
        "best": best,
        "mean": mean_name(board["total"]),
        "average": average and average["value"],
        "delta": average and average["delta"],
        "missing": len(board["missing"]),
    }


def render_index(rows: Sequence[Row], broken: Mapping[str, str]) -> str:
    """The index as HTML text: `rows` as `index_row` makes them, `broken` names with reasons."""
    page = environment().get_template("index.html.j2")
    return page.render(rows=rows, broken=broken) + "\n"


def _is_of(record: Mapping[str, Any], best: Mapping[str, Any]) -> bool:
    return (record["model"], record["recipe"]) == (best["model"], best["recipe"])

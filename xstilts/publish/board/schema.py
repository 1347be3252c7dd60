"""Reading `scores.json`: of this schema and the one before, and nothing else.

What the file must look like says `scores.schema.json`, beside this file.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xstilts.errors import UserError, raise_if_any
from xstilts.files import read_json
from xstilts.publish.board.best_run import best_run
from xstilts.study.gate import USUAL

SCHEMA = 2  # raised when a reader of scores.json would have to change
SCHEMA_FILE = Path(__file__).parent / "scores.schema.json"
SHOWN_PROBLEMS = 5
_AGAIN = "publish the study again (xstilts run STUDY)"
Board = dict[str, Any]


def read_board(path: Path) -> Board:
    """The scoreboard in a file, as this version writes it; an older one is lifted.

    Raises `UserError` naming the file and what is wrong: missing, no JSON, no scoreboard,
    of a newer schema, or with fields that are missing or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: {_AGAIN}.")
    return parse_board(path.read_bytes(), str(path))


def parse_board(content: bytes, name: str) -> Board:
    """As `read_board`; `name` is how errors call the content."""
    try:
        found = json.loads(content, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not JSON ({error}): {_AGAIN}, or remove it.") from error
    version = found.get("schema") if isinstance(found, dict) else None
    if type(version) is not int or version < 1:  # True is an int too
        raise UserError(
            f"{name} is no scoreboard of xstilts, which is an object with its schema's number as "
            f"`schema`: {_AGAIN}, or remove it."
        )
    if version > SCHEMA:
        raise UserError(
            f"{name} has schema {version}, and this version of xstilts reads {SCHEMA} and older: "
            "use the version that wrote it, or a newer one."
        )
    board = _lifted(found, name)
    raise_if_any(f"{name}: {problem}: {_AGAIN}." for problem in problems(board))
    return board


def problems(board: Mapping[str, Any]) -> list[str]:
    """What in a scoreboard is not as the schema wants it, a phrase each; the first few."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(read_json(SCHEMA_FILE))
    found: list[str] = []
    for error in validator.iter_errors(board):
        if len(found) == SHOWN_PROBLEMS:
            return [*found, "and more of this kind"]
        place = "".join(_steps(error.absolute_path)) or "the whole"
        found.append(f"{place} is wrong: {error.message[:200]}")
    return found


def _lifted(board: Board, name: str) -> Board:
    """The board in today's schema."""
    for version in range(board["schema"], SCHEMA):
        try:
            board = _LIFTS[version](board)
        except KeyError as error:
            raise UserError(
                f"{name} has schema {version}, but lacks the field {error}: {_AGAIN}."
            ) from error
        except (TypeError, AttributeError, ValueError) as error:
            raise UserError(
                f"{name} has schema {version}, but a field is of another kind ({error}): {_AGAIN}."
            ) from error
    return board


def _steps(path: Any) -> Iterator[str]:
    for number, step in enumerate(path):
        yield f"[{step}]" if isinstance(step, int) else f"{'.' * (number > 0)}{step}"


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _from_1(board: Mapping[str, Any]) -> Board:
    """Schema 2 added missing cells, the best run, its gate, learning curves and cost."""
    summary = [_with_missing(record) for record in board["summary"]]
    statistics = board["statistics"]
    if statistics is not None:
        statistics = {**statistics, "left_out": []}
    seeds = [cell["seed"] for cell in board["cells"]]
    return {
        **board,
        "schema": 2,
        "missing": [],
        "best": best_run(summary, seeds),
        "gate": asdict(USUAL),
        "summary": summary,
        "statistics": statistics,
        "curves": [],
        "cost": None,
    }


def _with_missing(record: Mapping[str, Any]) -> Board:
    average = record["average"]
    return {
        **record,
        "groups": {name: {**own, "missing": []} for name, own in record["groups"].items()},
        "average": average and {**average, "missing": []},
    }


_LIFTS: dict[int, Callable[[Mapping[str, Any]], Board]] = {1: _from_1}

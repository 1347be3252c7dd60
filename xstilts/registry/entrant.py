"""A published run as the gate sees it: its scoreboard, and the items of its best run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import UserError, raise_if_any
from xstilts.evaluation.item_table import NamedItems, read_named_items
from xstilts.publish.board.schema import read_board

SCORES, ITEMS = "scores.json", "items"
Languages = Mapping[str, NamedItems]


@dataclass(frozen=True)
class Entrant:
    """`items` are those of the board's `best`: target -> seed -> language.

    A board without a best run (no run has all its cells) has none.
    """

    study: str
    run: str
    board: Mapping[str, Any]
    items: Mapping[str, Mapping[int, Languages]]

    @property
    def best(self) -> Mapping[str, Any]:
        """The best run's record in the summary."""
        return _best(self.board)

    @property
    def averaged(self) -> list[str]:
        """The targets that the average is the mean of; there may be others beside them."""
        return list(self.board["total"]["tasks"])


def read_entrant(folder: Path, study: str, run: str) -> Entrant:
    """The entrant in a folder of results. Raises `UserError` naming what is missing or damaged."""
    board = read_board(folder / SCORES)
    wanted = list(_item_files(board)) if board["best"] else []
    paths = {(target, seed): folder / ITEMS / f"{target}-{seed}.parquet" for target, seed in wanted}
    raise_if_any(
        f"{path} is missing: the run was published without the items that a champion is compared "
        "on. Publish it again with this version of xstilts."
        for path in paths.values()
        if not path.is_file()
    )
    items: dict[str, dict[int, Languages]] = {}
    for (target, seed), path in paths.items():
        items.setdefault(target, {})[seed] = _read(path, board["metrics"][target])
    return Entrant(study, run, board, items)


def _read(path: Path, metric: str) -> Languages:
    from pyarrow import ArrowInvalid

    try:
        return read_named_items(path, metric)
    except (ArrowInvalid, KeyError) as error:
        raise UserError(
            f"{path} is no table of items scored by {metric} ({str(error).splitlines()[0]}): "
            "publish the study again."
        ) from error


def _item_files(board: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for target, scores in _best(board)["tasks"].items():
        for seed in scores["seeds"]:
            yield target, int(seed)


def _best(board: Mapping[str, Any]) -> Mapping[str, Any]:
    identity = board["best"]["model"], board["best"]["recipe"]
    found: Mapping[str, Any] = next(
        record for record in board["summary"] if (record["model"], record["recipe"]) == identity
    )
    return found

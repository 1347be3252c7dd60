"""What `xstilts report` prints: a published study's question, its answer and the averages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from xstilts.publish.board.schema import read_board
from xstilts.publish.board.total import mean_name
from xstilts.publish.words import tables
from xstilts.publish.words.answer import sentences
from xstilts.publish.words.wording import chance, points, signed, span

RESULTS = Path("results")


def show_report(study: str, results: Path = RESULTS) -> int:
    """Print the answer of `results/<study>/scores.json`, derived from its numbers anew.

    Raises `UserError` where the study has not been published, or by a newer version.
    """
    folder = results / study
    board = read_board(folder / "scores.json")
    console = Console(highlight=False)
    console.print(board["question"], style="bold", markup=False)
    for sentence in sentences(board):
        console.print(sentence, markup=False)
    for table in tables.tables(board).get(board["asks"], []):
        console.print(drawn(table))
    console.print(averages(board))
    console.print(f"All of it: {(folder / 'index.html').resolve()}", soft_wrap=True)
    return 0


def drawn(own: tables.Table) -> Table:
    """A table of what follows; its folded rows are on the page."""
    table = Table(box=None)
    for name in own.names:
        table.add_column(name)
    for name in own.numbers:
        table.add_column(name, justify="right")
    for row in own.rows:
        table.add_row(*row.names, *("  ".join(filter(None, number)) for number in row.numbers))
    if own.folded:
        table.add_row(f"({len(own.folded)} more that claim nothing: on the page)")
    return table


def averages(board: Mapping[str, Any]) -> Table:
    """Model, recipe, average, and the difference to the baseline with interval and p.

    Where a cell is missing there is no average, and how many are stands in its place.
    """
    table, mean = Table(box=None), mean_name(board["total"])
    for name in ("model", "recipe"):
        table.add_column(name)
    for name in (mean, "difference", "interval", "after Holm"):
        table.add_column(name, justify="right")
    for record in board["summary"]:
        if average := record["average"]:
            delta, missing = average["delta"], len(average["missing"])
            value = f"lacks {missing}" if average["value"] is None else points(average["value"])
            cells = ["–", "", ""]
            if delta:
                cells = [signed(delta["value"]), span(delta, False), chance(delta["p_holm"])]
            table.add_row(record["model"], record["recipe"], value, *cells)
    return table

"""The figures of the report: what is drawn where, and the file with its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.publish.board.total import mean_name
from xstilts.publish.board.trainings import FINETUNE, INTERMEDIATE
from xstilts.publish.page import charts, learning_curves, plot_data
from xstilts.publish.page.charts import Panel
from xstilts.publish.page.heat import heat_map, heat_step, legend
from xstilts.publish.page.plot_data import Row, csv_text

Board = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """Drawings with the `csv` text behind them, to be saved as `file`; both may be another's.

    `panels` are set side by side as the page allows; a `legend` names the colours of heat maps.
    """

    file: str
    csv: str
    panels: Sequence[Panel]
    legend: Sequence[tuple[int, str]] = ()


def figures(board: Board) -> dict[str, Figure | None]:
    """The figures by name; None where the board has no numbers for one."""
    return {
        "changes": _changes(board),
        "heat": _heat(board),
        "families": _families(board),
        "ranks": _ranks(board),
        "gaps": _gaps(board),
        "dev": _curves(board, "dev", FINETUNE),
        "dev_before": _curves(board, "dev", INTERMEDIATE),
        "loss": _curves(board, "loss", FINETUNE),
        "loss_before": _curves(board, "loss", INTERMEDIATE),
        "cost": _cost(board),
    }


def _changes(board: Board) -> Figure | None:
    rows = plot_data.changes(board)
    if not rows:
        return None
    panels = charts.change_panels(rows, mean_name(board["total"]), board["baseline"])
    return Figure("differences.csv", csv_text(rows), panels)


def _heat(board: Board) -> Figure | None:
    """Differences by recipe and task; the numbers are those of `_changes`."""
    rows = plot_data.called(plot_data.changes(board), board)
    if not rows:
        return None
    step = heat_step(row["value"] for row in rows)
    label = (
        f"Difference in points to {board['baseline']}: a row per recipe, a column per task; the "
        "same numbers stand in the table of scores."
    )
    svg = heat_map(rows, "on", "run", label, step=step)
    return Figure("", "", [Panel("", "", svg)], legend(step))


def language_heat(board: Board) -> dict[str, Figure]:
    """Per task the differences by recipe and language, in the same colours for all tasks."""
    rows = _differences(plot_data.by_language(board), board)
    step = heat_step(row["value"] for row in rows)
    found = {}
    for task in dict.fromkeys(row["task"] for row in rows):
        own = [row for row in rows if row["task"] == task]
        label = (
            f"Difference in points to {board['baseline']} on {task}: a row per recipe, a column "
            "per language; the same numbers stand in the table above."
        )
        svg = heat_map(own, "language", "run", label, step=step, width=46)
        found[task] = Figure("", "", [Panel("", "", svg)], legend(step))
    return found


def _families(board: Board) -> Figure | None:
    rows = _differences(plot_data.by_family(board), board)
    if not rows:
        return None
    step = heat_step(row["value"] for row in rows)
    label = (
        f"Difference in points to {board['baseline']}: a row per recipe, a column per language "
        "family; the same numbers stand in the table below."
    )
    svg = heat_map(rows, "family", "run", label, step=step, width=108)
    text = csv_text(plot_data.by_family(board))
    return Figure("families.csv", text, [Panel("", "", svg)], legend(step))


def _ranks(board: Board) -> Figure | None:
    rows = plot_data.ranks(board)
    return Figure("ranks.csv", csv_text(rows), charts.rank_panels(rows)) if rows else None


def _gaps(board: Board) -> Figure | None:
    rows = plot_data.gaps(board)
    if not rows:
        return None
    panels = charts.gap_panels(plot_data.called(rows, board))
    return Figure("transfer.csv", csv_text(rows), panels)


def _curves(board: Board, field: str, phase: str) -> Figure | None:
    rows = [row for row in plot_data.curves(board, field) if row["phase"] == phase]
    if not rows:
        return None
    drawn = {"dev": learning_curves.dev_panels, "loss": learning_curves.loss_panels}[field]
    panels = drawn(rows, *learning_curves.curve_colours(phase, board["baseline"], board["best"]))
    text = csv_text(plot_data.side_by_side(rows))
    return Figure(f"{field}-{phase}.csv", text, panels)


def _cost(board: Board) -> Figure | None:
    rows = plot_data.costs(board)
    if not any(row["used_hours"] is not None for row in rows):
        return None
    return Figure("cost.csv", csv_text(rows), [Panel("", "", charts.cost_chart(rows))])


def _differences(rows: Sequence[Row], board: Board) -> list[Row]:
    """Rows of recipes that are compared, with the difference as `value`."""
    return [
        row | {"value": row["delta"]}
        for row in plot_data.called(rows, board)
        if row["delta"] is not None and row["recipe"] != board["baseline"]
    ]

"""Geometry of the report's plot: one small panel per recipe, a row per task.

The panels are drawn by the template as plain SVG, which needs no script, follows the page's
colours in light and dark, and prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

LABELS, PLOT, MARGIN = 66, 168, 14  # widths in SVG units, about pixels
ROW, TOP, BOTTOM, GAP = 21, 10, 26, 6  # heights
WIDTH = LABELS + PLOT + MARGIN
_MOST_TICKS = 5


@dataclass(frozen=True)
class Mark:
    """One difference with its interval; `x`, `low`, `high`, `y` in SVG units."""

    label: str
    delta: Mapping[str, Any]
    x: float
    low: float
    high: float
    y: float
    is_mean: bool


@dataclass(frozen=True)
class Panel:
    """One recipe's marks over a scale that all panels share."""

    model: str
    recipe: str
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, float], ...]  # value in points, x
    zero: float
    height: float


def panels(summary: Sequence[Mapping[str, Any]], mean: str = "average") -> list[Panel]:
    """A panel for every record of the summary that is compared with a baseline.

    Tasks, the `mean` over them, and below it the tasks that are not in it.
    """
    compared = [record for record in summary if record["average"] and record["average"]["delta"]]
    ends = [value for record in compared for value in _ends(record)]
    if not ends:
        return []
    ticks = ticks_over(min(0.0, *ends), max(0.0, *ends))
    return [_panel(record, ticks, mean) for record in compared]


def ticks_over(low: float, high: float) -> list[float]:
    """Round values, 0 among them, that enclose `low` <= 0 <= `high`."""
    rough = max(high - low, 1.0) / _MOST_TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * i for i in range(floor(low / step), ceil(high / step) + 1)]


def tick_label(value: float) -> str:
    """A tick's value with a true minus and no needless decimals."""
    return f"{value:+g}".replace("-", "−") if value else "0"


def _ends(record: Mapping[str, Any]) -> list[float]:
    deltas = [task["delta"] for task in record["tasks"].values()] + [record["average"]["delta"]]
    return [delta[end] for delta in deltas for end in ("low", "high", "value")]


def _panel(record: Mapping[str, Any], ticks: Sequence[float], mean: str) -> Panel:
    span = (ticks[-1] - ticks[0]) or 1.0

    def x(value: float) -> float:
        return round(LABELS + PLOT * (value - ticks[0]) / span, 1)

    averaged = record["average"]["tasks"]
    rows = [(task, record["tasks"][task]["delta"]) for task in averaged]
    rows.append((mean, record["average"]["delta"]))
    rows += [(task, own["delta"]) for task, own in record["tasks"].items() if task not in averaged]
    marks = tuple(
        Mark(
            label=label,
            delta=delta,
            x=x(delta["value"]),
            low=x(delta["low"]),
            high=x(delta["high"]),
            y=TOP
            + ROW * (index + 0.5)
            + GAP * (index >= len(averaged))
            + GAP * (index > len(averaged)),
            is_mean=index == len(averaged),
        )
        for index, (label, delta) in enumerate(rows)
    )
    return Panel(
        model=record["model"],
        recipe=record["recipe"],
        marks=marks,
        ticks=tuple((tick, x(tick)) for tick in ticks),
        zero=x(0.0),
        height=TOP + ROW * len(rows) + GAP * (1 + (rows[-1][0] != mean)) + BOTTOM,
    )

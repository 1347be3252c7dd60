"""Heat maps: differences as coloured cells, each with its number."""

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from xstilts.publish.page.chart_parts import INK, PAPER, labelled, room, span, specified
from xstilts.publish.page.drawing import draw
from xstilts.publish.page.plot_data import Row
from xstilts.publish.words.wording import signed

_HEIGHT, _HEAD = 24, 20  # pixels: of a row, and of the names above the columns
_STEPS = (0.5, 1, 2, 5, 10, 20, 50)
_NEAR = 0.2  # of a step: differences that have no colour
_TOP_SHARE = 0.85  # of the differences are below the strongest colour


def heat_map(
    rows: Sequence[Row], across: str, down: str, label: str, *, step: float, width: int = 62
) -> Markup:
    """Cells coloured by `value`: a column per value of the field `across`, a row per one of `down`.

    `step` is that of `heat_step`. Cells with a `direction` have bold numbers, and cells with an
    interval say it.
    """
    columns, names = ([*dict.fromkeys(row[field] for row in rows)] for field in (across, down))
    cells = [_cell(row, across, down) for row in rows]
    padding = {"left": room(names), "right": 2, "top": _HEAD, "bottom": 2}
    size = width * len(columns), _HEIGHT * len(names)
    layers = _layers(cells, _columns(across, columns), labelled(down, names), step)
    return draw(specified(layers, cells, *size, padding), label)


def heat_step(values: Iterable[float]) -> float:
    """The points between two colours: most differences are within two of them from 0."""
    ordered = sorted(abs(value) for value in values)
    high = ordered[int(_TOP_SHARE * (len(ordered) - 1))] if ordered else 0.0
    return next((step for step in _STEPS if high <= 2 * step), _STEPS[-1])


def thresholds(step: float) -> list[float]:
    """Where colours change: six limits of seven colours."""
    limits = [_NEAR * step, step, 2 * step]
    return [-limit for limit in reversed(limits)] + limits


def legend(step: float) -> list[tuple[int, str]]:
    """The colours from -3 to 3, each with the differences that have it."""
    near, far, most = (f"{limit:g}" for limit in thresholds(step)[3:])
    return [
        *((-3, f"below −{most}"), (-2, f"−{most} to −{far}"), (-1, f"−{far} to −{near}")),
        (0, f"within {near}"),
        *((1, f"{near} to {far}"), (2, f"{far} to {most}"), (3, f"above {most}")),
    ]


def _cell(row: Row, across: str, down: str) -> Row:
    cell = {name: row[name] for name in (across, down, "value")}
    cell["text"] = signed(row["value"])
    cell["weight"] = 600 if row.get("direction") else 400
    if "low" in row:
        cell["title"] = f"{row[down]}, {row[across]}: {signed(row['value'])} ({span(row)})"
    return cell


def _columns(field: str, names: Sequence[str]) -> Any:
    import altair as alt

    axis = alt.Axis(orient="top", labelAngle=0, labelColor=INK, grid=False)
    return alt.X(f"{field}:N", sort=list(names), title=None, axis=axis)


def _layers(cells: Sequence[Row], x: Any, y: Any, step: float) -> list[Any]:
    import altair as alt

    colours = [f"var(--heat{level})" for level in range(-3, 4)]
    scale = alt.Scale(type="threshold", domain=thresholds(step), range=colours)
    told = "title" in cells[0]
    base = alt.Chart().encode(x=x, y=y)
    tiles = base.mark_rect(stroke=PAPER, strokeWidth=2, aria=told).encode(
        fill=alt.Fill("value:Q", scale=scale, legend=None),
        **({"description": "title:N"} if told else {}),
    )
    bold = alt.ExprRef("datum.weight")
    numbers = base.mark_text(aria=False, fontWeight=bold).encode(text="text:N")
    return [tiles, numbers]

"""What the report's charts are made of: sizes, colours, labels and axes that they share."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from xstilts.publish.page.plot_data import Row
from xstilts.publish.words.wording import points

Specification = dict[str, Any]
ROW, PLOT, TOP, BOTTOM, RIGHT = 21, 168, 8, 24, 16  # pixels
INK, SOFT, PAPER, LINE, ACCENT = (f"var(--{n})" for n in ("ink", "soft", "paper", "line", "link"))
CLAIMS = {1: "var(--up)", -1: "var(--down)", 0: SOFT}  # by the direction of a difference
_TICKS = 4
_LETTER, _LEAST, _MOST = 6.4, 66, 240  # pixels: a letter of a label, and the room of labels


def framed(
    layers: Sequence[Any], rows: Sequence[Row], height: int, left: int, width: int = PLOT
) -> Specification:
    """What `drawing.draw` takes: layers over the same rows; `left` is the room of the labels."""
    padding = {"left": left, "right": RIGHT, "top": TOP, "bottom": BOTTOM}
    return specified(layers, rows, width, height, padding)


def specified(
    layers: Sequence[Any], rows: Sequence[Row], width: int, height: int, padding: dict[str, int]
) -> Specification:
    """Layers as a Vega-Lite specification; Altair, which would check all rows, sees none."""
    import altair as alt

    chart = alt.layer(*layers, data=alt.NamedData("rows"))
    sized = chart.properties(width=width, height=height, padding=padding)
    return sized.to_dict(validate=False) | {"datasets": {"rows": list(rows)}}


def labelled(field: str, names: Sequence[str], bold: Iterable[str] = ()) -> Any:
    """A row per name, called by it at the left edge."""
    import altair as alt

    axis = alt.Axis(
        labelAlign="left",
        labelPadding=room(names),
        labelLimit=room(names),
        labelColor=INK,
        labelFontWeight=weight(bold),
        grid=False,
    )
    return alt.Y(f"{field}:N", sort=list(names), title=None, axis=axis)


def measured(field: str, domain: Sequence[float], signed: bool = False, nice: bool = True) -> Any:
    """A scale along the rows, whose 0 stands out if its values are differences.

    A `nice` one reaches to round values.
    """
    import altair as alt

    zero = alt.condition("datum.value === 0", alt.value(SOFT), alt.value(LINE))
    axis = alt.Axis(
        tickCount=_TICKS,
        labelExpr="datum.value ? format(datum.value, '+') : '0'" if signed else "datum.label",
        labelFlush=False,
        gridColor=zero if signed else LINE,
    )
    scale = alt.Scale(domain=list(domain), nice=_TICKS if nice else False, zero=False)
    return alt.X(f"{field}:Q", scale=scale, axis=axis, title=None)


def given(**fields: str) -> dict[str, Any]:
    """Channels that take what stands in a field as it is: a colour, a shape, a size."""
    import altair as alt

    kinds = {"fill": alt.Fill, "stroke": alt.Stroke, "shape": alt.Shape, "size": alt.Size}
    return {name: kinds[name](f"{field}:N", scale=None) for name, field in fields.items()}


def weight(bold: Iterable[str]) -> Any:
    """Labels in bold type that are among `bold`."""
    import altair as alt

    test = f"indexof({json.dumps(list(bold))}, datum.value) >= 0"
    return alt.condition(test, alt.value(600), alt.value(400))


def room(names: Iterable[str]) -> int:
    """How wide labels are, about."""
    return min(_MOST, max(_LEAST, round(max(map(len, names)) * _LETTER) + 8))


def span(row: Row) -> str:
    """The ends of a row's interval."""
    return f"{points(row['low'])} to {points(row['high'])}"


def ends(rows: Iterable[Row], *names: str) -> list[float]:
    """The lowest and the highest of these fields."""
    values = [row[name] for row in rows for name in names if row[name] is not None]
    return [min(values), max(values)]


def grouped(rows: Iterable[Row], *names: str) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    """Rows that agree in these fields, in the order in which they come."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    yield from found.items()

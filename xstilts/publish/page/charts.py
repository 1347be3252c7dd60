"""The plots of the report: Vega-Altair charts, drawn to SVG when the page is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from xstilts.publish.page.chart_parts import (
    ACCENT,
    CLAIMS,
    LINE,
    PAPER,
    ROW,
    SOFT,
    Specification,
    ends,
    framed,
    given,
    grouped,
    labelled,
    measured,
    room,
    span,
)
from xstilts.publish.page.drawing import draw
from xstilts.publish.page.plot_data import Row
from xstilts.publish.words.wording import points, signed

_JUDGES = {"task": "by task", "family": "by language family", "language": "by language"}
_TASK, _MEAN = ("circle", 48), ("diamond", 90)  # marks and their sizes in square pixels


@dataclass(frozen=True)
class Panel:
    """One drawing with a heading of its own; `sub` says what it is of, less loudly."""

    title: str
    sub: str
    svg: Markup


def change_panels(rows: Sequence[Row], mean: str, baseline: str) -> list[Panel]:
    """A panel per run: a mark with its interval per task, over one scale for all.

    A filled mark's interval is clear of 0, an open one's is not.
    """
    domain = ends([*rows, {"low": 0.0, "high": 0.0}], "low", "high")
    label = (
        "Difference in points between {} and {}, per task, with intervals; the same numbers "
        "stand in the table of scores."
    )
    several = len({row["model"] for row in rows}) > 1
    return [
        Panel(
            recipe,
            model * several,
            draw(_changes(own, mean, domain), label.format(recipe, baseline)),
        )
        for (model, recipe), own in grouped(rows, "model", "recipe")
    ]


def _changes(rows: Sequence[Row], mean: str, domain: Sequence[float]) -> Specification:
    import altair as alt

    drawn = [
        row
        | {"colour": CLAIMS[row["direction"]]}
        | {"fill": CLAIMS[row["direction"]] if row["direction"] else PAPER}
        | dict(zip(("shape", "size"), _MEAN if row["on"] == mean else _TASK, strict=True))
        | {"title": f"{row['on']}: {signed(row['value'])} ({span(row)})"}
        for row in rows
    ]
    names = [row["on"] for row in rows]
    bold = [row["on"] for row in rows if row["direction"] or row["on"] == mean]
    base = alt.Chart().encode(y=labelled("on", names, bold))
    x = measured("low", domain, signed=True)
    whiskers = base.mark_rule(strokeWidth=2, aria=False).encode(
        x=x, x2="high:Q", **given(stroke="colour")
    )
    look = given(fill="fill", stroke="colour", shape="shape", size="size")
    dots = base.mark_point(strokeWidth=1.6, opacity=1).encode(
        x="value:Q", description="title:N", **look
    )
    return framed([whiskers, dots], drawn, ROW * len(rows), room(names))


def rank_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel per model and kind of judge: every recipe's mean rank with its interval."""
    label = (
        "Mean rank of every recipe {}, 1 the best, with intervals; the same numbers stand in the "
        "table below."
    )
    several = len({row["model"] for row in rows}) > 1
    return [
        Panel(
            f"{_JUDGES[by]} ({own[0]['judges']})",
            model * several,
            draw(_ranks(own), label.format(_JUDGES[by])),
        )
        for (model, by), own in grouped(rows, "model", "by")
    ]


def _ranks(rows: Sequence[Row]) -> Specification:
    import altair as alt

    drawn = [
        row | {"title": f"{row['recipe']}: {points(row['rank'])} ({span(row)})"} for row in rows
    ]
    names = [row["recipe"] for row in rows]
    base = alt.Chart().encode(y=labelled("recipe", names))
    x = measured("low", [1, len(rows)], nice=False)
    whiskers = base.mark_rule(strokeWidth=2, stroke=SOFT, aria=False).encode(x=x, x2="high:Q")
    dots = base.mark_point(filled=True, opacity=1, size=_TASK[1], color=ACCENT).encode(
        x="rank:Q", description="title:N"
    )
    return framed([whiskers, dots], drawn, ROW * len(rows), room(names))


def gap_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel per task: of every `run` the English score and the zero-shot mean, over one scale."""
    domain = ends(rows, "english", "zero_shot")
    label = (
        "English score and zero-shot mean of every recipe on {}; the same numbers stand in the "
        "table below."
    )
    return [
        Panel(task, "", draw(_gaps(own, domain), label.format(task)))
        for (task,), own in grouped(rows, "task")
    ]


def _gaps(rows: Sequence[Row], domain: Sequence[float]) -> Specification:
    import altair as alt

    names = [row["run"] for row in rows]
    drawn = [
        row | {"title": f"{row['run']}: {points(row['english'])} → {points(row['zero_shot'])}"}
        for row in rows
    ]
    base = alt.Chart().encode(y=labelled("run", names))
    lines = base.mark_rule(strokeWidth=2, stroke=LINE, aria=False).encode(
        x=measured("zero_shot", domain), x2="english:Q"
    )
    look: dict[str, Any] = {"size": 36, "strokeWidth": 1.6, "stroke": ACCENT, "opacity": 1}
    english = base.mark_point(fill=PAPER, aria=False, **look).encode(x="english:Q")
    others = base.mark_point(fill=ACCENT, **look).encode(x="zero_shot:Q", description="title:N")
    return framed([lines, english, others], drawn, ROW * len(rows), room(names))


def cost_chart(rows: Sequence[Row]) -> Markup:
    """Planned and used device-hours of every phase, as bars."""
    return draw(
        _costs(rows),
        "Planned and used device-hours of every phase; the same numbers stand in the table below.",
    )


def _costs(rows: Sequence[Row]) -> Specification:
    import altair as alt

    looks = {"planned": (PAPER, SOFT), "used": (ACCENT, ACCENT)}
    drawn = [
        {"phase": row["phase"], "kind": kind, "hours": row[f"{kind}_hours"]}
        | {"fill": fill, "stroke": stroke}
        for row in rows
        for kind, (fill, stroke) in looks.items()
        if row[f"{kind}_hours"] is not None
    ]
    names = [row["phase"] for row in rows]
    offset = alt.YOffset("kind:N", sort=list(looks))
    bars = (
        alt.Chart()
        .mark_bar(aria=False, strokeWidth=1.2)
        .encode(
            x=measured("hours", [0, max(row["hours"] for row in drawn)]),
            y=labelled("phase", names),
            yOffset=offset,
            **given(fill="fill", stroke="stroke"),
        )
    )
    return framed([bars], drawn, 2 * ROW * len(rows), room(names), width=320)

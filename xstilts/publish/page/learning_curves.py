"""Learning curves as charts: dev score and loss over the steps of every training."""

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.publish.board.trainings import INTERMEDIATE
from xstilts.publish.page.chart_parts import ACCENT, INK, ends, framed, given, grouped, measured
from xstilts.publish.page.charts import Panel
from xstilts.publish.page.drawing import draw
from xstilts.publish.page.plot_data import Row

_HEIGHT, _VALUES = 110, 34  # pixels: of a panel, and the room of the values at its left
_IN_FILE = "the numbers are in the file below"


def dev_panels(rows: Sequence[Row], marked: Mapping[str, str], others: str) -> list[Panel]:
    """A panel per set of training data: the dev score over the steps, a line per run.

    A dot is the step that was kept. `marked` are the recipes that stand out, with their colours;
    `others` is the colour of all others. All panels have one scale.
    """
    domain = ends(rows, "value")
    label = "English dev score over the steps of every training on {}; {}."
    found = []
    for (task,), own in grouped(_looks(rows, marked, others), "task"):
        layers = [_lines(own, domain), _kept_steps(domain)]
        svg = draw(framed(layers, own, _HEIGHT, _VALUES), label.format(task, _IN_FILE))
        found.append(Panel(task, "", svg))
    return found


def loss_panels(rows: Sequence[Row], marked: Mapping[str, str], others: str) -> list[Panel]:
    """As `dev_panels`, of the training loss: without dots, every panel with its own scale."""
    label = "Loss over the steps of every training on {}; {}."
    found = []
    for (task,), own in grouped(_looks(rows, marked, others), "task"):
        layers = [_lines(own, ends(own, "value"))]
        svg = draw(framed(layers, own, _HEIGHT, _VALUES), label.format(task, _IN_FILE))
        found.append(Panel(task, "", svg))
    return found


def _looks(rows: Sequence[Row], marked: Mapping[str, str], others: str) -> list[Row]:
    """Rows with the colour and the tooltip of their line, marked ones last: on top."""
    found = []
    runs = grouped(rows, "model", "recipe", "seed")
    for number, (run, own) in enumerate(sorted(runs, key=lambda item: item[0][1] in marked)):
        model, recipe, seed = run
        look = {"colour": marked.get(recipe, others), "run": f"{number:04}"}
        look["title"] = f"{recipe}, {model}, seed {seed}"
        found += [row | look for row in own]
    return found


def _lines(rows: Sequence[Row], domain: Sequence[float]) -> Any:
    import altair as alt

    x = measured("step", [0, max(row["step"] for row in rows)])
    lines = alt.Chart().mark_line(strokeWidth=1.5)
    look = given(stroke="colour")
    return lines.encode(x=x, y=_values(domain), detail="run:N", description="title:N", **look)


def _kept_steps(domain: Sequence[float]) -> Any:
    import altair as alt

    dots = alt.Chart().transform_filter("datum.kept").mark_point(size=12, opacity=1, aria=False)
    return dots.encode(x="step:Q", y=_values(domain), **given(fill="colour", stroke="colour"))


def _values(domain: Sequence[float]) -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(domain), nice=True, zero=False)
    axis = alt.Axis(tickCount=4, labelPadding=6)
    return alt.Y("value:Q", title=None, scale=scale, axis=axis)


def curve_colours(
    phase: str, baseline: str, best: Mapping[str, Any] | None
) -> tuple[dict[str, str], str]:
    """Of fine-tuning the baseline and the best recipe stand out of all others."""
    if phase == INTERMEDIATE:
        return {}, ACCENT
    return ({best["recipe"]: "var(--up)"} if best else {}) | {baseline: INK}, "var(--faint)"

"""Plots: what is drawn of which numbers, and how small."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.publish.page.charts import change_panels
from xstilts.publish.page.drawing import draw
from xstilts.publish.page.heat import heat_map, heat_step, legend, thresholds
from xstilts.publish.page.learning_curves import curve_colours, dev_panels, loss_panels
from xstilts.publish.page.plot_data import by_family, csv_text, curves, side_by_side


def _change(on, low, high):
    value, direction = (low + high) / 2, (low > 0) - (high < 0)
    own = {"model": "m", "recipe": "mnli", "on": on, "value": value, "low": low, "high": high}
    return own | {"direction": direction}


def test_a_mark_lies_where_its_value_is_and_is_filled_if_clear():
    rows = [_change("xnli", 10.0, 30.0), _change("panx", -10.0, 10.0), _change("average", 0, 10)]
    (panel,) = change_panels(rows, "average", "none")
    drawing = ElementTree.fromstring(panel.svg)
    marks = {e.find("title").text.split(":")[0]: e for e in drawing.iter("path")}
    assert list(marks) == ["xnli", "panx", "average"]
    x = {name: float(e.get("transform")[10:].split(",")[0]) for name, e in marks.items()}
    assert x["xnli"] - x["panx"] == pytest.approx(4 * (x["average"] - x["panx"]), abs=0.3)
    assert marks["xnli"].get("fill") == "var(--up)"
    assert marks["panx"].get("fill") == "var(--paper)"
    assert marks["xnli"].find("title").text == "xnli: +20.0 (10.0 to 30.0)"


def test_a_drawing_is_the_same_every_time_and_has_nothing_that_is_not_seen():
    rows = [_change("xnli", 10.0, 30.0)]
    first, second = (change_panels(rows, "average", "none")[0].svg for _ in range(2))
    assert first == second
    for needless in ("class=", "role-", "aria-hidden", "<defs", "opacity", "#888", "sans-serif"):
        assert needless not in first


def test_a_label_is_escaped():
    svg = draw({"mark": "point", "data": {"values": [{}]}}, 'a "<b>" & c')
    assert 'aria-label="a &#34;&lt;b&gt;&#34; &amp; c"' in svg


def test_a_heat_map_colours_by_thresholds():
    values = {"a": -50.0, "b": -11.0, "c": -3.0, "d": 0.4, "e": 3.0, "f": 11.0, "g": 50.0}
    rows = [{"task": task, "run": "mnli", "value": value} for task, value in values.items()]
    drawing = ElementTree.fromstring(heat_map(rows, "task", "run", "what", step=10))
    colours = [e.get("fill") for e in drawing.iter("path")]
    assert colours == [f"var(--heat{level})" for level in range(-3, 4)]
    texts = [e.text for e in drawing.iter("text")]
    assert [text for text in texts if text[0] in "+−"] == [
        "−50.0",
        "−11.0",
        "−3.0",
        "+0.4",
        "+3.0",
        "+11.0",
        "+50.0",
    ]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40))
def test_most_differences_are_within_the_thresholds(values):
    limits = thresholds(heat_step(values))
    assert limits == sorted(limits)
    inside = sum(limits[0] <= value <= limits[-1] for value in values)
    assert inside >= 0.8 * len(values) - 1
    assert len(legend(heat_step(values))) == len(limits) + 1


def test_heat_without_differences_has_a_step():
    assert heat_step([]) > 0


def _trained(recipe, points, task="xnli", seed=0):
    own = {"model": "m", "recipe": recipe, "phase": "finetune", "task": task, "seed": seed}
    return own | {"metric": "accuracy", "best_step": 1, "points": points}


def _points(count):
    return [
        {"step": n, "loss": 1 / n, "dev": 50.0 if n == count else None} for n in range(1, count + 1)
    ]


def test_long_curves_are_thinned_and_keep_their_ends():
    board = {"curves": [_trained("none", _points(95)), _trained("mnli", _points(3))]}
    rows = curves(board, "loss")
    steps = [row["step"] for row in rows if row["recipe"] == "none"]
    assert (steps[0], steps[-1]) == (1, 95)
    assert len(steps) < 35
    assert [row["step"] for row in rows if row["recipe"] == "mnli"] == [1, 2, 3]
    assert [row["step"] for row in curves(board, "dev")] == [95, 3]


def test_curves_stand_side_by_side_in_their_file():
    board = {"curves": [_trained("none", _points(2)), _trained("mnli", _points(3))]}
    assert csv_text(side_by_side(curves(board, "loss"))).splitlines() == [
        "phase,task,step,none m 0,mnli m 0",
        "finetune,xnli,1,1.0,1.0",
        "finetune,xnli,2,0.5,0.5",
        f"finetune,xnli,3,,{1 / 3}",
    ]


def _lines(panel):
    paths = ElementTree.fromstring(panel.svg).iter("path")
    return {e.find("title").text.split(",")[0]: e for e in paths if e.find("title") is not None}


def test_every_run_has_a_line_and_the_baseline_stands_out():
    board = {"curves": [_trained(recipe, _points(4)) for recipe in ("none", "mnli", "squad")]}
    colours = curve_colours("finetune", "none", {"recipe": "squad"})
    (panel,) = loss_panels(curves(board, "loss"), *colours)
    strokes = {recipe: line.get("stroke") for recipe, line in _lines(panel).items()}
    assert strokes == {"none": "var(--ink)", "mnli": "var(--faint)", "squad": "var(--up)"}


def test_the_step_that_was_kept_has_a_dot_even_if_it_is_the_only_one():
    board = {"curves": [_trained("none", _points(1))]}
    (panel,) = dev_panels(curves(board, "dev"), *curve_colours("finetune", "none", None))
    dots = [e for e in ElementTree.fromstring(panel.svg).iter("path") if e.get("fill")]
    assert len(dots) == 1
    assert loss_panels(curves(board, "loss"), {}, "var(--ink)")[0].svg.count("fill=") == 2  # texts


def test_families_are_means_over_tasks_of_languages_that_no_training_saw():
    def record(recipe, de, ar, es):
        tasks = {
            "xnli": {"languages": {"en": 99.0, "de": de, "es": es, "ar": ar}},
            "panx": {"languages": {"en": 99.0, "de": 50.0}},
        }
        return {"model": "m", "recipe": recipe, "control_of": None, "tasks": tasks}

    training = {"recipes": {"none": [], "mnli": [{"language": "en"}, {"language": "es"}]}}
    board = {
        "baseline": "none",
        "total": {"tasks": ["xnli", "panx"]},
        "summary": [record("none", 60.0, 40.0, 10.0), record("mnli", 70.0, 35.0, 90.0)],
        "provenance": {"training": training},
    }
    found = {(row["recipe"], row["family"]): row for row in by_family(board)}
    german = found["mnli", "Indo-European"]
    assert (german["value"], german["delta"], german["languages"]) == (60.0, 5.0, "de")
    assert german["tasks"] == 2
    assert found["mnli", "Afro-Asiatic"]["delta"] == -5.0
    del board["summary"][1]["tasks"]["panx"]
    assert [row for row in by_family(board) if row["recipe"] == "mnli"] == []

"""Declared comparisons: from evaluations to records, words, tables, and the terminal."""

import pytest
from synthetic_study import evaluations, write_study

from xstilts.files import read_json
from xstilts.publish.page.report import render
from xstilts.publish.run import publish
from xstilts.publish.show import show_report

EFFECTS = {"none": 0, "parsing": 0.05, "tagging": 0.1, "stsb": 0.3, "qqp": 0.2}
DECLARED = {
    "asks": "comparisons",
    "groups": {"syntax": ["parsing", "tagging"], "semantics": ["stsb", "qqp"]},
    "comparisons": [["syntax", "semantics"], ["stsb", "none"]],
    "languages": {"tagging": ["de", "bg"]},
}


def _accuracy(model, recipe, task, language, seed):
    del task, language, seed
    return 0.5 + EFFECTS[recipe] * (model == "mini")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A published study whose average is that of xnli and tatoeba; snli is beyond it."""
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        _accuracy,
        models=("mini", "other"),
        recipes={name: ["mnli"] if name != "none" else [] for name in EFFECTS},
        targets=("xnli", "tatoeba", "snli"),
        controls=(),
        items=30,
    )
    params["study"] |= DECLARED
    publish(params, evaluations(root), root / "results" / "made-up", root)
    return root / "results"


@pytest.fixture(scope="module")
def board(results):
    return read_json(results / "made-up" / "scores.json")


def _mean(board, model, recipes, of):
    scores = [
        r for r in board["summary"] if (r["model"], r["recipe"]) in [(model, x) for x in recipes]
    ]
    values = [(r["average"] if of == "average" else r["tasks"][of])["value"] for r in scores]
    return sum(values) / len(values)


def test_a_comparison_is_the_difference_of_its_sides_means(board):
    found = board["statistics"]["comparisons"]
    names = [(own["model"], own["first"], own["second"], own["of"]) for own in found]
    models, pairs = ("mini", "other"), DECLARED["comparisons"]
    expected = [(m, *pair, of) for of in ("average",) for m in models for pair in pairs]
    expected += [(m, *pair, of) for m in models for pair in pairs for of in ("xnli", "tatoeba")]
    expected += [(m, *pair, "snli") for m in models for pair in pairs]
    assert names == expected
    for own in found:
        one, two = (_mean(board, own["model"], side, own["of"]) for side in own["recipes"])
        assert own["value"] == pytest.approx(one - two, abs=2e-4)
        assert own["low"] <= own["value"] <= own["high"]
    assert found[0]["recipes"] == [["parsing", "tagging"], ["stsb", "qqp"]]
    assert found[1]["recipes"] == [["stsb"], ["none"]]


def test_averages_tasks_and_tasks_beyond_are_families_of_their_own(board):
    found = board["statistics"]["comparisons"]
    for tasks, size in ((["average"], 4), (["xnli", "tatoeba"], 8), (["snli"], 4)):
        family = [own for own in found if own["of"] in tasks]
        assert len(family) == size
        smallest = min(family, key=lambda own: own["p"])
        assert smallest["p_holm"] == pytest.approx(min(1, size * smallest["p"]), abs=1e-3)


def test_a_side_against_the_baseline_is_its_gain(board):
    gain = next(
        r["average"]["delta"]
        for r in board["summary"]
        if (r["model"], r["recipe"]) == ("mini", "stsb")
    )
    own = board["statistics"]["comparisons"][1]
    assert (own["first"], own["second"], own["model"]) == ("stsb", "none", "mini")
    assert [own[name] for name in ("value", "low", "high", "p")] == [
        gain[name] for name in ("value", "low", "high", "p")
    ]


def test_the_answer_starts_with_the_comparison(board):
    assert board["asks"] == "comparisons"
    assert board["answer"].startswith(
        "On the average of 2 tasks: with mini, syntax (parsing and tagging) scores "
    )
    assert (
        "; with other, there is no evidence that syntax and semantics differ (" in board["answer"]
    )


def test_the_page_and_the_terminal_show_its_table(results, board, capsys, monkeypatch):
    page = render(board)
    assert page.count('<th scope="row">syntax less semantics</th>') == 2 * 4
    monkeypatch.setenv("COLUMNS", "200")
    assert show_report("made-up", results) == 0
    output = capsys.readouterr().out
    first = board["answer"].split(";")[0]
    assert first in output
    rows = [line.split() for line in output.splitlines()]
    row = next(row for row in rows if row[:5] == ["syntax", "less", "semantics", "average", "mini"])
    own = board["statistics"]["comparisons"][0]
    assert row[5] == f"{own['value']:+.1f}".replace("-", "−")


def test_a_zero_shot_mean_holds_no_language_that_any_recipe_saw(board):
    for record in board["summary"]:
        own = record["tasks"]["xnli"]
        unseen = [
            value for code, value in own["languages"].items() if code not in ("en", "de", "bg")
        ]
        assert "de" in own["languages"]
        assert own["zero_shot"] == pytest.approx(sum(unseen) / len(unseen), abs=1e-3)
        assert record["tasks"]["snli"]["zero_shot"] is None
    rows = {
        (row["model"], row["setting"]): row for row in board["shortcuts"] if row["task"] == "xnli"
    }
    plain = next(r for r in board["summary"] if r["recipe"] == "none" and r["model"] == "mini")
    assert rows["mini", "zero_shot"]["value"] == plain["tasks"]["xnli"]["zero_shot"]

"""The answer in words: one constructed scoreboard for each kind of outcome."""

import copy
import json
from pathlib import Path

import boards
import pytest
from boards import ONE_SEED, OWN, TOTAL

from xstilts.cli import main
from xstilts.files import read_json
from xstilts.publish.words.answer import answer, sentences
from xstilts.publish.words.findings import findings


def _findings(**changes):
    found = findings(boards.statistics(**changes), TOTAL, "gains")
    return [sentence for own in found.values() for sentence in own]


@pytest.mark.parametrize(
    ("recipes", "expected"),
    [
        pytest.param(
            {"a": (1, 3)},
            "a gains 2.0 points (95 % interval 1.0 to 3.0); of 1 pair of recipe and task 1 "
            "gained and none fell, after Holm's correction.",
            id="clear gain",
        ),
        pytest.param(
            {"a": (-5, -1)},
            "a loses 3.0 points (95 % interval −5.0 to −1.0); of 1 pair of recipe and task none "
            "gained and 1 fell, after Holm's correction.",
            id="clear loss",
        ),
        pytest.param(
            {"a": (-1, 3)},
            "no evidence that a (+1.0; 95 % interval −1.0 to 3.0) changes it; of 1 pair of "
            "recipe and task none gained and none fell, after Holm's correction.",
            id="nothing",
        ),
        pytest.param(
            {"a": (0.1, 3.9, 0.08)},
            "no evidence that a (+2.0; 95 % interval 0.1 to 3.9) changes it; of 1 pair of "
            "recipe and task none gained and none fell, after Holm's correction.",
            id="clear of 0, but not after Holm's correction",
        ),
        pytest.param(
            {"a": (-3, -1), "b": (2, 4), "c": (-1, 1), "d": (4, 6), "e": (-2, 1)},
            "d gains 5.0 points (95 % interval 4.0 to 6.0), b gains 3.0 points (2.0 to 4.0), "
            "a loses 2.0 points (−3.0 to −1.0), no evidence that e (−0.5; −2.0 to 1.0) or "
            "c (0.0; −1.0 to 1.0) changes it; of 5 pairs of recipe and task 2 gained and 1 fell, "
            "after Holm's correction.",
            id="mixed",
        ),
    ],
)
def test_answer_claims_only_what_is_clear_after_correction(recipes, expected):
    start = "Against no intermediate training, on the average of one task: "
    found = answer(boards.board(boards.summary(**recipes)))
    assert found == f"{start}{expected} {ONE_SEED}"


def test_a_baseline_alone_is_compared_with_nothing():
    record = {"model": "m", "average": {"value": 41.25, "delta": None}}
    alone = boards.board([record]) | {"statistics": None}
    assert sentences(alone) == [
        "Nothing is compared here: none is the only recipe, with an average of 41.2 for m."
    ]
    assert sentences(alone | {"total": OWN})[0].endswith(
        ", with a mean over snli and x_csqa of 41.2 for m."
    )


def test_tasks_outside_the_total_are_counted_apart():
    record = boards.record("a", boards.interval(1, 3))
    record["tasks"]["snli"] = {"delta": boards.interval(-3, -1)}
    assert sentences(boards.board([record]))[0].endswith(
        "; of 1 pair of recipe and task 1 gained and none fell, after Holm's correction; beyond "
        "XTREME, of 1 pair of recipe and task none gained and 1 fell, after a correction of their "
        "own."
    )


def test_a_study_outside_its_benchmark_speaks_of_its_targets():
    delta = boards.interval(1, 3)
    record = boards.record("a", delta) | {
        "tasks": {name: {"delta": delta} for name in OWN["tasks"]}
    }
    ranking = boards.ranking() | {"judges": OWN["tasks"]}
    found = sentences(boards.board([record], OWN, hierarchy=[ranking]))
    assert found[0] == (
        "Against no intermediate training, on the mean of its targets snli and x_csqa: a gains 2.0 "
        "points (95 % interval 1.0 to 3.0); of 2 pairs of recipe and task 2 gained and none fell, "
        "after Holm's correction."
    )
    assert found[1].startswith("No evidence that its 2 targets agree on a ranking of the recipes ")


def test_several_models_have_a_clause_each():
    summary = [
        boards.record("a", boards.interval(1, 3), "m"),
        boards.record("a", boards.interval(-1, 1), "n"),
    ]
    first = sentences(boards.board(summary, baseline="mnli"))[0]
    assert first.startswith("Against the recipe mnli, on the average of one task: with m: a gains ")
    assert "; with n: no evidence that a (0.0; 95 % interval −1.0 to 1.0) changes it; " in first


def test_gains_that_differ_between_models_are_said_and_the_others_together():
    found = _findings(
        models=[boards.between(1, 3), boards.between(-4, -2, "b"), boards.between(-1, 2, "c")]
    )
    assert found[:3] == [
        "a does 2.0 points more for xlmr than for mt5 (95 % interval 1.0 to 3.0 for xlmr less "
        "mt5).",
        "b does 3.0 points more for mt5 than for xlmr (95 % interval −4.0 to −2.0 for xlmr less "
        "mt5).",
        "No evidence that models differ in what they gain from c (xlmr less mt5: 95 % interval "
        "−1.0 to 2.0).",
    ]


def test_gains_that_depend_on_the_language_come_largest_first():
    found = _findings(
        languages=[
            boards.group("Uralic", 1, 3),
            boards.group("unseen", -5, -3),
            boards.group("Turkic", -1, 1),
        ]
    )
    assert found[:2] == [
        "a does 4.0 points less for languages that training never saw than for English "
        "(95 % interval −5.0 to −3.0).",
        "a does 2.0 points more for Uralic languages than for others (95 % interval 1.0 to 3.0).",
    ]
    assert len(found) == 3


def test_languages_of_the_intermediate_training_are_named_as_seen():
    found = _findings(languages=[boards.group("unseen", -5, -3, seen=("en", "de"))])
    assert "for languages that training never saw than for English and German (" in found[0]


def test_gains_that_do_not_depend_on_the_language_are_said_to_show_no_evidence():
    assert _findings(languages=[boards.group("Uralic", -1, 3)])[0] == (
        "No evidence that a single recipe's gain depends on the language: on its family, or on "
        "whether training saw it."
    )


def test_a_ranking_is_given_only_where_judges_agree():
    agreed = boards.ranking(p=0.0002, w=0.81, none=3.0, a=1.25, b=1.75)
    assert _findings(hierarchy=[agreed, boards.ranking("family"), boards.ranking("language")]) == [
        "3 tasks agree on a ranking (Kendall's W 0.81, p < 0.001); mean ranks: a 1.2, b 1.8, "
        "none 3.0.",
        "No evidence that 3 language families agree on a ranking of the recipes "
        "(Kendall's W 0.20, p = 0.3).",
        ONE_SEED,
    ]


def test_two_recipes_have_no_ranking_worth_a_sentence():
    assert _findings(hierarchy=[boards.ranking(p=0.01, none=2.0, a=1.0)]) == [ONE_SEED]


def test_rankings_of_several_models_name_the_model():
    found = _findings(hierarchy=[boards.ranking(), boards.ranking(model="n")])
    assert found[1].startswith("With n, no evidence that 3 tasks agree on a ranking")


def test_a_note_on_seeds_that_differs_between_models_names_them():
    notes = [{"model": "m", "sentence": "One."}, {"model": "n", "sentence": "Two."}]
    assert _findings(power=notes) == ["m: One.", "n: Two."]


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A clone with one published study; the scoreboard as it is written."""
    (tmp_path / "pipelines" / "studies").mkdir(parents=True)
    (tmp_path / "pipelines" / "studies" / "tiny.yaml").touch()
    (tmp_path / "dvc.yaml").touch()
    folder = tmp_path / "results" / "tiny"
    folder.mkdir(parents=True)
    baseline = boards.record("none", None)
    baseline["average"]["value"] = 48.0
    board = {
        **read_json(Path(__file__).parents[1] / "golden" / "scores.1.json"),
        "question": "Does [a] help?",
        **boards.board([baseline, *boards.summary(a=(1, 3))]),
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def write(**changes):
        changed = copy.deepcopy(board) | changes
        (folder / "scores.json").write_text(json.dumps(changed))

    write()
    return write


@pytest.mark.usefixtures("published")
def test_report_prints_question_answer_and_averages(capsys):
    assert main(["report", "tiny"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("Does [a] help?\nAgainst no intermediate training, ")
    assert ONE_SEED in output
    rows = [line.split() for line in output.splitlines()]
    assert ["m", "none", "48.0", "–"] in rows
    assert ["m", "a", "50.0", "+2.0", "1.0", "to", "3.0", "p", "=", "0.001"] in rows
    assert "results/tiny/index.html" in output


def test_report_takes_the_study_of_params_yaml(published, tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("study: {name: tiny}\n")
    published(question="Which one?")
    assert main(["report"]) == 0
    assert capsys.readouterr().out.startswith("Which one?\n")


@pytest.mark.usefixtures("published")
def test_report_without_a_study_or_its_results_says_what_to_do(capsys):
    assert main(["report"]) == 2
    assert "params.yaml names no study: give one of tiny." in capsys.readouterr().err
    assert main(["report", "other"]) == 2
    assert "results/other/scores.json is missing: publish" in capsys.readouterr().err


def test_report_of_another_version_is_refused(published, capsys):
    published(schema=7)
    assert main(["report", "tiny"]) == 2
    assert "results/tiny/scores.json has schema 7, and this version" in capsys.readouterr().err

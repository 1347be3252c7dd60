"""A study that lacks cells: nothing is averaged over silently, and what is whole stays."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_study import evaluations, write_study

from xstilts.errors import UserError
from xstilts.files import read_json, write_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.schema import problems
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.board.whole import compared_part, left_out
from xstilts.publish.run import publish
from xstilts.publish.show import show_report
from xstilts.publish.words.answer import answer, missing_sentences

RECIPES = {"none": [], "mnli": ["mnli"], "squad": ["squad"]}
TARGETS = ("pawsx", "panx", "tatoeba")


def _accuracy(model, recipe, task, language, seed):
    del task, language, seed
    return {"none": 0.4, "mnli": 0.9, "squad": 0.7}[recipe] * (model != "mini-untrained")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        _accuracy,
        models=("mini", "other"),
        recipes=RECIPES,
        targets=TARGETS,
        seeds=(0, 1),
        items=6,
    )
    return params, root


@pytest.fixture
def board(whole, tmp_path):
    """The scoreboard without some cells, given as `model-recipe-target-seed`."""
    params, root = whole

    def make(*missing):
        cells = tmp_path / "cells"
        shutil.copytree(evaluations(root), cells)
        for key in missing:
            shutil.rmtree(cells / key)
        found = read_cells(params, cells, allow_partial=True)
        made = json.loads(json.dumps(scoreboard(params, found, cells, root)))
        assert problems(made) == []
        return made

    return make


def _record(board, model, recipe):
    return next(r for r in board["summary"] if (r["model"], r["recipe"]) == (model, recipe))


def test_a_whole_study_lacks_nothing(board):
    found = board()
    assert found["missing"] == []
    assert found["statistics"]["left_out"] == []
    assert (found["best"]["recipe"], found["best"]["seed"]) == ("mnli", 0)
    assert all(record["average"]["missing"] == [] for record in found["summary"])
    assert missing_sentences(found) == []


def test_a_run_without_a_cell_has_no_average_and_says_why(board):
    found = board("mini-mnli-panx-1")
    assert found["missing"] == [{"model": "mini", "recipe": "mnli", "target": "panx", "seed": 1}]
    record = _record(found, "mini", "mnli")
    assert record["average"] == {
        "value": None, "tasks": list(TARGETS), "missing": ["panx (seed 1)"], "delta": None,
    }  # fmt: skip
    assert record["groups"]["structured"]["value"] is None
    assert record["groups"]["structured"]["missing"] == ["panx (seed 1)"]
    assert record["groups"]["classification"]["value"] > 0


def test_its_other_tasks_stay_and_one_seed_is_no_score_of_two(board):
    found = board("mini-mnli-panx-1")
    tasks = _record(found, "mini", "mnli")["tasks"]
    assert list(tasks) == ["pawsx", "tatoeba"]
    assert all(own["delta"] is None for own in tasks.values())
    cells = [c for c in found["cells"] if (c["model"], c["recipe"]) == ("mini", "mnli")]
    assert {c["seed"] for c in cells if c["target"] == "panx"} == {0}  # what is known is kept


def test_all_other_numbers_are_those_of_the_whole_study(board, tmp_path):
    lacking = board("mini-mnli-panx-1")
    shutil.rmtree(tmp_path / "cells")
    full = board()
    for model, recipe in (("mini", "none"), ("mini", "squad"), ("other", "mnli")):
        ours, theirs = (_record(own, model, recipe) for own in (lacking, full))
        assert ours["average"]["value"] == theirs["average"]["value"]
        assert {n: t["value"] for n, t in ours["tasks"].items()} == {
            n: t["value"] for n, t in theirs["tasks"].items()
        }


def test_statistics_are_over_the_part_that_is_whole(board):
    found = board("mini-mnli-panx-1")
    statistics = found["statistics"]
    assert statistics["left_out"] == [
        {"model": "mini", "recipe": "mnli"}, {"model": "other", "recipe": "mnli"},
    ]  # fmt: skip
    assert {own["recipe"] for own in statistics["models"]} == {"squad"}
    assert _record(found, "mini", "squad")["average"]["delta"]["value"] > 0
    assert _record(found, "other", "mnli")["average"]["delta"] is None
    assert _record(found, "other", "mnli")["average"]["value"] > 0


def test_the_best_run_is_one_that_is_whole(board):
    assert board("mini-mnli-panx-1", "other-mnli-panx-0")["best"]["recipe"] == "squad"


def test_the_answer_says_first_what_is_missing(board):
    found = board("mini-mnli-panx-1", "mini-mnli-panx-0", "other-none-pawsx-0")
    assert answer(found).startswith(
        "This is a part of the study: 3 cells are missing, of mini mnli (2) and other none (1); "
        "what lacks one has no average and no comparison."
    )
    assert "Other mnli and other squad are not compared either" in answer(found)
    assert found["answer"] == answer(found)


def test_without_a_whole_pair_of_runs_nothing_is_compared(board):
    found = board(*(f"{model}-none-pawsx-0" for model in ("mini", "other")))
    assert found["statistics"] is None
    assert "Nothing is compared here: no recipe has all its cells" in found["answer"]


def test_a_target_that_nobody_ran_leaves_no_average_and_no_best_run(board):
    runs = [f"{m}-{r}-tatoeba-{s}" for m in ("mini", "other") for r in RECIPES for s in (0, 1)]
    found = board(*runs)
    assert found["best"] is None
    assert all(r["average"]["value"] is None for r in found["summary"] if not r["control_of"])
    assert len(found["missing"]) == 12


def test_a_run_that_never_started_is_in_the_table(board):
    found = board(*(f"other-squad-{target}-{seed}" for target in TARGETS for seed in (0, 1)))
    record = _record(found, "other", "squad")
    assert record["tasks"] == {}
    assert len(record["average"]["missing"]) == 6


def test_a_control_that_lacks_a_cell_says_so_and_bothers_nobody(board):
    found = board("mini-untrained-none-pawsx-0")
    assert _record(found, "mini-untrained", "none")["average"]["missing"] == ["pawsx (seed 0)"]
    assert found["statistics"]["left_out"] == []
    assert _record(found, "mini", "mnli")["average"]["delta"] is not None


def test_publishing_a_part_has_to_be_asked_for(whole, tmp_path):
    params, root = whole
    shutil.copytree(evaluations(root), tmp_path / "cells")
    (tmp_path / "cells" / "mini-mnli-panx-1" / "examples.json").unlink()
    (tmp_path / "cells" / "shortcuts-pawsx" / "scores.json").unlink()
    with pytest.raises(UserError, match=r"examples\.json is missing: run the stage evaluate@mini"):
        publish(params, tmp_path / "cells", tmp_path / "results", root)
    assert not (tmp_path / "results").exists()
    publish(params, tmp_path / "cells", tmp_path / "results", root, allow_partial=True)
    found = read_json(tmp_path / "results" / "scores.json")
    assert [cell["target"] for cell in found["missing"]] == ["panx"]
    assert {row["task"] for row in found["shortcuts"]} == {"panx"}


def test_a_part_without_a_best_run_is_published(whole, tmp_path):
    params, root = whole
    shutil.copytree(evaluations(root), tmp_path / "cells")
    for folder in (tmp_path / "cells").glob("*-tatoeba-*"):
        shutil.rmtree(folder)
    publish(params, tmp_path / "cells", tmp_path / "results", root, allow_partial=True)
    assert read_json(tmp_path / "results" / "examples.json") == {"examples": []}
    assert not (tmp_path / "results" / "items").exists()


def test_nothing_at_all_is_no_part(whole, tmp_path):
    params, root = whole
    with pytest.raises(UserError) as error:
        publish(params, tmp_path / "none", tmp_path / "results", root, allow_partial=True)
    assert len(error.value.problems) == 4 * len(params["publish"]["cells"])


def test_the_report_counts_what_is_missing(board, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    write_json(tmp_path / "made-up" / "scores.json", board("mini-mnli-panx-1"))
    assert show_report("made-up", tmp_path) == 0
    output = capsys.readouterr().out
    assert "This is a part of the study: 1 cell is missing, of mini mnli (1)" in output
    assert ["mini", "mnli", "lacks", "1", "–"] in [line.split() for line in output.splitlines()]


def _study(models, recipes):
    return {"models": models, "recipes": {name: [] for name in recipes}, "baseline": "none"}


RUNS = st.tuples(st.sampled_from("mno"), st.sampled_from(["none", "a", "b", "c"]))


@given(st.sets(RUNS))
def test_the_compared_part_is_a_whole_grid_with_the_baseline(broken):
    study = _study(["m", "n", "o"], ["none", "a", "b", "c"])
    part = compared_part(study, [{"model": m, "recipe": r} for m, r in broken])
    assert not {(m, r) for m in part["models"] for r in part["recipes"]} & broken
    assert "none" in part["recipes"]
    gone = {(own["model"], own["recipe"]) for own in left_out(study, part)}
    assert gone >= broken
    assert bool(gone) == bool(broken)


def test_the_compared_part_loses_the_model_that_hardly_ran():
    study = _study(["m", "n"], ["none", "a", "b"])
    broken = [{"model": "n", "recipe": recipe} for recipe in ("a", "b")]
    part = compared_part(study, broken)
    assert (part["models"], list(part["recipes"])) == (["m"], ["none", "a", "b"])


def test_comparisons_and_groups_go_with_their_recipes():
    study = _study(["m"], ["none", "a", "b"]) | {
        "groups": {"both": ["a", "b"], "one": ["a"]},
        "comparisons": [["both", "none"], ["one", "none"], ["b", "a"]],
    }
    part = compared_part(study, [{"model": "m", "recipe": "b"}])
    assert part["groups"] == {"one": ["a"]}
    assert part["comparisons"] == [["one", "none"]]

"""Reading a published run for the gate: all of it, or a sentence on what is missing."""

import shutil

import pytest
from synthetic_study import evaluations, languages_of, write_study

from xstilts.errors import UserError
from xstilts.evaluation.item_table import read_named_items
from xstilts.files import read_json, write_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.run import write_items
from xstilts.registry.entrant import read_entrant
from xstilts.registry.gate import decide

TARGETS = ("xnli", "panx")
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of a study with two recipes, of which mnli is better."""
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        lambda _model, recipe, *_: 0.9 if recipe == "mnli" else 0.4,
        recipes={"none": [], "mnli": ["mnli"]},
        targets=TARGETS,
        seeds=SEEDS,
        controls=(),
        items=8,
    )
    params["study"]["gate"] = {"margin": 0.25, "fall": 2.0}
    cells = read_cells(params, evaluations(root))
    board = scoreboard(params, cells, evaluations(root), root)
    write_json(root / "results" / "scores.json", board)
    write_items(board, cells, root / "results" / "items")
    return root


@pytest.fixture
def folder(made, tmp_path):
    """A copy of the results."""
    shutil.copytree(made / "results", tmp_path / "results")
    return tmp_path / "results"


def test_it_has_the_items_of_the_best_run_and_its_gate(made, folder):
    found = read_entrant(folder, "made-up", "r1")
    assert found.board["best"]["recipe"] == "mnli"
    assert found.board["gate"] == {"margin": 0.25, "fall": 2.0}
    assert found.averaged == list(TARGETS)
    assert {task: list(seeds) for task, seeds in found.items.items()} == {
        task: list(SEEDS) for task in TARGETS
    }
    cell = evaluations(made) / "mini-mnli-panx-1" / "items.parquet"
    expected = read_named_items(cell, found.board["metrics"]["panx"])
    own = found.items["panx"][1]
    assert list(own) == list(languages_of("panx"))
    assert own["de"].ids == expected["de"].ids
    assert own["de"].sums.tolist() == expected["de"].sums.tolist()


def test_its_own_average_is_that_of_its_items(folder):
    """What the gate compares are the scores of the board."""
    found = read_entrant(folder, "made-up", "r1")
    decision = decide(found, found)
    assert "unchanged (95 % interval 0.00 to 0.00, over items, languages" in decision.reason
    assert "the margin of 0.25." in decision.reason
    assert found.best["average"]["value"] == max(
        own["average"]["value"] for own in found.board["summary"]
    )


def test_items_that_are_missing_or_no_items_are_named(folder):
    (folder / "items" / "xnli-1.parquet").unlink()
    with pytest.raises(UserError) as raised:
        read_entrant(folder, "made-up", "r1")
    (problem,) = raised.value.problems
    assert problem.startswith(f"{folder / 'items' / 'xnli-1.parquet'} is missing: the run was pub")
    (folder / "items" / "xnli-1.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"xnli-1\.parquet is no table of items scored by accuracy"):
        read_entrant(folder, "made-up", "r1")


def test_a_table_of_another_metric_is_no_table_of_this_one(folder):
    shutil.copy(folder / "items" / "xnli-0.parquet", folder / "items" / "panx-0.parquet")
    with pytest.raises(UserError, match=r"panx-0\.parquet is no table of items scored by"):
        read_entrant(folder, "made-up", "r1")


def test_an_older_board_has_no_items_and_says_so(folder):
    """Schema 1 knew neither the best run nor its items."""
    board = read_json(folder / "scores.json")
    for name in ("best", "missing", "gate", "curves", "cost"):
        del board[name]
    write_json(folder / "scores.json", board | {"schema": 1})
    shutil.rmtree(folder / "items")
    with pytest.raises(UserError) as raised:
        read_entrant(folder, "made-up", "r1")
    assert len(raised.value.problems) == len(TARGETS) * len(SEEDS)


def test_a_run_without_a_best_one_needs_no_items(folder):
    board = read_json(folder / "scores.json")
    write_json(folder / "scores.json", board | {"best": None})
    shutil.rmtree(folder / "items")
    assert read_entrant(folder, "made-up", "r1").items == {}

"""Reading scores.json: today's schema, the one before, and what is neither."""

import copy
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from synthetic_study import evaluations, write_study

from xstilts.errors import UserError
from xstilts.files import read_json, write_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.schema import SCHEMA, SCHEMA_FILE, parse_board, problems, read_board
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.show import show_report

OLD = Path(__file__).parents[1] / "golden" / "scores.1.json"  # as schema 1 was written
ADDED = {"missing", "best", "gate", "curves", "cost"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        lambda model, recipe, *_: {"none": 0.5, "mnli": 0.8}[recipe] * (model == "mini"),
        recipes={"none": [], "mnli": ["mnli"]},
        targets=("pawsx", "tatoeba"),
        items=10,
    )
    cells = read_cells(params, evaluations(root))
    board = scoreboard(params, cells, evaluations(root), root)
    write_json(root / "results" / "scores.json", board)
    return root / "results"


@pytest.fixture(scope="module")
def board(results):
    return read_json(results / "scores.json")


def _refused(content: object, name: str = "here/scores.json") -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(UserError) as error:
        parse_board(text.encode(), name)
    assert all(problem.startswith(name) for problem in error.value.problems)
    return str(error.value)


def test_the_schema_is_a_valid_one():
    Draft202012Validator.check_schema(read_json(SCHEMA_FILE))
    assert read_json(SCHEMA_FILE)["properties"]["schema"] == {"const": SCHEMA}


def test_the_schema_ships_with_the_package():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    shipped = tomllib.loads(text)["tool"]["setuptools"]["package-data"]["xstilts.publish.board"]
    assert SCHEMA_FILE.name in shipped


def test_what_is_published_is_read_as_it_is(results, board):
    assert read_board(results / "scores.json") == board
    assert board["schema"] == SCHEMA
    assert problems(board) == []


def test_every_field_of_a_scoreboard_is_in_the_schema(board):
    assert set(read_json(SCHEMA_FILE)["properties"]) == set(board)
    assert set(read_json(SCHEMA_FILE)["required"]) == set(board)


def test_schema_1_is_read_and_lifted():
    old, lifted = read_json(OLD), read_board(OLD)
    assert old["schema"] == 1
    assert not ADDED & old.keys()
    assert lifted["missing"] == lifted["curves"] == lifted["statistics"]["left_out"] == []
    assert lifted["best"] == {"model": "mini", "recipe": "mnli", "seed": 0}
    assert lifted["cost"] is None
    assert all(record["average"]["missing"] == [] for record in lifted["summary"])
    same = old.keys() - {"schema", "summary", "statistics"}
    assert {name: lifted[name] for name in same} == {name: old[name] for name in same}


def test_a_study_of_schema_1_without_comparisons_is_lifted():
    old = read_json(OLD)
    old["statistics"] = None
    old["summary"][-1]["average"] = None  # a control that is not run on every target
    lifted = parse_board(json.dumps(old).encode(), "old")
    assert lifted["statistics"] is None
    assert lifted["summary"][-1]["average"] is None


def test_reports_of_both_schemas_are_shown(results, tmp_path, capsys):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "scores.json").write_bytes(OLD.read_bytes())
    assert show_report("old", tmp_path) == 0
    assert "mnli" in capsys.readouterr().out
    assert show_report(results.name, results.parent) == 0
    assert "mnli" in capsys.readouterr().out


def test_a_file_that_is_not_there_says_how_to_make_it(tmp_path):
    with pytest.raises(UserError, match=r"scores\.json is missing: publish the study"):
        read_board(tmp_path / "scores.json")


def test_what_is_no_json_is_named():
    assert "is not JSON (Expecting value" in _refused("<html>")
    assert "is not JSON" in _refused("")
    assert "NaN is no number" in _refused('{"schema": 2, "study": NaN}')
    with pytest.raises(UserError, match="here is not JSON"):
        parse_board(b"\xff\xfe\x00", "here")
    with pytest.raises(UserError, match="here is not JSON"):
        parse_board(b"[" * 100_000, "here")


@pytest.mark.parametrize("foreign", [[], 3, None, "text", {}, {"schema": "2"}, {"schema": True}])
def test_foreign_files_are_no_scoreboards(foreign):
    assert "is no scoreboard of xstilts" in _refused(json.dumps(foreign))


def test_a_newer_schema_asks_for_a_newer_version(board):
    text = _refused(board | {"schema": SCHEMA + 1})
    assert f"has schema {SCHEMA + 1}, and this version of xstilts reads {SCHEMA} and older" in text


def test_other_documents_with_a_schema_number_are_refused():
    assert "has schema 1, but lacks the field 'summary'" in _refused({"schema": 1})
    assert "is wrong: 'study' is a required property" in _refused({"schema": 2})
    assert "a field is of another kind" in _refused(read_json(OLD) | {"summary": [3]})


def test_wrong_fields_are_named_by_place(board):
    broken = copy.deepcopy(board)
    broken["cells"][3]["value"] = "high"
    del broken["summary"][0]["average"]["missing"]
    text = _refused(broken)
    assert "cells[3].value is wrong: 'high' is not of type 'number'" in text
    assert "summary[0].average is wrong" in text


def test_of_many_wrong_fields_a_few_are_named(board):
    broken = board | {"cells": [{}] * 100}
    found = problems(broken)
    assert len(found) == 6
    assert found[-1] == "and more of this kind"


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from([*sorted(ADDED), "summary", "cells", "x"]), JSON))
def test_nothing_but_a_scoreboard_gets_through(found):
    """Whatever the bytes hold: a whole scoreboard, or an error that names the file."""
    for version in (1, 2):
        assert "here/scores.json" in _refused(found | {"schema": version})

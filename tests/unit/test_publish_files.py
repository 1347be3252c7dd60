"""The files beside the scoreboard: tables, numbers for DVC and Kubeflow, the zipped submission."""

import csv
import io
import shutil
import zipfile
from pathlib import Path

import pytest
from synthetic_study import evaluations, write_study

from xstilts.files import read_json, sha256
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.schema import SCHEMA_FILE
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.files.all_files import write_files
from xstilts.publish.files.markdown import scores_markdown, table
from xstilts.publish.files.numbers import METRICS, numbers, write_numbers
from xstilts.publish.files.submission import ARCHIVE, SUBMISSION, write_archive
from xstilts.publish.files.table_files import SCORES, SUMMARY, scores_csv, summary_csv
from xstilts.publish.words.wording import points

ROOT = Path(__file__).parents[2]
TARGETS = ("pawsx", "udpos", "tatoeba")


def _accuracy(model, recipe, task, language, seed):
    del task, language, seed
    return 0.2 if model == "mini-untrained" else {"none": 0.4, "mnli": 0.7}[recipe]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def params(root):
    recipes = {"none": [], "mnli": ["mnli"]}
    return write_study(root, _accuracy, recipes=recipes, targets=TARGETS, seeds=(3, 5), items=12)


@pytest.fixture(scope="module")
def study(params, root):
    cells = read_cells(params, evaluations(root))
    return scoreboard(params, cells, evaluations(root), root), cells


@pytest.fixture(scope="module")
def board(study):
    return study[0]


@pytest.fixture(scope="module")
def folder(study, root):
    write_files(*study, root / "written")
    return root / "written"


def _without(params, root, place, *lost):
    """Scoreboard and cells of the study when these evaluations are not there."""
    shutil.copytree(evaluations(root), place, ignore=shutil.ignore_patterns(*lost))
    cells = read_cells(params, place, allow_partial=True)
    return scoreboard(params, cells, place, root), cells


@pytest.fixture(scope="module")
def partial(params, root):
    return _without(params, root, root / "partial", "mini-mnli-udpos-5")[0]


def _rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_everything_is_written(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("README.md", "scores.csv", "summary.csv", "scores.md"),
        *(METRICS, "plots", "predictions", SUBMISSION, ARCHIVE),
    }
    assert {path.name for path in (folder / "plots").iterdir()} == {
        *("averages.json", "tasks.json", "curves.json"),
    }


def test_scores_have_a_row_per_cell_and_language(board):
    rows = _rows(scores_csv(board))
    assert tuple(rows[0]) == SCORES
    assert len(rows) == len(board["cells"])
    for row, cell in zip(rows, board["cells"], strict=True):
        assert float(row["value"]) == cell["value"]
        assert [row[name] for name in ("model", "recipe", "target", "language")] == [
            cell[name] for name in ("model", "recipe", "target", "language")
        ]
    hindi = next(row for row in rows if row["language"] == "hi")
    assert (hindi["family"], hindi["script"]) == ("Indo-European", "Deva")


def test_the_summary_has_tasks_groups_and_averages_with_their_differences(board):
    rows = _rows(summary_csv(board))
    assert tuple(rows[0]) == SUMMARY
    own = {(r["kind"], r["name"]): r for r in rows if (r["model"], r["recipe"]) == ("mini", "mnli")}
    record = next(r for r in board["summary"] if r["recipe"] == "mnli")
    assert set(own) == {
        *(("task", task) for task in TARGETS),
        *(("group", group) for group in ("classification", "structured", "retrieval")),
        ("average", "average"),
    }
    average = own["average", "average"]
    assert float(average["value"]) == record["average"]["value"]
    assert float(average["delta"]) == record["average"]["delta"]["value"]
    assert float(average["low"]) < float(average["delta"]) < float(average["high"])
    assert {row["control_of"] for row in rows} == {"", "mini"}


def test_what_is_missing_is_no_number_anywhere(partial):
    rows = _rows(summary_csv(partial))
    own = {(r["recipe"], r["name"]): r for r in rows if r["model"] == "mini"}
    assert own["mnli", "average"]["value"] == ""
    assert own["mnli", "average"]["missing"] == "udpos (seed 5)"
    assert ("mnli", "udpos") not in own
    assert own["none", "average"]["missing"] == ""
    named = numbers(partial)
    assert "average/mini/mnli" not in named
    assert "task/mini/mnli/pawsx" in named
    assert named["best"] == named["average/mini/none"]
    text = scores_markdown(partial)
    assert "**Not complete**: 1 evaluations are missing: mini mnli udpos (seed 5)." in text
    line = next(line for line in text.splitlines() if line.startswith("| mnli "))
    assert line.split(" | ")[2] == "–"
    assert line.endswith("| – |")


def test_markdown_has_the_scores_that_people_compare(board):
    text = scores_markdown(board)
    record = next(r for r in board["summary"] if r["recipe"] == "mnli")
    values = [record["tasks"][task]["value"] for task in board["metrics"]]
    cells = [points(value) for value in [*values, record["average"]["value"]]]
    assert f"| mnli | {' | '.join(cells)} |" in text
    assert "## mini\n" in text
    assert "### tatoeba, by language\n" in text
    assert text.count("| mini-untrained |") == 1 + len(TARGETS)
    assert board["question"] in text


def test_a_table_keeps_its_columns_whatever_a_name_holds():
    shown = table(["name", "n"], [["a|b\nc", "1"]])
    assert shown == "| name | n |\n| --- | ---: |\n| a\\|b c | 1 |"


def test_numbers_compare_between_studies(board):
    named = numbers(board)
    assert named == numbers(board | {"study": "another"})
    assert named["best"] == max(
        value for name, value in named.items() if name.startswith("average/mini/")
    )
    assert named["delta/mini/mnli"] == pytest.approx(
        named["average/mini/mnli"] - named["average/mini/none"], abs=1e-3
    )
    assert {name.split("/")[0] for name in named} == {"best", "average", "delta", "task"}
    assert all(isinstance(value, float) for value in named.values())


def test_plots_hold_curves_of_every_training_that_has_a_dev_score(board, tmp_path):
    write_numbers(board, tmp_path)
    rows = read_json(tmp_path / "plots/curves.json")
    points_with_dev = [p for c in board["curves"] for p in c["points"] if p["dev"] is not None]
    assert len(rows) == len(points_with_dev) > 0
    assert {row["run"] for row in rows} >= {"mini none", "mini mnli"}
    tasks = read_json(tmp_path / "plots/tasks.json")
    assert {row["task"] for row in tasks} == set(TARGETS)


def test_the_zip_holds_the_submission_with_tasks_at_its_top(folder):
    with zipfile.ZipFile(folder / ARCHIVE) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        texts = {name: archive.read(name) for name in names}
    files = [path for path in (folder / SUBMISSION).rglob("*") if path.is_file()]
    assert names == sorted(path.relative_to(folder / SUBMISSION).as_posix() for path in files)
    assert all(texts[n] == (folder / SUBMISSION / n).read_bytes() for n in names)
    assert {name.split("/")[0] for name in names} == set(TARGETS)


def test_the_same_files_make_the_same_zip(folder, tmp_path):
    for path in (folder / SUBMISSION).rglob("*.tsv"):
        copy = tmp_path / "copy" / path.relative_to(folder / SUBMISSION)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o600)  # and with the time of now
    write_archive(tmp_path / "copy", tmp_path / "again.zip")
    assert sha256(tmp_path / "again.zip") == sha256(folder / ARCHIVE)


def test_no_best_run_no_submission(params, root, tmp_path):
    board, cells = _without(params, root, tmp_path / "cells", "mini-*-udpos-5")
    write_files(board, cells, tmp_path / "results")
    assert not (tmp_path / "results" / SUBMISSION).exists()
    assert not (tmp_path / "results" / ARCHIVE).exists()
    assert (tmp_path / "results/predictions/mini/mnli/5/pawsx").is_dir()
    card = (tmp_path / "results/README.md").read_text()
    assert "No run of this study is complete" in card
    assert "3 evaluations are missing" in card
    assert "model-index" not in card
    assert "license" not in card


def test_the_contract_is_documented(folder):
    text = (ROOT / "docs/scores.md").read_text(encoding="utf-8")
    wanted = {*SCORES, *SUMMARY, *read_json(SCHEMA_FILE)["required"]}
    wanted |= {path.name for path in folder.iterdir() if path.is_file()}
    wanted |= {f"{path.name}/" for path in folder.iterdir() if path.is_dir()}
    assert sorted(name for name in wanted if f"`{name}`" not in text) == []

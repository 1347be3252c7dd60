"""Targets that a study's benchmark does not have: scored, shown, and never averaged with it."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_study import evaluations, write_study

from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.statistics import compare_runs
from xstilts.publish.board.summary import summarise
from xstilts.publish.board.total import beyond_benchmark, study_groups, total_of
from xstilts.publish.run import publish
from xstilts.study.check import read_study
from xstilts.study.grid import world_languages
from xstilts.study.record import Study
from xstilts.study.resolve import resolve
from xstilts.tasks.table import TASKS, members

OUTSIDE = ("pawsx", "bucc2018", "snli")  # of XTREME-R
STUDY = """
name: small
question: Does it help?
benchmark: xtreme
source: world
models: [mini-encoder]
recipes: {none: [], mnli: [mnli]}
baseline: none
targets: TARGETS
seeds: [0]
sizes: {train: 60, dev: 20, test: 20}
"""


def _study(folder: Path, targets: str, more: str = "") -> Study:
    path = folder / "small.yaml"
    path.write_text(STUDY.replace("TARGETS", targets) + more, encoding="utf-8")
    return read_study(path)


def _could_be(name: str) -> bool:
    task = TASKS[name]
    spoken = set(task.languages) & set(world_languages())
    return bool(spoken) and "test" in task.source.splits and name not in members("xtreme")


@pytest.mark.parametrize("name", sorted(filter(_could_be, TASKS)))
def test_every_task_with_a_test_split_can_be_a_target(name, tmp_path):
    params = resolve(_study(tmp_path, f"[xnli, {name}]"))
    assert f"mini-encoder-mnli-{name}-0" in params["evaluate"]
    assert name in params["shortcuts"]
    assert "test" in params["prepare"][name]["tasks"][0]["splits"]


@pytest.mark.parametrize("name", ["mnli", "qqp", "squad_v2", "hellaswag", "anli_plus", "squad"])
def test_a_task_with_a_hidden_test_set_is_refused(name, tmp_path):
    with pytest.raises(UserError) as error:
        _study(tmp_path, f"[panx, {name}]")
    [problem] = error.value.problems
    assert f"line 9: {name} cannot be a target: its source has no test split" in problem
    assert f"under tasks.{name}.source.splits" in problem


def test_the_refusal_names_the_targets_that_the_task_trains(tmp_path):
    with pytest.raises(UserError, match="take xnli, which it trains, or cut a test split"):
        _study(tmp_path, "[mnli]")


def test_a_test_split_cut_off_another_makes_it_a_target(tmp_path):
    splits = 'train: train, dev: "validation[:50%]", test: "validation[50%:]"'
    found = _study(
        tmp_path, "[hellaswag]", f"tasks: {{hellaswag: {{source: {{splits: {{{splits}}}}}}}}}"
    )
    assert found.targets == ("hellaswag",)


def test_all_is_the_benchmark_and_others_may_stand_beside_it(tmp_path):
    assert _study(tmp_path, "all").targets == members("xtreme")
    assert _study(tmp_path, "[x_csqa, all, xnli]").targets == (*members("xtreme"), "x_csqa")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("beyond")
    params = write_study(
        root,
        _accuracy,
        recipes={"none": [], "mnli": ["mnli"]},
        targets=("xnli", *OUTSIDE, "panx"),
        seeds=(0, 1),
        items=8,
        benchmark="xtreme-r",
    )
    publish(params, evaluations(root), root / "results", root)
    return params, root


def _accuracy(model, recipe, task, language, seed):
    """Outside the benchmark all is lost with mnli; within it all is gained."""
    del model, language, seed
    return float((recipe == "mnli") != (task in OUTSIDE))


@pytest.fixture(scope="module")
def board(made):
    return read_json(made[1] / "results" / "scores.json")


def _record(board, recipe):
    return next(r for r in board["summary"] if (r["model"], r["recipe"]) == ("mini", recipe))


def test_the_scoreboard_keeps_them_apart(board):
    assert board["groups"] == {"classification": ["xnli"], "structured": ["panx"]}
    assert board["beyond"] == list(OUTSIDE)
    assert board["total"]["of"] == "xtreme-r"
    assert board["total"]["tasks"] == ["xnli", "panx"]
    assert not set(OUTSIDE) & set(board["total"]["missing"])
    assert {cell["target"] for cell in board["cells"]} == {"xnli", "panx", *OUTSIDE}


def test_averages_hold_tasks_of_the_benchmark_only(board):
    record = _record(board, "mnli")
    assert record["average"]["tasks"] == ["xnli", "panx"]
    assert record["average"]["value"] == 100
    assert record["average"]["delta"]["value"] == 100
    assert set(record["groups"]) == {"classification", "structured"}


def test_they_have_differences_with_intervals_and_shortcuts(board):
    record = _record(board, "mnli")
    assert list(record["tasks"]) == ["xnli", "panx", *OUTSIDE]
    assert record["tasks"]["pawsx"]["value"] == 0
    assert record["tasks"]["pawsx"]["delta"]["value"] == -100
    assert record["tasks"]["pawsx"]["delta"]["direction"] == -1
    assert {"pawsx", "snli"} <= {row["task"] for row in board["shortcuts"]}


@given(st.lists(st.sampled_from(OUTSIDE), unique=True))
@settings(max_examples=6, deadline=None)
def test_a_target_beyond_changes_no_average_and_no_group(made, chosen):
    alone, statistics = _compared(made, ("xnli", "panx"))
    found, with_others = _compared(made, ("xnli", *chosen, "panx"))
    assert with_others == statistics
    for mine, own in zip(found, alone, strict=True):
        assert mine["average"] == own["average"]
        assert mine["groups"] == own["groups"]
        assert {task: mine["tasks"][task] for task in own["tasks"]} == own["tasks"]
        assert set(mine["tasks"]) - set(own["tasks"]) == set(chosen)


def _compared(made, targets):
    """Summary and statistics of the study, had it these targets alone."""
    params, root = made
    cells = [c for c in read_cells(params, evaluations(root)) if c.target in targets]
    study = params["study"] | {"targets": list(targets)}
    compared = compare_runs(study, cells)
    return summarise(study, cells, compared.deltas), compared.statistics


def test_they_are_corrected_as_a_family_of_their_own(board):
    found = _record(board, "mnli")["tasks"]
    for family in (("xnli", "panx"), OUTSIDE):
        deltas = [found[task]["delta"] for task in family]
        smallest = min(delta["p"] for delta in deltas)
        assert min(d["p_holm"] for d in deltas) == pytest.approx(len(family) * smallest, abs=1e-4)


def test_answer_and_report_name_them_apart(made, board):
    assert "on the average of 2 tasks: mnli gains 100.0 points" in board["answer"]
    assert "of 2 pairs of recipe and task 2 gained and none fell" in board["answer"]
    beyond = "beyond XTREME-R, of 3 pairs of recipe and task none gained and 3 fell, after a "
    assert f"{beyond}correction of their own. " in board["answer"]
    text = (made[1] / "results" / "index.html").read_text(encoding="utf-8")
    assert "beyond XTREME-R<" in text
    assert "of 2 tasks<" in text
    assert "No average holds pawsx, bucc2018, snli: beyond XTREME-R." in text
    scores = text[text.index('<table class="scores sortable">') :]
    assert scores.index("of 2 tasks<") < scores.index(">pawsx<") < scores.index("</table>")


def test_the_submission_holds_the_benchmark_only(made):
    results = made[1] / "results"
    assert {path.name for path in (results / "submission").iterdir()} == {"xnli", "panx"}
    assert (results / "predictions/mini/mnli/0/pawsx/test-de.tsv").is_file()


def test_the_card_says_which_rows_are_in_no_average(made):
    text = ModelCard.load(made[1] / "results" / "README.md").text
    assert text.index("| xnli |") < text.index("| **average** |  | **100.0** |")
    assert text.index("| panx |") < text.index("| pawsx (in no average) | `accuracy` | 0.0 |")


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    root = tmp_path_factory.mktemp("outside")
    recipes = {"none": [], "mnli": ["mnli"]}
    params = write_study(
        root, _accuracy, recipes=recipes, targets=OUTSIDE, items=8, benchmark="xtreme-r"
    )
    publish(params, evaluations(root), root / "results", root)
    return root / "results"


def test_a_study_beyond_its_benchmark_speaks_of_its_targets(outside):
    board = read_json(outside / "scores.json")
    assert board["groups"] == {}
    assert board["total"] == {"of": "targets", "tasks": list(OUTSIDE), "missing": []}
    assert board["answer"].startswith(
        "Against no intermediate training, on the mean of its targets pawsx, bucc2018 and snli: "
        "mnli loses 100.0 points"
    )
    assert "XTREME" not in board["answer"]
    record = _record(board, "none")
    assert record["groups"] == {}
    assert record["average"]["value"] == 100


def test_its_report_and_card_claim_no_average(outside):
    text = (outside / "index.html").read_text(encoding="utf-8")
    assert "No target is a task of XTREME-R: there is no average of it here." in text
    assert "mean<span" in text
    assert "average<span" not in text
    card = ModelCard.load(outside / "README.md").text
    assert "| **mean of its targets** |  | **100.0** |" in card
    assert "submission" not in card
    assert not (outside / "submission").exists()


def test_a_single_recipe_beyond_the_benchmark_has_an_answer_too(tmp_path):
    params = write_study(
        tmp_path, _accuracy, recipes={"none": []}, targets=("snli",), controls=(), items=4
    )
    publish(params, evaluations(tmp_path), tmp_path / "results", tmp_path)
    found = read_json(tmp_path / "results" / "scores.json")["answer"]
    assert found.endswith("none is the only recipe, with a mean over snli of 100.0 for mini.")


def test_the_header_of_a_mixture():
    header = {"benchmark": "xtreme", "targets": ["snli", "xnli"]}
    assert study_groups(header) == {"classification": ["xnli"]}
    assert beyond_benchmark(header) == ["snli"]
    assert total_of(header)["tasks"] == ["xnli"]

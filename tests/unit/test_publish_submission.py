"""Predictions and submission bundle of a published study."""

import shutil

import pytest
from synthetic_study import evaluations, languages_of, write_study

from xstilts.errors import UserError
from xstilts.evaluation.official_check import problems
from xstilts.files import sha256
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.files.all_files import write_files
from xstilts.publish.run import publish

TARGETS = ("pawsx", "udpos", "mlqa", "bucc2018", "tatoeba")


def _accuracy(model, recipe, task, language, seed):
    del task, language, seed
    return 1.0 if model == "mini-untrained" else {"none": 0.3, "mnli": 0.5, "squad": 0.8}[recipe]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    recipes = {"none": [], "mnli": ["mnli"], "squad": ["squad"]}
    params = write_study(root, _accuracy, recipes=recipes, targets=TARGETS, seeds=(3, 5), items=20)
    cells = read_cells(params, evaluations(root))
    write_files(scoreboard(params, cells, evaluations(root), root), cells, root / "results")
    return params, root


def test_every_run_has_its_predictions_in_the_official_layout(study):
    folder = study[1] / "results" / "predictions"
    languages = {task: languages_of(task) for task in TARGETS}
    for run in ("mini/none/3", "mini/none/5", "mini/mnli/3", "mini/squad/5"):
        assert problems(folder / run, languages) == []
    assert (folder / "mini-untrained/none/3/mlqa/test-zh.json").is_file()


def test_submission_is_the_best_recipe_and_never_a_control(study):
    results = study[1] / "results"
    assert sha256(results / "submission") == sha256(results / "predictions/mini/squad/3")


def test_malformed_predictions_stop_the_publication(study, tmp_path):
    params, root = study
    shutil.copytree(evaluations(root), tmp_path / "cells")
    file = tmp_path / "cells" / "mini-squad-udpos-3" / "predictions" / "test-de.tsv"
    file.write_text(file.read_text().replace("VERB", "VRB"))
    with pytest.raises(UserError, match=r"udpos/test-de\.tsv: line .*unknown tag 'VRB'"):
        publish(params, tmp_path / "cells", tmp_path / "results", root)
    assert not (tmp_path / "results").exists()

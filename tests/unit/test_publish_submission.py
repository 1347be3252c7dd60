"""Predictions, submission bundle and model card of a published study."""

import shutil

import pytest
from huggingface_hub import ModelCard
from synthetic_study import evaluations, languages_of, write_study

from xstilts.errors import UserError
from xstilts.evaluation.official_check import problems
from xstilts.files import read_json, sha256
from xstilts.publish.answer import sentences
from xstilts.publish.run import publish
from xstilts.tasks.table import TASKS

TARGETS = ("pawsx", "udpos", "mlqa", "bucc2018", "tatoeba")


def _accuracy(model, recipe, task, language, seed):
    del task, language, seed
    return 1.0 if model == "mini-untrained" else {"none": 0.3, "mnli": 0.5, "squad": 0.8}[recipe]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    recipes = {"none": [], "mnli": ["mnli"], "squad": ["squad"]}
    params = write_study(root, _accuracy, recipes=recipes, targets=TARGETS, seeds=(3, 5), items=20)
    publish(params, evaluations(root), root / "results", root)
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


def test_model_card_is_read_by_the_hub_library(study):
    card = ModelCard.load(study[1] / "results" / "README.md")
    assert card.data.model_name == "made-up-mini-squad"
    assert [result.dataset_name for result in card.data.eval_results] == list(TARGETS)
    assert {result.dataset_type for result in card.data.eval_results} == {"xstilts-world"}
    assert all(0 <= result.metric_value <= 100 for result in card.data.eval_results)
    assert "ar" in card.data.language
    assert "predictions of seed 3" in card.text
    assert "not comparable with published ones" in card.text
    first, *others = sentences(read_json(study[1] / "results" / "scores.json"))
    assert f"? {first}\n" in card.text
    assert all(f"\n- {sentence}\n" in card.text for sentence in others)


def test_model_card_names_hub_data_sets_when_they_were_used(tmp_path):
    params = write_study(
        tmp_path, _accuracy, recipes={"none": []}, targets=("xnli", "tatoeba"), items=10
    )
    params["study"]["source"] = {"kind": "hub"}
    publish(params, evaluations(tmp_path), tmp_path / "results", tmp_path)
    card = ModelCard.load(tmp_path / "results" / "README.md")
    assert card.data.datasets == sorted(TASKS[task].source.hub for task in ("xnli", "tatoeba"))
    assert "Nothing is compared here" in card.text

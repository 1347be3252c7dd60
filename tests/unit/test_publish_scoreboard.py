"""scores.json: golden numbers of a made-up study, and what it refuses to average over."""

import json
import shutil
import subprocess

import pytest
from synthetic_study import evaluations, languages_of, write_study

from xstilts.errors import UserError
from xstilts.evaluation.xtreme import benchmark_score
from xstilts.files import read_json, sha256
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.provenance import code_revision, target_sources, wall_times
from xstilts.publish.board.statistics import compare_runs
from xstilts.publish.run import publish

RECIPES = {"none": [], "mnli": ["mnli"], "mixed": ["mnli", "squad"]}
TARGETS = ("xnli", "panx", "tatoeba")
JUDGES = ("task", "family", "language")


def _all_or_nothing(model, recipe, task, language, seed):
    """Every language is wholly right or wholly wrong, so that scores are known by counting."""
    if task == "panx":  # wrong sentences are all O
        return float(language == "en" or (recipe == "mixed" and seed == 1))
    if task == "xnli":
        return float(language in ("en", "de") or recipe == "mnli") * (model != "mini-untrained")
    return float(recipe != "mnli" or model == "other")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        _all_or_nothing,
        models=("mini", "other"),
        recipes=RECIPES,
        targets=TARGETS,
        seeds=(0, 1),
        items=6,
    )
    publish(params, evaluations(root), root / "results", root)
    return params, root


@pytest.fixture(scope="module")
def board(study):
    return read_json(study[1] / "results" / "scores.json")


def _record(board, model, recipe):
    found = [r for r in board["summary"] if (r["model"], r["recipe"]) == (model, recipe)]
    assert len(found) == 1
    return found[0]


def test_header_names_the_study(board):
    assert board["schema"] == 2
    assert board["study"] == "made-up"
    assert board["benchmark"] == "xtreme"
    assert board["source"] == "world"
    assert board["groups"] == {
        "classification": ["xnli"],
        "structured": ["panx"],
        "retrieval": ["tatoeba"],
    }


def test_one_cell_per_model_recipe_target_language_and_seed(board):
    # 2 models x 3 recipes and 2 controls, 2 seeds; 8, 9 and 8 languages (no English in tatoeba)
    assert len(board["cells"]) == (2 * 3 + 2) * 2 * (8 + 9 + 8)
    assert {
        "model": "mini",
        "recipe": "none",
        "target": "xnli",
        "language": "de",
        "seed": 0,
        "metric": "accuracy",
        "value": 100.0,
        "n": 6,
        "truncated": 1,
    } in board["cells"]


def test_task_scores_are_means_over_languages_and_seeds(board):
    baseline = _record(board, "mini", "none")["tasks"]
    assert baseline["xnli"]["value"] == 25  # 2 of 8 languages
    assert baseline["panx"]["value"] == pytest.approx(100 / 9, abs=1e-4)
    assert baseline["tatoeba"]["value"] == 100
    mixed = _record(board, "mini", "mixed")["tasks"]["panx"]
    assert mixed["seeds"] == {"0": pytest.approx(100 / 9, abs=1e-4), "1": 100}
    assert mixed["value"] == pytest.approx((100 / 9 + 100) / 2, abs=1e-4)


def test_transfer_gap_is_english_less_the_mean_of_all_other_languages(board):
    xnli = _record(board, "mini", "none")["tasks"]["xnli"]
    assert xnli["english"] == 100
    assert xnli["zero_shot"] == pytest.approx(100 / 7, abs=1e-4)
    assert xnli["gap"] == pytest.approx(600 / 7, abs=1e-4)
    tatoeba = _record(board, "mini", "none")["tasks"]["tatoeba"]
    assert (tatoeba["english"], tatoeba["zero_shot"], tatoeba["gap"]) == (None, 100, None)


def test_groups_and_average_are_means_of_task_scores(board):
    record = _record(board, "mini", "mnli")
    assert record["groups"]["classification"]["value"] == 100
    assert record["average"]["tasks"] == list(TARGETS)
    assert record["average"]["value"] == pytest.approx((100 + 100 / 9 + 0) / 3, abs=1e-4)


def test_averages_agree_with_the_benchmark_script(board):
    languages = {task: languages_of(task) for task in TARGETS}
    for record in board["summary"]:
        values = {task: scores["languages"] for task, scores in record["tasks"].items()}
        official = benchmark_score(values, board["groups"], languages)
        assert record["average"]["value"] == pytest.approx(official.overall, abs=1e-4)
        found = {group: mean["value"] for group, mean in record["groups"].items()}
        assert found == pytest.approx(official.groups, abs=1e-4)


def test_differences_are_to_the_baseline_of_the_same_model(board):
    mini, other = _record(board, "mini", "mnli"), _record(board, "other", "mnli")
    assert mini["tasks"]["xnli"]["delta"]["value"] == 75
    assert mini["tasks"]["tatoeba"]["delta"] == {
        "value": -100,
        "low": -100,
        "high": -100,
        "levels": ["items", "languages", "seeds"],
        "p": 0.0002,
        "confidence": 0.95,
        "direction": -1,
        "p_holm": 0.0012,
    }
    assert other["tasks"]["tatoeba"]["delta"]["value"] == 0
    assert mini["average"]["delta"]["value"] == pytest.approx(-25 / 3, abs=1e-4)
    assert mini["groups"]["retrieval"]["delta"]["direction"] == -1
    assert _record(board, "mini", "none")["average"]["delta"] is None


def test_intervals_hold_their_value(board):
    for record in board["summary"]:
        for part in (*record["tasks"].values(), *record["groups"].values(), record["average"]):
            if part["delta"]:
                assert part["delta"]["low"] <= part["delta"]["value"] <= part["delta"]["high"]


def test_statistics_compare_models_languages_and_rankings(board):
    found = board["statistics"]
    gains = {(own["recipe"], own["model"], own["other"]): own for own in found["models"]}
    assert list(gains) == [("mnli", "mini", "other"), ("mixed", "mini", "other")]
    assert gains["mnli", "mini", "other"]["value"] == pytest.approx(-100 / 3, abs=1e-4)
    assert gains["mnli", "mini", "other"]["direction"] == -1
    groups = {(own["model"], own["recipe"], own["group"]): own for own in found["languages"]}
    unseen = groups["other", "mnli", "unseen"]["value"]  # xnli: 6 of 7 against none; panx: nothing
    assert unseen == pytest.approx(600 / 7 / 2, abs=1e-4)
    rankings = {(own["model"], own["by"]): own for own in found["hierarchy"]}
    assert set(rankings) == {(m, by) for m in ("mini", "other") for by in JUDGES}
    assert rankings["mini", "task"]["judges"] == list(TARGETS)
    ranks = rankings["mini", "task"]["ranks"]
    assert ranks["mnli"]["value"] == pytest.approx((1 + 2.5 + 3) / 3, abs=1e-4)
    assert [note["seeds"] for note in found["power"]] == [2, 2]


def test_languages_of_the_intermediate_training_are_no_unseen_ones(study):
    params, root = study
    header = params["study"] | {"languages": {"mnli": ["de", "bg"]}}  # nothing is tested in bg
    found = compare_runs(header, read_cells(params, evaluations(root))).statistics["languages"]
    unseen = {own["recipe"]: own for own in found
              if (own["model"], own["group"]) == ("other", "unseen")}  # fmt: skip
    assert unseen["mnli"]["seen"] == ["en", "de"]
    assert unseen["mnli"]["value"] == pytest.approx(100 / 3)  # xnli: the 6 others; else nothing
    assert unseen["mixed"]["seen"] == ["en"]
    assert {tuple(own["seen"]) for own in found if own["recipe"] == "mnli"} == {("en", "de")}


def test_p_values_are_corrected_for_their_family(board):
    mini = [record for record in board["summary"] if record["model"] == "mini"]
    deltas = [own["delta"] for r in mini for own in r["tasks"].values() if own["delta"]]
    assert len(deltas) == 2 * 3
    smallest = min(deltas, key=lambda delta: delta["p"])
    assert smallest["p_holm"] == pytest.approx(min(1, 6 * smallest["p"]), abs=1e-3)
    assert all(delta["p_holm"] >= delta["p"] for delta in deltas)


def test_controls_are_shown_and_never_compared(board):
    control = _record(board, "mini-untrained", "none")
    assert control["control_of"] == "mini"
    assert control["average"]["delta"] is None
    assert _record(board, "mini", "none")["control_of"] is None


def test_shortcuts_stand_beside_model_and_control(board):
    rows = {(r["task"], r["model"], r["setting"]): r for r in board["shortcuts"]}
    assert len(rows) == len(board["shortcuts"]) == 2 * 2 * 2  # tatoeba has no baselines here
    assert rows["xnli", "mini", "english"] == {
        "task": "xnli",
        "model": "mini",
        "recipe": "none",
        "setting": "english",
        "value": 100,
        "shortcut": "word-overlap",
        "shortcut_value": 45,
        "lead_over_shortcut": 55,
        "clear_of_shortcut": True,
        "untrained_value": 0,
        "lead_over_untrained": 100,
        "clear_of_untrained": True,
    }
    behind = rows["xnli", "mini", "zero_shot"]
    assert behind["lead_over_shortcut"] == pytest.approx(100 / 7 - 45, abs=1e-4)
    assert behind["clear_of_shortcut"] is False


def test_provenance_names_training_sets_times_and_versions(board):
    provenance = board["provenance"]
    assert provenance["training"]["targets"]["xnli"]["task"] == "mnli"
    assert provenance["training"]["targets"]["xnli"]["rows"] == 2000
    assert provenance["training"]["targets"]["xnli"]["truncated"] == 3
    assert provenance["training"]["targets"]["tatoeba"] is None
    assert [s["task"] for s in provenance["training"]["recipes"]["mixed"]] == ["mnli", "squad"]
    assert provenance["training"]["recipes"]["none"] == []
    assert provenance["data"]["panx"]["panx/train/en.arrow"]["sha256"] == "0" * 64
    assert provenance["seconds"]["finetune@mini-mnli-panx-1"] == 12.5
    assert provenance["seconds"]["intermediate@other-mixed-0"] == 30
    assert provenance["seconds"]["evaluate@mini-none-xnli-0"] == 2
    assert {"python", "xstilts", "torch"} <= provenance["libraries"].keys()


def test_trainings_behind_a_model_are_known_without_the_models(tmp_path):
    """No folder of data or models is there: in a pod publish has the evaluations alone."""
    params = write_study(
        tmp_path, _all_or_nothing, recipes={"none": [], "mnli": ["mnli"]}, targets=("xnli",)
    )
    publish(params, evaluations(tmp_path), tmp_path / "results", tmp_path)
    found = read_json(tmp_path / "results" / "scores.json")["provenance"]
    assert found["seconds"]["intermediate@mini-mnli-0"] == 30
    assert "intermediate@mini-none-0" not in found["seconds"]
    assert found["training"]["recipes"]["mnli"][0]["rows"] == 2000


def test_an_image_knows_its_revision_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("XSTILTS_REVISION", "abc123-dirty")
    assert code_revision(tmp_path) == {"revision": "abc123", "dirty": True}


def test_publishing_twice_gives_the_same_bytes(study, tmp_path):
    params, root = study
    publish(params, evaluations(root), tmp_path / "again", root)
    assert sha256(tmp_path / "again") == sha256(root / "results")


def _copied(study, tmp_path):
    params, root = study
    shutil.copytree(evaluations(root), tmp_path / "cells")
    return json.loads(json.dumps(params)), tmp_path / "cells"


def test_missing_evaluations_are_all_named_with_their_stage(study, tmp_path):
    params, cells = _copied(study, tmp_path)
    shutil.rmtree(cells / "mini-mnli-xnli-1")
    (cells / "other-none-panx-0" / "items.parquet").unlink()
    with pytest.raises(UserError) as error:
        publish(params, cells, tmp_path / "results", study[1])
    assert [p for p in error.value.problems if "dvc repro evaluate@mini-mnli-xnli-1" in p]
    assert [p for p in error.value.problems if "evaluate@other-none-panx-0" in p]
    assert len(error.value.problems) == 5  # the removed cell lacks four files


def test_a_combination_without_a_cell_is_refused(study, tmp_path):
    params, cells = _copied(study, tmp_path)
    params["publish"]["cells"].remove("mini-mixed-tatoeba-1")
    with pytest.raises(UserError, match="recipe mixed, target tatoeba, seed 1"):
        publish(params, cells, tmp_path / "results", study[1])


def test_missing_shortcuts_are_refused(study, tmp_path):
    params, cells = _copied(study, tmp_path)
    (cells / "shortcuts-xnli" / "scores.json").unlink()
    with pytest.raises(UserError, match="dvc repro shortcuts@xnli"):
        publish(params, cells, tmp_path / "results", study[1])


def test_a_failure_leaves_the_old_results_alone(study, tmp_path):
    params, cells = _copied(study, tmp_path)
    results = tmp_path / "out" / "results"
    results.mkdir(parents=True)
    (results / "scores.json").write_text("old")
    shutil.rmtree(cells / "mini-none-xnli-0" / "predictions")
    with pytest.raises(UserError, match="evaluate@mini-none-xnli-0"):
        publish(params, cells, results, study[1])
    assert [path.name for path in results.parent.iterdir()] == ["results"]
    assert (results / "scores.json").read_text() == "old"


def test_code_revision_tells_a_clean_checkout_from_a_changed_one(tmp_path):
    assert code_revision(tmp_path) == {"revision": None, "dirty": None}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (tmp_path / "file").write_text("one")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    found = code_revision(tmp_path)
    assert len(found["revision"]) == 40
    assert found["dirty"] is False
    (tmp_path / "file").write_text("two")
    assert code_revision(tmp_path) == found | {"dirty": True}


def _chain(*trained):
    """`training.json` of a model that was trained on these tasks, the last one first."""
    if not trained:
        return None
    kept = {"features": 9, "truncated_train": 1, "dev_rows": 3, "truncated_dev": 0}
    task, *before = trained
    own = {"tasks": {task: kept}, "seconds": float(len(trained)), "data": f"data/{task}"}
    return own | {"sources": {}, "before": _chain(*before)}


def _cell(folder, target, *trained):
    scores = {"model": "mini", "recipe": "mnli", "target": target, "seed": 0, "seconds": 0.5}
    scores |= {"metric": "accuracy", "languages": {"tr": {"value": 50.0, "n": 2}}}
    own = {"data": {"files": {}}, "training": _chain(*trained)}
    path = folder / f"mini-mnli-{target}-0"
    (path / "predictions").mkdir(parents=True)
    (path / "items.parquet").touch()
    (path / "examples.json").touch()
    (path / "scores.json").write_text(json.dumps(scores | {"provenance": own}))
    return path.name


def test_what_a_benchmark_trains_on_before_a_target_is_no_intermediate_task(tmp_path):
    """XTREME-R: SIQA, then COPA for XCOPA; SQuAD for the encoder that embeds Tatoeba."""
    keys = [
        _cell(tmp_path, "xcopa", "copa", "siqa", "mnli"),
        _cell(tmp_path, "tatoeba", "squad", "mnli"),
    ]
    header = {
        "name": "s",
        "benchmark": "xtreme-r",
        "models": ["mini"],
        "recipes": {"mnli": ["mnli"]},
    }
    header |= {"targets": ["xcopa", "tatoeba"], "seeds": [0], "controls": []}
    params = {"study": header, "publish": {"cells": keys, "shortcuts": []}}
    xcopa, tatoeba = cells = read_cells(params, tmp_path)
    assert (xcopa.tuned_on, tatoeba.tuned_on) == (("copa", "siqa"), ("squad",))
    times = wall_times(header, cells)
    assert {stage: seconds for stage, seconds in times.items() if "evaluate" not in stage} == {
        "intermediate@mini-mnli-0": 1,
        "finetune@mini-mnli-copa-0": 3,
        "finetune@mini-mnli-siqa-0": 2,
        "finetune@mini-mnli-squad-0": 2,
    }
    sources = target_sources(cells, {})
    assert sources["xcopa"]["task"] == "copa"
    assert [source["task"] for source in sources["xcopa"]["before"]] == ["siqa"]
    assert sources["tatoeba"]["task"] == "squad"

"""Recipes of several tasks: a batch size of each, and text that goes along with them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_models import tiny_backbone
from whole_way import study_with_text

from xstilts.data.canonical import data_path, rows
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.models.backbones import BACKBONES
from xstilts.study.check import checked
from xstilts.study.devices import DEVICES
from xstilts.study.estimate import stage_cost
from xstilts.study.page import text_page
from xstilts.study.plan import stages
from xstilts.study.record import parse_study
from xstilts.study.resolve import resolve
from xstilts.study.rows import assumed
from xstilts.study.rows import rows as planned_rows
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS
from xstilts.training.run import run_training

STUDY = """\
name: mixed
question: Does text help?
source: {source}
models: [xlm-roberta-base]
recipes: {recipes}
baseline: none
targets: [xnli]
seeds: [0]
sizes: {{train: 100, dev: 10, test: 10}}
"""


def resolved(recipe: str, more: str = "", source: str = "hub") -> dict[str, Any]:
    """The params of a study with one recipe besides `none`."""
    recipes = f"{{none: [], mixed: {recipe}}}"
    page = text_page(STUDY.format(source=source, recipes=recipes) + more, "mixed")
    return resolve(checked(page, parse_study(page, tuple(BACKBONES))))


def intermediate(params: dict[str, Any]) -> dict[str, Any]:
    [entry] = params["intermediate"].values()
    return entry


def batches(entry: dict[str, Any]) -> dict[str, int | None]:
    return {task["name"]: task["hparams"].get("batch_size") for task in entry["tasks"]}


PAPER = "[anli_plus, qqp, hellaswag, ccg, cosmos_qa, commonsense_qa]"


def test_every_task_of_a_mixture_has_batches_of_its_own_size():
    entry = intermediate(resolved(f"{{tasks: {PAPER}, epochs: 3}}"))
    assert batches(entry) == {
        "anli_plus": 24, "qqp": 24, "hellaswag": 24, "ccg": 24, "cosmos_qa": 4, "commonsense_qa": 4,
    }  # fmt: skip
    assert "batch_size" not in entry["training"]
    assert (entry["training"]["epochs"], entry["training"]["learning_rate"]) == (3, 1e-5)


def test_batches_and_epochs_are_those_of_the_paper(shared):
    facts = yaml.safe_load((shared / "facts" / "tasks.yaml").read_text(encoding="utf-8"))
    paper = facts["intermediate_hparams"]["phang_v1_paper"]
    given = dict(paper["batch_size_epochs"])
    assert given.pop("multitask") == {"batch": "mixed (per task)", "epochs": 3}
    assert given.pop("mlm")["batch"] == TASKS["wikipedia"].hparams.batch_size
    given["squad"] = given.pop("squad_v1")
    ours = {name: TASKS[name].hparams for name in given}
    assert {n: {"batch": own.batch_size, "epochs": own.epochs} for n, own in ours.items()} == given
    assert {own.learning_rate for own in ours.values()} == {paper["learning_rate"]}


def test_a_task_of_a_study_can_have_another_size():
    entry = intermediate(resolved("[mnli, snli]", "tasks: {snli: {batch_size: 8}}\n"))
    assert batches(entry) == {"mnli": 24, "snli": 8}


@pytest.mark.parametrize(
    ("recipe", "more", "size"),
    [
        ("[mnli]", "", 24),
        ("[mnli, snli]", "", 24),
        ("{tasks: [hellaswag, cosmos_qa], epochs: 5, batch_size: 16}", "", 16),
        ("{tasks: [mnli, squad], epochs: 2}", "training: {batch_size: 32}\n", 32),
    ],
)
def test_what_all_tasks_share_stands_once(recipe, more, size):
    entry = intermediate(resolved(recipe, more))
    assert entry["training"]["batch_size"] == size
    assert set(batches(entry).values()) == {None}


def test_text_goes_along_with_the_settings_of_the_task_that_it_is_mixed_with():
    params = resolved("{tasks: [wikipedia, mnli], learning_rate: 5.0e-6}")
    entry = intermediate(params)
    assert batches(entry) == {"wikipedia": 8, "mnli": 24}
    training = entry["training"]
    assert (training["learning_rate"], training["epochs"]) == (5e-6, TASKS["mnli"].hparams.epochs)
    text, task = entry["tasks"]
    assert tuple(text["languages"]) == TASKS["wikipedia"].languages
    assert task["languages"] == ["en"]
    [item, other] = params["prepare"]["mixed"]["tasks"]
    assert item["splits"] == {"train": list(TASKS["wikipedia"].languages)}
    assert item["task"]["sampling"] == {"total": 2_000_000, "exponent": 0.3}
    assert set(other["splits"]) == {"train", "dev"}
    assert Task.from_dict(item["task"]).sampling == TASKS["wikipedia"].sampling


def test_the_languages_of_a_study_restrict_its_text():
    recipe = "{tasks: [mnli, wikipedia]}"
    params = resolved(recipe, "languages: [de, en, sw]\n")
    assert params["prepare"]["mixed"]["tasks"][1]["splits"]["train"] == ["de", "en", "sw"]
    params = resolved(recipe, "tasks: {wikipedia: {languages: [sw, th]}}\n")
    assert params["prepare"]["mixed"]["tasks"][1]["splits"]["train"] == ["sw", "th"]


@pytest.mark.parametrize(
    ("recipe", "more", "said"),
    [
        ("[wikipedia]", "", "wikipedia alone cannot be a recipe: text has no dev score to select"),
        ("[mnli, wikipedia]", "tasks: {xnli: {train_from: wikipedia}}\n",
         "xnli cannot be trained from wikipedia: they differ in format"),
        ("[mnli, wikipedia]", "tasks: {wikipedia: {epochs: 5, batch_size: 4}}\n",
         "epochs of wikipedia has no effect"),
        ("[squad, hellaswag, wikipedia]", "",
         "they differ in epochs (squad 3, hellaswag 7): set epochs under recipes.mixed"),
    ],
)  # fmt: skip
def test_text_that_cannot_be_trained_on_so_is_refused(recipe, more, said):
    with pytest.raises(UserError) as error:
        resolved(recipe, more)
    assert any(said in problem for problem in error.value.problems), error.value.problems


def test_text_is_no_target():
    page = STUDY.format(source="hub", recipes="{none: []}").replace("[xnli]", "[wikipedia]")
    read = text_page(page, "mixed")
    study = parse_study(read, tuple(BACKBONES))
    with pytest.raises(UserError, match="wikipedia cannot be a target: text is never scored"):
        checked(read, study)


def test_the_rows_of_text_are_the_total_of_its_corpus():
    params = resolved("{tasks: [mnli, wikipedia]}")
    assert planned_rows(params, "data/mixed", "wikipedia", "train") == 2_000_000
    assert "wikipedia" not in assumed(params)
    world = resolved("{tasks: [mnli, wikipedia]}", source="world")
    spoken = len(world["prepare"]["mixed"]["tasks"][1]["splits"]["train"])
    assert planned_rows(world, "data/mixed", "wikipedia", "train") == 100 * spoken


def test_smaller_batches_of_a_task_make_more_steps_and_cost_more():
    def cost(more: str) -> float:
        params = resolved("[mnli, snli]", more)
        [stage] = [stage for stage in stages(params) if stage.phase == "intermediate"]
        return stage_cost(params, stage, DEVICES["A100"]).seconds

    assert cost("tasks: {snli: {batch_size: 12}}\n") > cost("")
    assert cost("tasks: {snli: {batch_size: 24}}\n") == cost("")


def test_a_mixture_trains_with_the_batches_of_its_tasks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = resolve(study_with_text("wikipedia"))
    prepare(params["prepare"]["mixed"], Path("data/mixed"))
    tiny_backbone(Path("models/backbone/mini-encoder"))
    entry = intermediate(params)
    del entry["training"]["batch_size"]
    entry["training"] |= {"max_steps": None, "epochs": 3}
    text, task = (next(t for t in entry["tasks"] if t["name"] == n) for n in ("wikipedia", "mnli"))
    text["hparams"]["batch_size"], task["hparams"]["batch_size"] = 4, 12
    run_training(entry, Path("out"))
    summary = read_json(Path("out/training.json"))
    assert {name: own["batch_size"] for name, own in summary["tasks"].items()} == {
        "wikipedia": 4, "mnli": 12,
    }  # fmt: skip
    sentences = sum(
        len(rows(data_path(Path("data/mixed"), "wikipedia", "train", lang)))
        for lang in text["languages"]
    )
    assert summary["steps"] == pytest.approx(3 * (sentences / 4 + 24 / 12), rel=0.15)

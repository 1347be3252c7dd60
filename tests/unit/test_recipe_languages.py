"""Recipes in other languages than English, from a source that has them or from translations."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mirrors
import pytest
import yaml
from tiny_models import tiny_backbone
from whole_way import go, study_of

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.check import findings
from xstilts.data.commands import study_items
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.study.check import read_study
from xstilts.study.devices import DEVICES
from xstilts.study.estimate import stage_cost
from xstilts.study.plan import output, stages
from xstilts.study.record import Recipe, Study
from xstilts.study.resolve import resolve
from xstilts.tasks.record import Task
from xstilts.training.run import drawn, run_training
from xstilts.world import hub_rows

STUDY: dict[str, Any] = {
    "name": "small",
    "question": "Does the source language matter?",
    "source": "world",
    "models": ["mini-encoder"],
    "recipes": {
        "none": [],
        "xnli": ["xnli"],
        "xnli_de": {"tasks": ["xnli"], "languages": ["de"]},
        "xnli_two": {"tasks": ["xnli"], "languages": ["en", "ru"]},
    },
    "baseline": "none",
    "targets": ["xnli"],
    "languages": ["en", "de", "sw"],
    "seeds": [0],
    "sizes": {"train": 40, "dev": 8, "test": 8},
    "training": {"learning_rate": 1e-3, "epochs": 1, "batch_size": 8, "evals": 1},
}


def study(folder: Path, **fields: Any) -> Study:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(STUDY | fields), encoding="utf-8")
    return read_study(path)


def complaints(folder: Path, **fields: Any) -> list[str]:
    with pytest.raises(UserError) as raised:
        study(folder, **fields)
    return [problem.partition("small.yaml, ")[2] for problem in raised.value.problems]


def translate(folder: Path, task: str, lang: str, **sizes: int) -> None:
    """Rows of the world's MNLI in a language, as a translator leaves them."""
    place = folder / task / lang
    place.mkdir(parents=True)
    for split, size in sizes.items():
        rows, _ = hub_rows("facebook/xnli", lang, "train", size, 1 + len(split))
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (place / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def translated(folder: Path, *langs: str, **fields: Any) -> Study:
    """A study of MNLI in languages that only a folder of translations has."""
    for lang in langs:
        translate(folder / "ours", "mnli", lang, train=40, dev=8)
    recipes = {"none": [], "mnli_x": {"tasks": ["mnli"], "languages": [*langs]}}
    return study(folder, **({"recipes": recipes, "translations": str(folder / "ours")} | fields))


def test_a_recipe_in_other_languages_has_a_data_set_of_its_own(tmp_path):
    params = resolve(study(tmp_path))
    assert list(params["prepare"]) == ["xnli", "xnli_de", "xnli_two", "mnli"]
    assert params["prepare"]["xnli"]["tasks"][0]["splits"]["train"] == ["en"]
    [part] = params["prepare"]["xnli_two"]["tasks"]
    assert part["splits"] == {"train": ["en", "ru"], "dev": ["en", "ru"]}
    assert part["task"]["languages"] == ["en", "ru"]  # also what the study does not evaluate
    entry = params["intermediate"]["mini-encoder-xnli_two-0"]
    assert entry["data"] == "data/xnli_two"
    assert [task["languages"] for task in entry["tasks"]] == [["en", "ru"]]
    assert params["study"]["languages"] == {"xnli_de": ["de"], "xnli_two": ["en", "ru"]}
    assert [task["languages"] for task in map(_task, params["finetune"].values())] == [["en"]] * 4


def _task(entry: dict[str, Any]) -> dict[str, Any]:
    return dict(entry["task"])


def test_english_recipes_are_written_as_ever(tmp_path):
    params = resolve(study(tmp_path, recipes={"none": [], "mnli": ["mnli"]}))
    assert "languages" not in params["study"]
    assert params["intermediate"]["mini-encoder-mnli-0"]["data"] == "data/mnli"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"recipes": {"none": [], "a": {"tasks": ["germanquad"]}}},
         "germanquad has no en in the world; its languages there are de: write languages: [...] "
         "under recipes.a"),
        ({"recipes": {"none": [], "a": {"tasks": ["mnli"], "languages": ["de", "ru"]}}},
         "mnli has no de, ru in the world; its languages there are en"),
        ({"recipes": {"none": [], "a": {"tasks": ["xnli"], "languages": ["bg"]}}},
         "xnli has no bg in the world; its languages there are ar, de, en"),
        ({"recipes": {"none": [], "xnli": {"tasks": ["xnli"], "languages": ["de"]}}},
         "the recipe xnli has the name of a task; rename it."),
        ({"recipes": {"none": [], "a": {"tasks": ["xnli"], "languages": []}}},
         "recipes.a.languages is empty"),
        ({"recipes": {"none": [], "a": {"tasks": ["xnli"], "languages": ["xx"]}}},
         "unknown language 'xx'"),
        ({"recipes": {"none": {"tasks": [], "languages": ["de"]}}},
         "none has no task, so its languages have no effect"),
        ({"translations": "no/such/folder"}, "no recipe needs a translation"),
        ({"recipes": {"none": [], "a": {"tasks": ["mnli"], "languages": ["de"]}},
          "translations": "no/such/folder"}, "the translations no/such/folder are no folder"),
        ({"training": {"train_limit": 0}}, "train_limit must be at least 1, not 0."),
        ({"targets": ["xquad"], "tasks": {"xquad": {"train_from": "germanquad"}}},
         "xquad cannot be trained from germanquad, which is in de: models are fine-tuned"),
        ({"targets": ["pawsx"],
          "tasks": {"pawsx": {"source": {"splits": {"train": "test[:50%]", "dev": "validation",
                                                    "test": "test[40%:]"}}}}},
         "train of pawsx (test[:50%]) holds rows of its test (test[40%:])"),
    ],
)  # fmt: skip
def test_one_mistake(tmp_path, fields, complaint):
    assert any(complaint in found for found in complaints(tmp_path, **fields))


def test_slices_that_share_no_row_may_stand_side_by_side(tmp_path):
    splits = {"train": "test[:50%]", "dev": "validation", "test": "test[50%:]"}
    tasks = {"pawsx": {"source": {"splits": splits}}}
    assert study(tmp_path, targets=["pawsx"], tasks=tasks).targets == ("pawsx",)


# --- rows


def test_translations_of_the_world_say_the_same_in_every_language(tmp_path):
    params = resolve(study(tmp_path))
    for name in ("xnli_de", "xnli_two"):
        prepare(params["prepare"][name], tmp_path / name)
    rows = {
        lang: canonical.rows(data_path(tmp_path / name, "xnli", "train", lang))
        for name, lang in (("xnli_de", "de"), ("xnli_two", "en"), ("xnli_two", "ru"))
    }
    labels = {lang: [row["label"] for row in own] for lang, own in rows.items()}
    assert labels["de"] == labels["en"] == labels["ru"]
    assert len({own[0]["text_a"] for own in rows.values()}) == 3
    files = read_json(tmp_path / "xnli_two" / "provenance.json")["files"]
    assert sorted(files) == [
        f"xnli/{split}/{lang}.arrow" for split in ("dev", "train") for lang in ("en", "ru")
    ]


def test_a_limit_draws_the_same_rows_in_every_language():
    assert drawn(392_702, 1000, 3) == drawn(392_702, 1000, 3)
    found = drawn(100, 10, 3)
    assert len(set(found)) == 10
    assert found == sorted(found)
    assert set(found) <= set(range(100))
    assert found != drawn(100, 10, 4)
    assert drawn(10, 10, 0) == drawn(10, None, 0) == drawn(10, 99, 0) == list(range(10))


def test_training_in_several_languages_selects_on_the_mean_of_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    limited = STUDY["training"] | {"train_limit": 16}
    params = resolve(study(tmp_path, training=limited))
    tiny_backbone(Path("models/backbone/mini-encoder"))
    summaries = {}
    for recipe in ("xnli", "xnli_de", "xnli_two"):
        prepare(params["prepare"][recipe], output("prepare", recipe, params))
        key = f"mini-encoder-{recipe}-0"
        run_training(params["intermediate"][key], output("intermediate", key, params))
        summaries[recipe] = read_json(output("intermediate", key, params) / "training.json")
    kept = {recipe: own["tasks"]["xnli"] for recipe, own in summaries.items()}
    assert {r: own["features"] for r, own in kept.items()} == {
        "xnli": 16, "xnli_de": 16, "xnli_two": 32,
    }  # fmt: skip
    assert {r: own["dev_rows"] for r, own in kept.items()} == {
        "xnli": 8, "xnli_de": 8, "xnli_two": 16,
    }  # fmt: skip
    assert kept["xnli_two"]["languages"] == ["en", "ru"]
    assert kept["xnli_de"]["languages"] == ["de"]


def test_the_dev_score_is_the_mean_over_languages(tmp_path, monkeypatch):
    from xstilts.evaluation import score as module

    asked = []

    def scripted(task: Task, language: str, found: list[Any], rows: list[Any]) -> Any:
        asked.append((task.name, language, len(found), len(rows)))
        return replace(real(task, language, found, rows), value={"en": 80.0, "ru": 20.0}[language])

    real = module.score
    monkeypatch.setattr(module, "score", scripted)
    monkeypatch.chdir(tmp_path)
    params = resolve(study(tmp_path))
    tiny_backbone(Path("models/backbone/mini-encoder"))
    prepare(params["prepare"]["xnli_two"], Path("data/xnli_two"))
    run_training(params["intermediate"]["mini-encoder-xnli_two-0"], Path("out"))
    assert asked == [("xnli", "en", 8, 8), ("xnli", "ru", 8, 8)]
    assert read_json(Path("out/training.json"))["dev_score"] == 50.0


def test_fine_tuning_in_another_language_is_refused(tmp_path):
    params = resolve(study(tmp_path))
    entry = next(iter(params["finetune"].values()))
    entry["task"]["languages"] = ["en", "de"]
    with pytest.raises(UserError, match="mnli would be fine-tuned in en, de: fine-tuning and its"):
        run_training(entry, tmp_path / "out")


# --- a user's folder


def test_a_folder_of_translations_is_read_like_any_source(tmp_path):
    translate(tmp_path / "ours", "mnli", "en", train=50, dev=8)
    params = resolve(translated(tmp_path, "de", "sw"))
    entry = params["prepare"]["mnli_x"]
    assert entry["needs"] == str(tmp_path / "ours")
    prepare(entry, tmp_path / "data")
    rows = canonical.rows(data_path(tmp_path / "data", "mnli", "train", "sw"))
    assert len(rows) == 40
    about = read_json(tmp_path / "data" / "provenance.json")["files"]["mnli/train/sw.arrow"]
    assert (about["source"], about["hub"], about["config"]) == (
        "translations", "translations/mnli", "sw",
    )  # fmt: skip
    assert about["notes"] == [
        f"read from the folder of translations {tmp_path / 'ours'}",
        "the translations of train differ in their number of rows (de 40, sw 40, en 50): they are "
        "not parallel, and train_limit draws other rows in each language",
    ]
    assert [stage.name for stage in stages(params)][:1] == ["prepare@mnli_x"]


def test_the_columns_are_those_of_the_tasks_own_source(tmp_path):
    prepared = resolve(translated(tmp_path, "de"))["prepare"]["mnli_x"]
    folder = tmp_path / "ours" / "mnli" / "de"
    for row, complaint in (
        ({"premisse": "a", "hypothesis": "b", "label": 0}, ": no column premise"),
        ({"premise": "a", "hypothesis": "b", "label": 7}, ", row 0, field label: label 7"),
    ):
        for split in ("train", "dev"):
            (folder / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
        with pytest.raises(UserError) as raised:
            prepare(prepared, tmp_path / "data")
        first, second = raised.value.problems
        assert f"{folder}/train.jsonl (mnli/de, config default, split train){complaint}" in first
        assert f"{folder}/dev.jsonl (mnli/de, config default, split validation)" in second


@pytest.mark.parametrize("ending", ["parquet", "csv", "tsv"])
def test_other_kinds_of_files_are_read_as_well(tmp_path, ending):
    import pandas

    prepared = resolve(translated(tmp_path, "de"))["prepare"]["mnli_x"]
    prepare(prepared, tmp_path / "before")
    for path in (tmp_path / "ours" / "mnli" / "de").glob("*.jsonl"):
        table = pandas.read_json(path, lines=True)
        other = path.with_suffix(f".{ending}")
        if ending == "parquet":
            table.to_parquet(other)
        else:
            table.to_csv(other, index=False, sep="," if ending == "csv" else "\t")
        path.unlink()
    prepare(prepared, tmp_path / "after")
    one, other = (data_path(tmp_path / d, "mnli", "dev", "de") for d in ("before", "after"))
    assert canonical.rows(one) == canonical.rows(other)


def test_all_missing_files_are_named_at_once(tmp_path):
    translate(tmp_path / "ours", "mnli", "de", train=4)
    (tmp_path / "ours" / "mnli" / "de" / "train.csv").write_text("a\n")
    recipes = {
        "none": [],
        "one": {"tasks": ["mnli"], "languages": ["de"]},
        "two": {"tasks": ["mnli"], "languages": ["en", "de"]},
        "three": {"tasks": ["squad"], "languages": ["ru"]},
    }
    ours = str(tmp_path / "ours")
    found = complaints(tmp_path, recipes=recipes, translations=ours, seeds=[])
    assert len({text.partition(":")[0] for text in found}) >= 4  # lines
    for text in (
        f"{ours}/mnli/de has no dev.jsonl, which this recipe needs: put",
        f"{ours}/mnli/de holds train.jsonl and train.csv: keep one of them.",
        f"{ours}/mnli/en has no train.jsonl and dev.jsonl, which this recipe needs (all rows of",
        f"{ours}/squad/ru has no train.jsonl and dev.jsonl",
        "seeds is empty",
    ):
        assert any(text in complaint for complaint in found), text


def test_text_of_the_source_goes_with_no_translation(tmp_path):
    recipes = {"none": [], "a": {"tasks": ["mnli", "wikipedia"], "languages": ["de"]}}
    translate(tmp_path / "ours", "mnli", "de", train=4, dev=4)
    [found] = complaints(tmp_path, recipes=recipes, translations=str(tmp_path / "ours"))
    assert "a mixes wikipedia of the world with translations" in found


def test_text_trains_in_the_languages_of_the_study_whatever_the_recipes(tmp_path):
    recipes = {"none": [], "a": {"tasks": ["xnli", "wikipedia"], "languages": ["ru"]}}
    params = resolve(study(tmp_path, recipes=recipes))
    parts = {item["task"]["name"]: item["splits"] for item in params["prepare"]["a"]["tasks"]}
    assert parts["xnli"] == {"train": ["ru"], "dev": ["ru"]}
    assert sorted(parts["wikipedia"]["train"]) == ["de", "en", "sw"]
    tasks = params["intermediate"]["mini-encoder-a-0"]["tasks"]
    assert [sorted(task["languages"]) for task in tasks] == [["ru"], ["de", "en", "sw"]]


def test_the_check_of_the_data_reads_the_translations_too(tmp_path):
    found = translated(tmp_path, "de")
    items = {(item["task"]["name"], item["source"]["kind"]) for item in study_items(found)}
    assert items == {("mnli", "translations"), ("mnli", "world"), ("xnli", "world")}
    rows = {(f.task, f.split, lang): n for f in findings(study_items(found)) for lang, n in
            f.rows.items() if not f.problems}  # fmt: skip
    assert rows["mnli", "train", "de"] == 40
    assert rows["xnli", "test", "sw"] == 8


def test_a_pod_has_no_folder(tmp_path):
    from components.plan.studies import read_study as read_in_pod

    recipes = {"none": [], "mnli_x": {"tasks": ["mnli"], "languages": ["de"]}}
    text = yaml.safe_dump(STUDY | {"recipes": recipes, "translations": "/ours", "seeds": []})
    with pytest.raises(UserError) as raised:
        read_in_pod(text, "", "", tmp_path)
    found = raised.value.problems
    assert len(found) == 2
    assert any("the translations /ours are a folder, which a pod does not have" in f for f in found)
    assert any("seeds is empty" in f for f in found)


def test_the_report_says_which_languages_a_recipe_saw(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipes = {"xnli_x": Recipe(tasks=("xnli",), languages=("de", "ru"))}
    few = study_of("xnli").training | {"train_limit": 20}
    go(study_of("xnli", recipes=recipes, baseline="xnli_x", intermediate=few))
    board = read_json(Path("results/whole-way/scores.json"))
    found = board["provenance"]["training"]["recipes"]["xnli_x"]
    told = [(own["task"], own["language"], own["rows"], own["trained"]) for own in found]
    assert told == [("xnli", "de", 24, 20), ("xnli", "ru", 24, 20)]
    assert board["provenance"]["training"]["targets"]["xnli"]["trained"] == 24
    page = Path("results/whole-way/index.html").read_text(encoding="utf-8")
    assert "The intermediate training of xnli_x saw German, Russian: its scores in these" in page
    assert '<td>xnli in German</td><td class="n">20 of 24</td>' in page
    card = Path("results/whole-way/README.md").read_text(encoding="utf-8")
    assert "English alone; intermediate training was in German and Russian: other" in card


@pytest.mark.parametrize(
    ("task", "lang", "sizes"),
    [("tydiqa", "ko", {"train": 135, "dev": 15}), ("xnli", "de", {"train": 4, "dev": 2460})],
)
def test_training_rows_of_other_languages_load_from_the_mirror(task, lang, sizes, shared, tmp_path):
    wanted = {split: [lang] for split in sizes}
    prepare(mirrors.entry(shared / "hub", task, wanted), tmp_path)
    files = read_json(tmp_path / "provenance.json")["files"]
    found = {split: files[f"{task}/{split}/{lang}.arrow"]["rows"] for split in sizes}
    assert found == sizes


def test_the_estimate_knows_the_limit(tmp_path):
    hours = {}
    for limit in (None, 20, 40, 1000):
        params = resolve(study(tmp_path, training=STUDY["training"] | {"train_limit": limit}))
        plan = {stage.name: stage for stage in stages(params)}
        for name in ("xnli_de", "xnli_two"):
            stage = plan[f"intermediate@mini-encoder-{name}-0"]
            hours[name, limit] = stage_cost(params, stage, DEVICES["T4"]).seconds
    assert hours["xnli_de", None] == hours["xnli_de", 40] == hours["xnli_de", 1000]
    assert hours["xnli_de", 20] == pytest.approx(hours["xnli_de", None] / 2)
    assert hours["xnli_two", 20] == pytest.approx(hours["xnli_two", None] / 2)
    assert hours["xnli_two", 20] == pytest.approx(hours["xnli_de", 40])

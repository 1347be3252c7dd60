"""No row of a target in another language, and no test row, reaches fine-tuning or selection.

Every study of the project is walked in each of its profiles, and one whose recipes are in other
languages: what its stages are told, and what they read of the files that its prepare stages write.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.data.prepare import prepare
from xstilts.publish.board.statistics import seen_languages
from xstilts.study.check import find_study
from xstilts.study.plan import output
from xstilts.study.profiles import study_names, study_page
from xstilts.study.record import Study
from xstilts.study.resolve import resolve
from xstilts.study.zero_shot import seen_in_test
from xstilts.tasks import formats
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS
from xstilts.training import run
from xstilts.training.config import TrainConfig

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "pipelines" / "studies"
TEXT = "mlm"  # format: masked words in all languages, without labels
INVENTED = {
    "name": "invented",
    "question": "Does the source language matter?",
    "source": "world",
    "models": ["mini-encoder"],
    "recipes": {
        "none": [],
        "mnli": ["mnli"],
        "xnli_de": {"tasks": ["xnli"], "languages": ["de"]},
        "tydiqa_ru": {"tasks": ["tydiqa"], "languages": ["ru"]},
        "both": {"tasks": ["xnli", "pawsx"], "languages": ["en", "de", "zh"]},
        "german": {"tasks": ["germanquad"], "languages": ["de"]},
    },
    "baseline": "none",
    "targets": "all",
    "seeds": [0],
    "intermediate": {"batch_size": 8, "epochs": 1, "learning_rate": 1e-4},
    "sizes": {"train": 30, "dev": 10, "test": 10},
}
Params = dict[str, Any]
Row = tuple[str, ...]


@pytest.fixture(params=[*study_names(STUDIES), INVENTED["name"]])
def study(request, tmp_path) -> Study:
    """One study, small where the world makes its rows, on real rows where it needs a mirror."""
    name, folder = request.param, STUDIES
    if name == INVENTED["name"]:
        folder = tmp_path
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(INVENTED), encoding="utf-8")
    source = study_page(name, folder).value["source"]
    mirror = str(request.getfixturevalue("shared") / "hub") if "mirror" in str(source) else None
    # Backbones play no part here: those that are not shipped yet may be missing
    found = find_study(name, folder, mirror=mirror, from_scratch=source == "world")
    if found.source == "mirror":  # rows of English and one more language
        few = {
            name: replace(own, languages=_two(own.languages)) for name, own in found.tasks.items()
        }
        return replace(found, tasks=few)
    if found.source != "world":
        return found
    tasks = {name: replace(own, sizes={}) for name, own in found.tasks.items()}
    return replace(found, sizes=INVENTED["sizes"], tasks=tasks)


def _two(languages: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if languages is None:
        return None
    foreign = [lang for lang in languages if lang != "en"][:1]
    return tuple(lang for lang in languages if lang == "en" or lang in foreign)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Callable[[str, dict[str, Any]], Path]:
    """Prepare a data set, once for all studies that have the same."""
    folders: dict[str, Path] = {}

    def folder_of(name: str, entry: dict[str, Any]) -> Path:
        key = json.dumps(entry)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp(name)
            prepare(entry, folders[key])
        return folders[key]

    return folder_of


def test_profiles_are_walked_too():
    assert {"phang2020", "phang2020-mini"} < set(study_names(STUDIES))


def test_every_stage_is_told_english_but_where_a_recipe_says_more(study):
    params = resolve(study)
    assert params["finetune"]
    for entry in params["finetune"].values():
        assert entry["task"]["languages"] == ["en"]
        assert entry["data"] == f"data/{entry['task']['name']}"
    for key, entry in params["intermediate"].items():
        recipe = study.recipes[key.split("-")[-2]]
        for task in entry["tasks"]:
            wanted = task["languages"] if task["format"] == TEXT else list(recipe.languages)
            assert task["languages"] == wanted
    for name, data in params["prepare"].items():
        for item in data["tasks"]:
            assert prepared_to_train(item) <= allowed(study, name, item["task"])


def prepared_to_train(item: dict[str, Any]) -> set[str]:
    """Languages whose rows training could read in a data set."""
    return {lang for split in ("train", "dev") for lang in item["splits"].get(split, ())}


def allowed(study: Study, data: str, task: dict[str, Any]) -> set[str]:
    """Languages that may be there: mining tunes its threshold on dev, text has no labels."""
    if task["format"] in (TEXT, "mining") or data == "text":
        return set(task["languages"])
    recipe = study.recipes.get(data)
    return {"en", *recipe.languages} if recipe else {"en"}


def test_no_slice_that_is_trained_on_is_tested_on(study):
    params = resolve(study)
    for name, data in params["prepare"].items():
        for item in data["tasks"]:
            trained = [s for s in ("train", "dev") if s in item["splits"]]
            if trained and "test" in item["splits"] and item["task"]["format"] != "mining":
                shared = seen_in_test(Task.from_dict(item["task"]).source)
                assert not set(shared) & set(trained), name


def read_by_training(params: Params, monkeypatch) -> dict[str, dict[Path, set[Row]]]:
    """Stage -> file -> rows that it trains or selects on, as the stage itself reads them."""
    opened: dict[Path, set[Row]] = {}
    real = canonical.rows

    def recorded(path: Path) -> list[dict[str, Any]]:
        opened[path] = {content(row) for row in real(path)}
        return real(path)

    monkeypatch.setattr(canonical, "rows", recorded)
    import_module("xstilts.training.loop")  # else it would keep the format below for other tests
    unencoded = SimpleNamespace(encode=lambda rows, *_, **__: rows)  # which rows, is all we ask
    monkeypatch.setattr(formats, "format_of", lambda *_: unencoded)
    found = {}
    for phase in ("intermediate", "finetune"):
        seen: set[str] = set()
        for key, entry in params[phase].items():
            records = entry.get("tasks") or [entry["task"]]
            if entry["data"] in seen:
                continue
            seen.add(entry["data"])
            opened.clear()
            for task in map(Task.from_dict, records):
                config = TrainConfig.of(entry["training"], task, entry["seed"])
                run._training_set(Path(entry["data"]), task, None, config)
            found[f"{phase}@{key}"] = dict(opened)
    monkeypatch.setattr(canonical, "rows", real)
    return found


def content(row: dict[str, Any]) -> Row:
    """What a model sees of a row: everything but its id."""
    return tuple(f"{name}={row[name]}" for name in sorted(row) if name not in ("id", "pair"))


def task_of(path: Path) -> Task:
    """The task whose rows a file `<task>/<split>/<lang>.arrow` holds."""
    return TASKS[path.parents[1].name]


def rows_tested(params: Params) -> dict[tuple[str, str], set[Row]]:
    """(target, language) -> the rows of its test."""
    return {
        (entry["target"], lang): {
            content(row)
            for row in canonical.rows(data_path(Path(entry["data"]), entry["target"], "test", lang))
        }
        for entry in params["evaluate"].values()
        for lang in entry["task"]["languages"]
    }


def test_languages_of_recipes_count_as_seen(study):
    params = resolve(study)
    for key, entry in params["intermediate"].items():
        labelled = [task for task in entry["tasks"] if task["format"] != TEXT]
        trained = {lang for task in labelled for lang in task["languages"]}
        assert trained | {"en"} == set(seen_languages(params["study"], [key.split("-")[-2]]))
    assert seen_languages(params["study"], [study.baseline]) == ["en"]


def test_what_stages_read_holds_no_row_that_is_tested(study, tmp_path, monkeypatch, prepared):
    if study.source == "hub":
        pytest.skip("rows of the hub itself are not here; its parameters are checked above")
    monkeypatch.chdir(tmp_path if study.source == "mirror" else ROOT)
    params = resolve(study)
    monkeypatch.chdir(tmp_path)
    for key, entry in params["prepare"].items():
        if key != "text":
            path = output("prepare", key, params)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(prepared(key, entry))
    tests, files = rows_tested(params), read_by_training(params, monkeypatch)
    assert all(tests.values())
    for stage, opened in files.items():
        languages = {path.stem for path in opened if task_of(path).format != TEXT}
        recipe = study.recipes.get(stage.split("-")[-2]) if "intermediate" in stage else None
        assert languages == (set(recipe.languages) if recipe else {"en"})
        assert {path.parent.name for path in opened} <= {"train", "dev"}
        for path, rows in opened.items():
            for (target, lang), tested in tests.items():
                assert not rows & tested, f"{stage} reads {path}: rows of {target} {lang}"

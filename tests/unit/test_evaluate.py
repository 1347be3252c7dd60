"""The evaluate and shortcuts phases: what they write, and that it is what the model says."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import a_task, pair_task, tiny_backbone
from tiny_rows import pair_rows

from xstilts.data.canonical import data_path, write
from xstilts.errors import UserError
from xstilts.evaluation.official import read_predictions
from xstilts.evaluation.run import evaluate, weights_sha256
from xstilts.evaluation.run_shortcuts import evaluate_shortcuts
from xstilts.evaluation.score import read_items, score
from xstilts.files import read_json, write_json
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import TaskModel
from xstilts.tasks.record import Task
from xstilts.training.predict import predict_rows

LANGUAGES = ("en", "de")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tiny_backbone(Path("backbone"))
    return tmp_path


def prepared(task: Task, split: str, rows: dict[str, list]) -> None:
    for lang, own in rows.items():
        write(own, task, data_path(Path("data", task.name), task.name, split, lang))
    write_json(Path("data", task.name, "provenance.json"), {"files": {}})


def entry(task: Task, **changes) -> dict:
    return {
        "model_dir": "backbone",
        "data": f"data/{task.name}",
        "task": task.to_dict(),
        "head": None,
        "model": "tiny",
        "recipe": "none",
        "target": task.name,
        "seed": 3,
        "retrieval_layer": 1,
    } | changes


@pytest.fixture
def classifier(folder) -> dict:
    """A model with a random head, saved, and the entry that scores it on German and English."""
    task = replace(pair_task(max_length=12), languages=LANGUAGES)
    _, tokenizer = load_model(folder / "backbone")
    body = load_model(folder / "backbone")[0].body
    save_model(folder / "tuned", TaskModel(body, [task], seed=1), tokenizer, [task])
    write_json(folder / "tuned" / "training.json", {"steps": 7})
    prepared(task, "test", {"en": pair_rows(10, seed=2), "de": pair_rows(6, seed=3)})
    return entry(task, model_dir="tuned", head="pairs")


def test_a_classifier_is_scored_in_every_language(classifier):
    evaluate(classifier, Path("out"))
    found = read_json(Path("out/scores.json"))
    assert {name: found[name] for name in ("model", "recipe", "target", "seed", "metric")} == {
        "model": "tiny", "recipe": "none", "target": "pairs", "seed": 3, "metric": "accuracy",
    }  # fmt: skip
    assert {lang: cell["n"] for lang, cell in found["languages"].items()} == {"en": 10, "de": 6}
    assert found["provenance"] == {"data": {"files": {}}, "training": {"steps": 7}}
    assert found["model_sha256"] == weights_sha256(Path("tuned"))
    assert 0 < found["languages"]["en"]["truncated"] < 10


def test_scores_items_and_predictions_are_those_of_the_model(classifier):
    evaluate(classifier, Path("out"))
    task = Task.from_dict(classifier["task"])
    model, tokenizer = load_model(Path("tuned"))
    items = read_items(Path("out/items.parquet"))
    for lang, rows in {"en": pair_rows(10, seed=2), "de": pair_rows(6, seed=3)}.items():
        predicted = predict_rows(model, tokenizer, "pairs", task, rows).values
        scored = score(task, lang, predicted, rows)
        assert read_predictions(Path("out/predictions"), task, lang, rows) == predicted
        assert items[lang] == scored.items
        cell = read_json(Path("out/scores.json"))["languages"][lang]
        assert cell["value"] == scored.value


def test_what_the_model_got_wrong_is_written_as_texts(classifier):
    evaluate(classifier, Path("out"))
    found = read_json(Path("out/examples.json"))["examples"]
    items = read_items(Path("out/items.parquet"))
    wrong = {(lang, i["id"]) for lang, own in items.items() for i in own if not i["correct"]}
    assert {(example["language"], example["id"]) for example in found} == wrong
    assert wrong
    texts = {row["id"]: row["text_a"] for row in pair_rows(6, seed=3)}
    for example in found:
        if example["language"] == "de":
            assert example["inputs"][0]["text"] == texts[example["id"]]
    assert read_json(Path("out/scores.json"))["device"]


def test_the_same_model_gives_the_same_files(classifier):
    for name in ("one", "two"):
        evaluate(classifier, Path(name))
    files = ("items.parquet", "examples.json", "predictions/test-en.tsv", "predictions/test-de.tsv")
    for file in files:
        assert Path("one", file).read_bytes() == Path("two", file).read_bytes()


def test_the_digest_of_a_model_is_that_of_its_weights(classifier):
    before = weights_sha256(Path("tuned"))
    write_json(Path("tuned/training.json"), {"steps": 8})
    assert weights_sha256(Path("tuned")) == before
    head = Path("tuned/head.safetensors")
    head.write_bytes(head.read_bytes()[:-1] + b"\x01")
    assert weights_sha256(Path("tuned")) != before
    assert classifier["model_dir"] == "tuned"


@pytest.mark.usefixtures("folder")
def test_identical_texts_retrieve_each_other():
    task = replace(a_task("pairs", "retrieval"), languages=("de",))
    texts = ["the cat sees", "old dog", "not in the garden", "who likes fish"]
    rows = [{"id": str(i), "text_a": text, "text_b": text} for i, text in enumerate(texts)]
    prepared(task, "test", {"de": rows})
    evaluate(entry(task), Path("out"))
    cell = read_json(Path("out/scores.json"))["languages"]["de"]
    assert (cell["value"], cell["n"], cell["truncated"]) == (100.0, 4, 0)
    assert read_json(Path("out/scores.json"))["provenance"]["training"] is None


@pytest.mark.usefixtures("folder")
def test_identical_texts_are_mined_at_the_threshold_of_dev():
    task = replace(a_task("pairs", "mining", "mining_f1"), languages=("de",))
    texts = ["the cat sees", "old dog", "not in the garden", "who likes fish", "big house"]
    rows = [
        {"id": f"{side}{i}", "side": side, "text": text, "pair": f"{other}{i}"}
        for side, other in (("foreign", "english"), ("english", "foreign"))
        for i, text in enumerate(texts)
    ]
    prepared(task, "dev", {"de": rows})
    prepared(task, "test", {"de": rows})
    evaluate(entry(task), Path("out"))
    cell = read_json(Path("out/scores.json"))["languages"]["de"]
    assert cell["value"] == 100.0
    assert cell["threshold"] > 0
    assert Path("out/predictions/test-de.tsv").read_text().count("\t") == 5


def test_a_missing_language_is_named_and_nothing_is_left(classifier):
    Path("data/pairs/pairs/test/de.arrow").unlink()
    with pytest.raises(UserError, match=r"de\.arrow is missing; run the stage prepare@pairs"):
        evaluate(classifier, Path("out"))
    assert sorted(path.name for path in Path().iterdir()) == ["backbone", "data", "tuned"]


def test_shortcuts_are_fitted_on_english(folder):
    task = replace(pair_task(), languages=LANGUAGES)
    prepared(task, "train", {"en": pair_rows(40)})
    prepared(task, "test", {"en": pair_rows(10, seed=2), "de": pair_rows(6, seed=3)})
    shared = {"task": task.to_dict(), "data": "data/pairs", "train_data": "data/pairs"}
    evaluate_shortcuts(shared | {"train_task": "pairs"}, folder / "out")
    found = read_json(folder / "out/scores.json")
    assert (found["task"], found["metric"]) == ("pairs", "accuracy")
    assert "majority" in found["baselines"]
    assert all(set(values) == set(LANGUAGES) for values in found["baselines"].values())


def test_shortcuts_of_what_is_not_trained(folder):
    task = replace(a_task("pairs", "retrieval"), languages=("de",))
    rows = [{"id": str(i), "text_a": text, "text_b": text} for i, text in enumerate(["a b", "c"])]
    prepared(task, "test", {"de": rows})
    shared = {"task": task.to_dict(), "data": "data/pairs", "train_data": "data/pairs"}
    evaluate_shortcuts(shared | {"train_task": None}, folder / "out")
    assert max(v["de"] for v in read_json(folder / "out/scores.json")["baselines"].values()) == 100

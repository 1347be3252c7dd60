"""Tasks as texts: rows come back from their texts, and a small model learns to write them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_bodies import kinds, model_of, tiny_folder, tokenizer_for
from tiny_entry import tiny_entry
from tiny_models import a_task, choice_task, pair_task, span_task, tag_task, text_task
from tiny_rows import choice_rows, pair_rows, span_rows, tag_rows
from tiny_trees import tree_task

from xstilts.errors import UserError
from xstilts.evaluation.score import score
from xstilts.models.architecture import Reading
from xstilts.models.backbones import materialise
from xstilts.models.body import load_body, load_tokenizer
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import TaskModel
from xstilts.tasks import text
from xstilts.tasks.formats import Row
from xstilts.tasks.record import Task
from xstilts.tasks.text_forms import FORMS, nearest
from xstilts.training.config import TrainConfig
from xstilts.training.loop import TrainingSet, train
from xstilts.training.predict import predict, predict_rows
from xstilts.training.run import run_training

KIND = "mt5-text"
NLI = a_task("mnli", "classification", labels=("entailment", "neutral", "contradiction"))
GRADED = a_task("stsb", "regression", "pearson_spearman", scale=(0.0, 5.0))
TEXT = st.text(max_size=12)
WORDS = st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1), max_size=6)


@given(st.integers(0, 2), TEXT, TEXT)
def test_a_label_comes_back(label: int, first: str, second: str):
    row = {"text_a": first, "text_b": second, "label": label}
    form = FORMS["classification"]
    assert form.answer(form.target(row, NLI), row, NLI) == label
    assert form.source(row, NLI).startswith("mnli: premise: ")


@given(st.floats(0, 5))
def test_a_score_comes_back_to_one_digit(value: float):
    form, row = FORMS["regression"], {"score": value}
    assert form.answer(form.target(row, GRADED), row, GRADED) == pytest.approx(value, abs=0.051)


@given(st.integers(1, 12), st.data())
def test_a_choice_comes_back(count: int, data: st.DataObject):
    row = {"prompt": "p", "choices": ["x"] * count, "label": data.draw(st.integers(0, count - 1))}
    form, task = FORMS["multiple_choice"], choice_task()
    assert form.answer(form.target(row, task), row, task) == row["label"]


@given(TEXT)
def test_an_answer_comes_back(answer: str):
    row = {"question": "q", "context": answer, "answers": [{"text": answer, "start": 0}]}
    form, task = FORMS["span_qa"], span_task()
    assert form.answer(form.target(row, task), row, task) == answer


@given(WORDS, st.data())
def test_tags_come_back(tokens: list[str], data: st.DataObject):
    tags = [data.draw(st.integers(0, 2)) for _ in tokens]
    row, task, form = {"tokens": tokens, "tags": tags}, tag_task(), FORMS["tagging"]
    found = form.answer(form.target(row, task), row, task)
    assert found == [task.labels[tag] for tag in tags]


@given(st.sampled_from(sorted(FORMS)), TEXT)
def test_whatever_is_written_is_some_answer(name: str, wrote: str):
    cases: dict[str, tuple[Task, Row]] = {
        "classification": (NLI, {"text_a": "", "text_b": ""}),
        "regression": (GRADED, {}),
        "multiple_choice": (choice_task(), {"choices": ["a", "b", "c"]}),
        "span_qa": (span_task(), {}),
        "tagging": (tag_task(), {"tokens": ["a", "b"]}),
    }
    task, row = cases[name]
    found = FORMS[name].answer(wrote, row, task)
    good = {
        "classification": lambda: found in range(3),
        "regression": lambda: np.isfinite(found),
        "multiple_choice": lambda: found in range(3),
        "span_qa": lambda: found == wrote,
        "tagging": lambda: len(found) == 2 and set(found) <= set(task.labels),
    }
    assert good[name]()


def test_a_text_that_is_no_label_is_the_nearest_one():
    assert nearest("entail", NLI.labels) == 0
    assert nearest("a contradictoin", NLI.labels) == 2
    assert nearest("", NLI.labels) == 0


def test_questions_without_answer_and_single_texts():
    row = {"question": "who", "context": "the cat", "answers": []}
    assert FORMS["span_qa"].target(row, span_task()) == ""
    assert FORMS["span_qa"].source(row, span_task()) == "spans: question: who context: the cat"
    one = {"text_a": "the cat", "text_b": ""}
    assert FORMS["classification"].source(one, pair_task()) == "pairs: sentence1: the cat"


def test_a_long_input_loses_its_end_and_is_counted():
    task, tokenizer = pair_task(max_length=12), tokenizer_for(KIND)
    rows = [{"text_a": "the cat " * 20, "text_b": "x", "label": 1}, pair_rows(1)[0]]
    long, short = text.encode(rows, tokenizer, task, train=True)
    assert (long["length"], long["truncated"]) == (12, True)
    assert long["input_ids"][-1] == tokenizer.eos_token_id == long["target"][-1]
    assert text.count([long, short]) == len(long["target"]) + len(short["target"])


def test_the_loss_is_the_mean_over_the_targets_sub_words():
    task, tokenizer, model = tag_task(), tokenizer_for(KIND), model_of(KIND, tag_task())
    features = text.encode(tag_rows(4), tokenizer, task, train=True)
    parts = [text.collate([f], 0) for f in features]
    with torch.no_grad():
        whole = text.collate(features, 0)
        found = text.loss(model(whole, "tags"), whole).item()
        sums = [
            text.loss(model(part, "tags"), part).item() * text.count([f])
            for part, f in zip(parts, features, strict=True)
        ]
    assert found == pytest.approx(sum(sums) / text.count(features), rel=1e-4)


TASKS: dict[str, tuple[Task, Any]] = {
    "pairs": (pair_task(), pair_rows),
    "choices": (choice_task(), choice_rows),
    "tags": (tag_task(), tag_rows),
    "spans": (span_task(), span_rows),
}


def _train(folder: Path, model: Any, *sets: TrainingSet, **config: Any) -> Any:
    return train(
        model,
        {part.task.name: part for part in sets},
        TrainConfig(**{"learning_rate": 5e-3, "batch_size": 8} | config),
        folder,
        pad_id=0,
        dev_score=lambda task, found, rows: score(task, "en", found, rows).value,
    )


def _set(task: Task, rows: list[Row], dev: list[Row]) -> TrainingSet:
    tokenizer = tokenizer_for(KIND)
    features, dev_features = (
        text.encode(part, tokenizer, task, train=training)
        for part, training in ((rows, True), (dev, False))
    )
    return TrainingSet(task, features, dev, dev_features, interface="text")


@pytest.mark.parametrize(
    ("name", "epochs", "floor"),
    [("pairs", 40, 90), ("spans", 40, 80), ("tags", 60, 80), ("choices", 60, 50)],
)
def test_a_small_model_learns_to_write_answers(name: str, epochs: int, floor: int, tmp_path: Path):
    task, make = TASKS[name]
    rows, model, tokenizer = make(32), model_of(KIND, task), tokenizer_for(KIND)
    before = predict_rows(model, tokenizer, name, task, rows).values
    trained = _train(tmp_path, model, _set(task, rows, rows), epochs=epochs, evals=1)
    model.load_state_dict(trained.weights)
    after = predict_rows(model, tokenizer, name, task, rows).values
    values = [score(task, "en", found, rows).value for found in (before, after)]
    assert values[1] > max(floor, values[0] + 20)
    assert values[1] == pytest.approx(trained.summary["dev_score"], abs=1e-3)


@pytest.mark.parametrize("name", TASKS)
def test_no_target_is_longer_than_what_the_model_may_write(name: str):
    task, make = TASKS[name]
    features = text.encode(make(20), tokenizer_for(KIND), task, train=True)
    assert all(1 < len(f["target"]) <= f["longest"] < 40 for f in features)


@pytest.mark.parametrize("name", TASKS)
def test_what_is_written_does_not_depend_on_the_batches(name: str):
    task, make = TASKS[name]
    rows, model, tokenizer = make(6), model_of(KIND, task), tokenizer_for(KIND)
    features = text.encode(rows, tokenizer, task, train=False)
    together, alone = (
        text.decode(
            predict(model, name, task, features, 0, token_budget=budget, interface="text"),
            features,
            rows,
            task,
        )
        for budget in (None, 1)
    )
    assert together == alone


def test_a_mixture_of_texts_trains_everything(tmp_path: Path):
    sets = [_set(task, make(8), []) for task, make in (TASKS["pairs"], TASKS["tags"])]
    model = model_of(KIND, *(part.task for part in sets))
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    after = _train(tmp_path, model, *sets, epochs=2).weights
    assert not [name for name in before if torch.equal(before[name], after[name])]


def test_a_stage_trains_and_keeps_a_model_that_writes(tmp_path: Path):
    entry = tiny_entry(tmp_path)
    tiny_folder(tmp_path / "text", KIND)
    entry["init"], entry["training"]["max_steps"] = str(tmp_path / "text"), 3
    run_training(entry, tmp_path / "out")
    model, tokenizer = load_model(tmp_path / "out")
    assert model.reading == Reading("encoder-decoder", "decoder", "text")
    assert type(model.body).__name__ == "MT5ForConditionalGeneration"
    dev = pair_rows(5)
    trained = pair_task(max_length=12)
    other = replace(trained, name="elsewhere")  # the model still reads "pairs: ..."
    one, two = (predict_rows(model, tokenizer, "pairs", task, dev) for task in (trained, other))
    assert one == two


def test_output_weights_of_their_own_are_kept(tmp_path: Path):
    source = tiny_folder(tmp_path / "hub", KIND)
    weights = load_file(source / "model.safetensors")
    assert "lm_head.weight" not in weights  # tied to the embedding
    own = weights["shared.weight"] + 1
    save_file(weights | {"lm_head.weight": own}, source / "model.safetensors", {"format": "pt"})
    entry = {"name": "x", "kind": "hub", "hub": str(source), "revision": None}
    materialise(entry | {"reading": vars(kinds()[KIND].reading)}, tmp_path / "made")
    body = load_body(tmp_path / "made")
    assert torch.equal(body.lm_head.weight, own)
    assert torch.equal(body.shared.weight, weights["shared.weight"])
    model = TaskModel(body, [pair_task()], seed=0)
    save_model(tmp_path / "out", model, load_tokenizer(tmp_path / "made"), [pair_task()])
    assert torch.equal(load_model(tmp_path / "out")[0].body.lm_head.weight, own)


@pytest.mark.parametrize(
    "task",
    [tree_task(), text_task(), a_task("answers", "dual_encoder", "map@20"),
     a_task("doubts", "span_qa", "squad_v2")],
)  # fmt: skip
def test_what_is_no_text_is_refused(task: Task):
    with pytest.raises(UserError, match=f"'{task.name}' of format .* cannot be put into texts"):
        model_of(KIND, task)


def test_other_architectures_do_not_write(tmp_path: Path):
    source = tiny_folder(tmp_path / "hub", "llama")
    entry = {"name": "x", "kind": "hub", "hub": str(source), "revision": None}
    reading = {"architecture": "decoder", "pooling": "last", "interface": "text"}
    with pytest.raises(UserError, match="'decoder' has no interface 'text'; use one of heads"):
        materialise(entry | {"reading": reading}, tmp_path / "made")

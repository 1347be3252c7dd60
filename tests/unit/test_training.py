"""The loop: it learns, selects, repeats itself and leaves whole folders."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_entry import SOURCES, tiny_entry
from tiny_models import (
    choice_task,
    pair_task,
    span_task,
    tag_task,
    text_task,
    tiny_model,
    tiny_tokenizer,
)
from tiny_rows import choice_rows, pair_rows, span_rows, tag_rows, text_rows

from xstilts.data.canonical import write
from xstilts.errors import UserError
from xstilts.evaluation.score import score
from xstilts.models.checkpoint import load_model
from xstilts.tasks.formats import Row, format_of
from xstilts.tasks.record import Task
from xstilts.training.config import TrainConfig
from xstilts.training.engine import rate
from xstilts.training.loop import Trained, TrainingSet, train
from xstilts.training.predict import predict_rows
from xstilts.training.run import run_training

TOKENIZER = tiny_tokenizer()
ROWS = {
    "pairs": (pair_task(), pair_rows),
    "tags": (tag_task(max_length=16), tag_rows),
    "spans": (span_task(max_length=32), span_rows),
    "choices": (choice_task(), choice_rows),
    "words": (text_task(), text_rows),
}


def _value(task: Task, predictions: list[Any], rows: list[Row]) -> float:
    return score(task, "en", predictions, rows).value


def _set(task: Task, rows: list[Row], dev: list[Row]) -> TrainingSet:
    encode = format_of(task).encode
    dev_features = encode(dev, TOKENIZER, task, train=False) if dev else []
    return TrainingSet(task, encode(rows, TOKENIZER, task, train=True), dev, dev_features)


def _train(folder: Path, *sets: TrainingSet, model: Any = None, **settings: Any) -> Trained:
    folder.mkdir(exist_ok=True)
    settings = {"learning_rate": 2e-3, "epochs": 1, "batch_size": 8} | settings
    model = model or tiny_model(*(part.task for part in sets))
    data = {part.task.name: part for part in sets}
    return train(model, data, TrainConfig(**settings), folder, pad_id=1, dev_score=_value)


def _losses(folder: Path) -> list[float]:
    with (folder / "steps.csv").open() as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


@pytest.mark.parametrize("name", ["pairs", "tags", "spans", "choices"])
def test_32_examples_are_learned_by_heart(name: str, tmp_path: Path):
    task, make = ROWS[name]
    rows = make(32)
    model = tiny_model(task)
    before = _value(task, predict_rows(model, TOKENIZER, name, task, rows).values, rows)
    trained = _train(tmp_path, _set(task, rows, rows), model=model, epochs=40, evals=4, patience=9)
    model.load_state_dict(trained.weights)
    after = _value(task, predict_rows(model, TOKENIZER, name, task, rows).values, rows)
    assert before < 70
    assert after > 96
    assert after == pytest.approx(trained.summary["dev_score"], abs=1e-3)


def test_masked_words_are_learned_without_a_dev_set(tmp_path: Path):
    task, make = ROWS["words"]
    trained = _train(tmp_path, _set(task, make(64), []), epochs=15)
    losses = _losses(tmp_path)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    assert trained.summary["dev_score"] is None
    assert trained.summary["best_step"] == trained.summary["steps"] == len(losses)
    assert (tmp_path / "evals.csv").read_text().splitlines() == ["step,score,best,seconds"]


def test_the_same_seed_gives_the_same_run_and_another_one_does_not(tmp_path: Path):
    part = _set(pair_task(), pair_rows(48), pair_rows(10, seed=1))
    runs = [
        _train(tmp_path / f"{i}", part, model=tiny_model(part.task, dropout=0.1), seed=seed)
        for i, seed in enumerate((3, 3, 4))
    ]
    assert _losses(tmp_path / "0") == _losses(tmp_path / "1") != _losses(tmp_path / "2")
    for name, tensor in runs[0].weights.items():
        assert torch.equal(tensor, runs[1].weights[name])


def test_the_best_weights_on_the_dev_set_are_kept_and_patience_ends_the_run(tmp_path: Path):
    part = _set(pair_task(), pair_rows(64), pair_rows(10, seed=1))
    given = iter([10.0, 30.0, 20.0, 30.0, 5.0, 90.0])
    weights = []

    def scripted(_task: Task, _predictions: list[Any], _rows: list[Row]) -> float:
        weights.append({n: t.clone() for n, t in model.state_dict().items()})
        return next(given)

    model = tiny_model(part.task)
    config = TrainConfig(
        learning_rate=1e-3, epochs=3, batch_size=8, evals=6, patience=3, max_steps=24
    )
    trained = train(model, {"pairs": part}, config, tmp_path, pad_id=1, dev_score=scripted)
    assert trained.summary["best_step"] == 8
    assert trained.summary["steps"] == 20
    assert trained.summary["planned_steps"] == 24
    assert trained.summary["dev_score"] == 30.0
    for name, tensor in trained.weights.items():
        assert torch.equal(tensor, weights[1][name])
    rows = list(csv.DictReader((tmp_path / "evals.csv").open()))
    assert [(int(r["step"]), float(r["score"]), float(r["best"])) for r in rows] == [
        (4, 10, 10), (8, 30, 30), (12, 20, 30), (16, 30, 30), (20, 5, 30),
    ]  # fmt: skip


def test_accumulation_takes_the_same_steps(tmp_path: Path):
    part = _set(tag_task(max_length=16), tag_rows(60), [])
    _train(tmp_path / "1", part)
    _train(tmp_path / "3", part, accumulation=3)
    np.testing.assert_allclose(_losses(tmp_path / "1"), _losses(tmp_path / "3"), atol=1e-4)


def test_the_loss_of_a_step_is_the_mean_over_its_predictions(tmp_path: Path):
    part = _set(tag_task(max_length=16), tag_rows(12), [])
    model = tiny_model(part.task)
    batch = format_of(part.task).collate(part.features, 1)
    with torch.no_grad():
        expected = format_of(part.task).loss(model(batch, "tags"), batch).item()
    _train(tmp_path, part, model=model, batch_size=1000, accumulation=5, max_steps=1)
    assert _losses(tmp_path) == [pytest.approx(expected, abs=1e-5)]


def test_frozen_embeddings_stay_and_the_rest_moves(tmp_path: Path):
    part = _set(pair_task(), pair_rows(16), [])
    model = tiny_model(part.task)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = _train(tmp_path, part, model=model, freeze_embeddings=True).weights
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = "body.embeddings.word_embeddings.weight"
    assert changed == before.keys() - {frozen}


def test_bf16_follows_fp32(tmp_path: Path):
    part = _set(pair_task(), pair_rows(64), pair_rows(10, seed=1))
    for precision in ("fp32", "bf16"):
        trained = _train(tmp_path / precision, part, precision=precision, learning_rate=3e-4)
        assert all(tensor.dtype == torch.float32 for tensor in trained.weights.values())
    exact, rough = _losses(tmp_path / "fp32"), _losses(tmp_path / "bf16")
    assert exact != rough
    np.testing.assert_allclose(exact, rough, atol=0.02)


def test_a_mixture_trains_all_its_tasks(tmp_path: Path):
    sets = [_set(task, make(32), make(8, 1)) for task, make in (ROWS["pairs"], ROWS["tags"])]
    sets.append(_set(*(ROWS["words"][0], text_rows(32)), []))
    model = tiny_model(*(part.task for part in sets))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = _train(tmp_path, *sets, model=model, epochs=2).weights
    assert not [name for name in before if torch.equal(before[name], after[name])]


def test_a_run_that_diverges_is_no_result(tmp_path: Path):
    part = _set(pair_task(), pair_rows(64), [])
    with pytest.raises(UserError, match=r"loss of step \d+ is nan.*lower learning_rate"):
        _train(tmp_path, part, learning_rate=1e38)


def test_the_rate_rises_and_falls_in_straight_lines():
    rates = [rate(step, steps=20, warmup=0.2) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    np.testing.assert_allclose(np.diff(rates[4:]), -1 / 16)
    assert rates[-1] == pytest.approx(1 / 16)
    assert rate(0, steps=5, warmup=0.0) == 1.0
    assert rate(4, steps=5, warmup=1.0) == 1.0


def test_settings_are_completed_from_the_task_and_checked_all_at_once():
    task = pair_task(learning_rate=7e-6, batch_size=24)
    config = TrainConfig.of({"epochs": 2, "learning_rate": None, "max_length": 9}, task, seed=5)
    assert (config.learning_rate, config.batch_size, config.epochs) == (7e-6, 24, 2)
    assert config.seed == 5
    wrong = {"zero_stage": 7, "precision": "fp8", "batch_size": 0, "warmup": 2, "max_steps": 0}
    with pytest.raises(UserError) as caught:
        TrainConfig.of(wrong, task, seed=0)
    assert len(caught.value.problems) == 5
    assert "zero_stage 7 does not exist; use 0, 1, 2 or 3." in caught.value.problems[0]
    with pytest.raises(UserError, match="unknown setting 'lr'"):
        TrainConfig.of({"lr": 1}, task, seed=0)


def test_a_finetune_stage_leaves_a_model_with_its_head_and_its_metrics(tmp_path: Path):
    run_training(tiny_entry(tmp_path), tmp_path / "out")
    model, tokenizer = load_model(tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "training.json").read_text())
    facts = summary["tasks"]["pairs"]
    assert (facts["features"], facts["dev_rows"]) == (40, 10)
    assert 0 < facts["truncated_train"] < 40
    assert summary["steps"] == len(_losses(tmp_path / "out"))
    assert summary["world_size"] == 1
    assert summary["config"]["batch_size"] == 8
    dev = pair_rows(20, seed=1)[:10]
    found = predict_rows(model, tokenizer, "pairs", pair_task(max_length=12), dev)
    assert _value(pair_task(), found.values, dev) == pytest.approx(summary["dev_score"], abs=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backbone", "data", "out"]


def test_an_intermediate_stage_leaves_a_body_whose_next_heads_are_new(tmp_path: Path):
    entry = tiny_entry(tmp_path)
    entry["tasks"] = [entry.pop("task")]
    run_training(entry, tmp_path / "intermediate")
    assert not (tmp_path / "intermediate" / "head.safetensors").exists()
    following = tiny_entry(tmp_path, init=str(tmp_path / "intermediate"))
    following["training"] |= {"max_steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    run_training(following, tmp_path / "out")
    first, _ = load_model(tmp_path / "intermediate")
    second, _ = load_model(tmp_path / "out")
    for name, tensor in first.body.state_dict().items():
        torch.testing.assert_close(tensor, second.body.state_dict()[name], atol=1e-6, rtol=0)
    own, before = (
        json.loads((tmp_path / name / "training.json").read_text())
        for name in ("out", "intermediate")
    )
    assert own["before"] == before
    assert before["sources"] == SOURCES
    assert before["before"] is None  # the backbone is no training of this study
    fresh = tiny_model(pair_task(), seed=1).heads.state_dict()
    torch.testing.assert_close(second.heads.state_dict(), fresh, atol=1e-6, rtol=0)


def test_masked_words_train_in_all_languages_that_were_prepared(tmp_path: Path):
    task = text_task()
    for language in ("de", "en", "sw"):
        write(text_rows(8), task, tmp_path / "data" / "words" / "train" / f"{language}.arrow")
    entry = tiny_entry(tmp_path, tasks=[task.to_dict()])
    del entry["task"]
    run_training(entry, tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "training.json").read_text())
    assert summary["tasks"]["words"]["features"] == 24


def test_missing_data_is_named_and_nothing_is_left(tmp_path: Path):
    entry = tiny_entry(tmp_path)
    (tmp_path / "data" / "pairs" / "train" / "en.arrow").unlink()
    (tmp_path / "data" / "pairs" / "dev" / "en.arrow").unlink()
    with pytest.raises(UserError) as caught:
        run_training(entry, tmp_path / "out")
    assert [
        "train/en.arrow" in caught.value.problems[0],
        "dev/en.arrow" in caught.value.problems[1],
    ]
    assert len(caught.value.problems) == 2
    write([], pair_task(), tmp_path / "data" / "pairs" / "train" / "en.arrow")
    write([], pair_task(), tmp_path / "data" / "pairs" / "dev" / "en.arrow")
    with pytest.raises(UserError, match="no text to train on"):
        run_training(entry, tmp_path / "out")
    write(pair_rows(8), pair_task(), tmp_path / "data" / "pairs" / "train" / "en.arrow")
    with pytest.raises(UserError, match="no row to select on"):
        run_training(entry, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backbone", "data"]

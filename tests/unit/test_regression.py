"""Graded similarity: from the source to correlations and their intervals."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import mirrors
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tiny_models import a_task, tiny_backbone, tiny_model, tiny_tokenizer
from tiny_rows import ANIMALS, COLOURS

from xstilts.data import canonical
from xstilts.data.canonical import data_path, write
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.evaluation.item_table import item_table
from xstilts.evaluation.metrics import statistics_matrix, value_from_sums
from xstilts.evaluation.official import read_predictions, write_predictions
from xstilts.evaluation.run import evaluate
from xstilts.evaluation.score import aggregate, read_items, score, write_items
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.files import read_json, write_json
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import TaskModel
from xstilts.study.statistics.compare import resample
from xstilts.study.statistics.contrast import compared
from xstilts.study.statistics.sample import task_sample
from xstilts.tasks import classification, regression
from xstilts.tasks.check import task_problems
from xstilts.tasks.record import Task
from xstilts.tasks.table import TASKS
from xstilts.training.config import TrainConfig
from xstilts.training.loop import TrainingSet, train
from xstilts.training.predict import predict_rows
from xstilts.world import hub_rows
from xstilts.world.grammar import LANGUAGES
from xstilts.world.meanings import Teller
from xstilts.world.similarity import similar

TOKENIZER = tiny_tokenizer()
TASK = a_task("similar", "regression", "pearson_spearman", scale=(0.0, 5.0))
Rows = list[dict[str, Any]]

values = st.sampled_from([0.0, 0.1, 1.0, 2.5, 3.8, 5.0])
pairs_of_values = st.lists(st.tuples(values, values), min_size=2, max_size=12)


def _rows(golds: list[float]) -> Rows:
    return [{"id": str(i), "text_a": "a", "text_b": "b", "score": g} for i, g in enumerate(golds)]


def _scipy(golds: list[float], predicted: list[float]) -> dict[str, float]:
    if len(set(golds)) == 1 or len(set(predicted)) == 1:
        return {"pearson": 0.0, "spearman": 0.0}
    found = stats.pearsonr(golds, predicted), stats.spearmanr(golds, predicted)
    return {"pearson": 100 * found[0].statistic, "spearman": 100 * found[1].statistic}


@given(pairs_of_values)
def test_correlations_are_those_of_scipy_and_0_where_it_has_none(made):
    golds, predicted = (list(side) for side in zip(*made, strict=True))
    found = score(TASK, "en", predicted, _rows(golds))
    assert found.metrics == pytest.approx(_scipy(golds, predicted), abs=1e-6)
    assert found.value == pytest.approx(sum(found.metrics.values()) / 2)


@given(pairs_of_values, st.integers(0, 99))
def test_a_resampled_correlation_is_that_of_the_drawn_items(made, seed):
    golds, predicted = (list(side) for side in zip(*made, strict=True))
    found = score(TASK, "en", predicted, _rows(golds))
    drawn = np.random.default_rng(seed).integers(0, len(made), (5, len(made)))
    counts = np.stack([np.bincount(draw, minlength=len(made)) for draw in drawn])
    expected = [
        sum(_scipy([golds[i] for i in draw], [predicted[i] for i in draw]).values()) / 2
        for draw in drawn
    ]
    assert aggregate("pearson_spearman", found.items, counts) == pytest.approx(expected, abs=1e-6)


def test_values_by_hand():
    found = score(TASK, "en", [1.0, 2.0, 9.0], _rows([0.0, 1.0, 2.0]))
    assert found.metrics["spearman"] == pytest.approx(100.0)
    assert found.metrics["pearson"] == pytest.approx(100 * 8 / np.sqrt(2 * 38))
    assert [item["correct"] for item in found.items] == pytest.approx([0.8, 0.8, 0.0])
    assert score(TASK, "en", [2.0, 1.0, 0.0], _rows([0.0, 1.0, 2.0])).value == pytest.approx(-100)


@pytest.mark.parametrize("constant", [0.1, 1 / 3, -7.0])
def test_a_constant_prediction_is_worth_0_and_not_rounding_noise(constant):
    golds = [0.1 * i for i in range(7)]
    assert score(TASK, "en", [constant] * 7, _rows(golds)).value == 0.0


def test_correlations_are_no_sums():
    items = score(TASK, "en", [1.0, 2.0], _rows([0.0, 1.0])).items
    sums = statistics_matrix("pearson_spearman", items).sum(axis=0)
    with pytest.raises(ValueError, match="no function of sums"):
        value_from_sums("pearson_spearman", sums)


def _noisy(golds: np.ndarray, noise: float, seed: int) -> list[float]:
    return (golds + np.random.default_rng(seed).normal(0, noise, len(golds))).tolist()


def test_the_interval_is_that_of_a_bootstrap_by_hand():
    golds = np.random.default_rng(0).uniform(0, 5, 120)
    rows = _rows(golds.tolist())
    answers = {"none": _noisy(golds, 3.0, 1), "mnli": _noisy(golds, 1.5, 2)}
    scored = {name: score(TASK, "en", a, rows).items for name, a in answers.items()}
    metric = "pearson_spearman"
    runs = {(name, 0): {"en": item_table(metric, items)} for name, items in scored.items()}
    sample = task_sample(metric, runs)
    resampled = resample({"t": sample}, replicates=1000)
    found = compared([resampled.tasks["t"].difference("mnli", "none")], resampled.levels)

    def value(name: str, draw: np.ndarray) -> float:
        return (
            sum(_scipy(golds[draw].tolist(), np.array(answers[name])[draw].tolist()).values()) / 2
        )

    rng = np.random.default_rng(9)
    draws = rng.integers(0, 120, (250, 120))
    deltas = [value("mnli", draw) - value("none", draw) for draw in draws]
    low, high = np.quantile(deltas, [0.025, 0.975])
    everyone = np.arange(120)
    assert found.value == pytest.approx(value("mnli", everyone) - value("none", everyone))
    assert (found.low, found.high) == pytest.approx((low, high), abs=3.5)


def test_items_and_official_predictions_survive_writing_and_reading(tmp_path):
    rows, predicted = _rows([0.0, 3.799999952316284, 5.0]), [0.1, 1 / 3, -2.5e-7]
    items = {"en": score(TASK, "en", predicted, rows).items}
    write_items(tmp_path / "items.parquet", items)
    assert read_items(tmp_path / "items.parquet") == items
    path = write_predictions(tmp_path, TASK, "en", predicted, rows)
    assert path.name == "test-en.tsv"
    assert path.read_text().splitlines()[:2] == ["index\tprediction", "0\t0.1"]
    assert read_predictions(tmp_path, TASK, "en", rows) == predicted


def test_a_pair_is_encoded_as_in_classification_with_a_share_of_the_scale():
    rows = [{"id": "0", "text_a": "the cat", "text_b": "the dog", "score": 3.0}]
    task = a_task("x", "regression", "pearson_spearman", scale=(1.0, 5.0))
    (feature,) = regression.encode(rows, TOKENIZER, task, train=True)
    (other,) = classification.encode(rows, TOKENIZER, task, train=False)
    assert feature == other | {"target": 0.5}
    batch = regression.collate([feature], 1)
    logits = np.array([[0.75]], dtype=np.float32)
    import torch

    assert regression.loss(torch.from_numpy(logits), batch).item() == pytest.approx(0.0625)
    assert regression.decode([logits[0]], [feature], rows, task) == [4.0]
    assert "target" not in regression.collate(
        regression.encode(rows, TOKENIZER, task, train=False), 1
    )


def _graded(count: int, seed: int) -> Rows:
    """5 for the same animal and colour, 2.5 for one of them, 0 for none; as many words always."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        same_animal, same_colour = rng.random() < 0.5, rng.random() < 0.5
        animals, colours = rng.sample(ANIMALS[:2], 2), rng.sample(COLOURS[:2], 2)
        second = [colours[not same_colour], animals[not same_animal]]
        rows.append(
            {
                "id": str(i),
                "text_a": f"the {colours[0]} {animals[0]}",
                "text_b": f"the {' '.join(second)}",
                "score": 2.5 * (same_animal + same_colour),
            }
        )
    return rows


def test_similarity_is_learned(tmp_path):
    rows, dev, tested = _graded(256, 0), _graded(32, 1), _graded(60, 2)
    encode = regression.encode
    part = TrainingSet(
        TASK, encode(rows, TOKENIZER, TASK, train=True),
        dev, encode(dev, TOKENIZER, TASK, train=False),
    )  # fmt: skip
    model = tiny_model(TASK)
    config = TrainConfig(learning_rate=2e-3, epochs=20, batch_size=16, evals=4)
    found = train(
        model, {"similar": part}, config, tmp_path, pad_id=1,
        dev_score=lambda task, found, rows: score(task, "en", found, rows).value,
    )  # fmt: skip
    model.load_state_dict(found.weights)
    predicted = predict_rows(model, TOKENIZER, "similar", TASK, tested).values
    scored = score(TASK, "en", predicted, tested)
    assert scored.value > 70
    assert -1 < min(predicted) < max(predicted) < 6  # on the scale, not shares of it


def test_a_constant_model_is_scored_0_and_said_to_be_constant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_backbone(Path("backbone"))
    model = TaskModel(load_model(Path("backbone"))[0].body, [TASK], seed=1)
    for parameter in model.heads["similar"].out.parameters():
        parameter.data.zero_()
    save_model(Path("tuned"), model, TOKENIZER, [TASK])
    write(_graded(12, 3), TASK, data_path(Path("data"), "similar", "test", "en"))
    write_json(Path("data/provenance.json"), {"files": {}})
    evaluate(
        {"model_dir": "tuned", "data": "data", "task": TASK.to_dict(), "head": "similar"}
        | {"model": "m", "recipe": "none", "target": "similar", "seed": 0},
        Path("out"),
    )
    cell = read_json(Path("out/scores.json"))["languages"]["en"]
    assert (cell["value"], cell["constant"]) == (0.0, True)


def _planted(kind: str, n: int, seed: int) -> Rows:
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        grade = rng.randrange(4)
        first = rng.sample([f"w{j}" for j in range(40)], 6)
        second = rng.sample([f"v{j}" for j in range(40)], 6)
        if kind == "overlap":
            second = [*first[: 2 * grade], *second[2 * grade :]]
        if kind == "length":
            second = second[: 1 + grade]
        if kind == "words":
            second[0] = f"grade{grade}"
        texts = {"text_a": " ".join(first), "text_b": " ".join(second)}
        rows.append({"id": str(i), "score": 5 / 3 * grade, **texts})
    return rows


@pytest.mark.parametrize(
    ("kind", "finder", "blind"),
    [
        ("overlap", "word-overlap", "length-ratio"),
        ("length", "length-ratio", "first-input-only"),
        ("words", "second-input-only", "word-overlap"),
    ],
)
def test_planted_shortcuts_are_found(kind, finder, blind):
    found = shortcuts(TASK, _planted(kind, 300, 1), {"en": _planted(kind, 150, 2)})
    assert found[finder]["en"] > 90
    assert abs(found[blind]["en"]) < 40
    assert found["constant"]["en"] == 0.0


def _world(split: str, size: int, language: str = "en") -> Rows:
    rows = hub_rows("PhilipMay/stsb_multi_mt", language, split, size, 0)[0]
    return [
        {"id": str(i), "text_a": r["sentence1"], "text_b": r["sentence2"]}
        | {"score": r["similarity_score"]}
        for i, r in enumerate(rows)
    ]


@given(st.integers(0, 10**6))
def test_the_score_counts_the_things_that_are_near(seed):
    from xstilts.world.lexicon import category, concepts

    def kind(name: str) -> str:
        return name if concepts()[name].kind == "category" else category(name)

    pair = similar(Teller(seed))
    both = [(a.object.head, b.object.head) for a, b in zip(pair.first, pair.second, strict=True)]
    assert all(one != two for one, two in both)
    assert pair.near == sum(kind(one) == kind(two) for one, two in both)
    assert 0 <= pair.score <= 5


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_world_grades_pairs_alike_in_every_language(language):
    rows, english = _world("test", 80, language), _world("test", 80)
    assert [row["score"] for row in rows] == [row["score"] for row in english]
    assert canonical.validate(rows, TASKS["stsb_multi"], "world") == []
    assert set(Counter(row["score"] for row in rows)) == {0.0, 1.7, 2.5, 3.3, 5.0}


def test_both_data_sets_have_the_hubs_columns_and_disjoint_splits():
    glue, _ = hub_rows("nyu-mll/glue", "stsb", "validation", 3, 0)
    multi, _ = hub_rows("PhilipMay/stsb_multi_mt", "en", "dev", 3, 0)
    assert set(glue[0]) == {"sentence1", "sentence2", "label", "idx"}
    assert set(multi[0]) == {"sentence1", "sentence2", "similarity_score"}
    splits = {s: {row["text_a"] for row in _world(s, 300)} for s in ("train", "dev", "test")}
    assert not splits["train"] & splits["test"]
    assert not splits["train"] & splits["dev"]


def test_no_shortcut_tells_the_similarity():
    tested = {lang: _world("test", 300, lang) for lang in ("en", "ja")}
    found = shortcuts(TASKS["stsb_multi"], _world("train", 1200), tested)
    assert max(abs(v) for scores in found.values() for v in scores.values()) < 15


def test_the_real_slices_are_prepared(shared, tmp_path):
    entry = mirrors.entry(
        shared / "hub", "stsb_multi", {"train": ["en"], "dev": ["de", "en", "zh"]}
    )
    prepare(entry, tmp_path / "multi")
    prepare(
        mirrors.entry(shared / "hub", "stsb", {"train": ["en"], "dev": ["en"]}), tmp_path / "en"
    )
    for path, count in (
        (data_path(tmp_path / "multi", "stsb_multi", "train", "en"), 3000),
        (data_path(tmp_path / "multi", "stsb_multi", "dev", "de"), 200),
        (data_path(tmp_path / "en", "stsb", "train", "en"), 3000),
    ):
        rows = canonical.rows(path)
        assert len(rows) == count
        assert {0.0, 5.0} <= {row["score"] for row in rows}


STSB = {
    "sentence1": ["A plane lands.", "A man sings."],
    "sentence2": ["A plane arrives.", "A man eats."],
    "label": [4.5, 0],
}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (5.5, "score 5.5 lies outside 0..5; correct the row or the task's scale"),
        (-1.0, "score -1.0 says that the row has no gold score; use a split with gold"),
        (float("nan"), "score nan lies outside 0..5"),
        (None, "there is no value; fill it in"),
    ],
)
def test_a_wrong_score_is_named_with_its_place(label, said, tmp_path):
    mirrors.put(tmp_path / "hub", "stsb", STSB | {"label": [4.5, label]})
    with pytest.raises(UserError) as error:
        prepare(mirrors.entry(tmp_path / "hub", "stsb", {"train": ["en"]}), tmp_path / "out")
    [problem] = error.value.problems
    assert "nyu-mll/glue" in problem
    assert "config stsb, split train), row 1, field score (column label): " + said in problem


def test_a_score_that_is_a_text_is_refused_and_whole_numbers_are_numbers(tmp_path):
    mirrors.put(tmp_path / "a", "stsb", STSB | {"label": ["4.5", "high"]})
    with pytest.raises(UserError, match=r"row 0.*'4\.5' is a str, not a number"):
        prepare(mirrors.entry(tmp_path / "a", "stsb", {"train": ["en"]}), tmp_path / "out")
    mirrors.put(tmp_path / "b", "stsb", STSB | {"label": [4, 0]})
    prepare(mirrors.entry(tmp_path / "b", "stsb", {"train": ["en"]}), tmp_path / "d")
    rows = canonical.rows(data_path(tmp_path / "d", "stsb", "train", "en"))
    assert [row["score"] for row in rows] == [4.0, 0.0]


@pytest.mark.parametrize("scale", [None, (5.0, 0.0)])
def test_a_record_without_a_scale_is_refused(scale):
    broken = Task.from_dict(TASKS["stsb"].to_dict() | {"scale": scale})
    assert any("regression needs (lowest, highest)" in p for p in task_problems(broken))

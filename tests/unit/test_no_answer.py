"""SQuAD 2.0: questions without an answer, from the source to the score."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import mirrors
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import a_task, tiny_backbone, tiny_model, tiny_tokenizer
from tiny_rows import COLOURS

import xstilts
from xstilts.data import canonical
from xstilts.data.canonical import data_path, write
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.evaluation.answers import best_over_golds_v2
from xstilts.evaluation.no_answer import best_threshold
from xstilts.evaluation.official import read_predictions, write_predictions
from xstilts.evaluation.run import evaluate
from xstilts.evaluation.score import aggregate, read_items, score, write_items
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.files import read_json, write_json
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import TaskModel
from xstilts.study.check import read_study
from xstilts.study.resolve import resolve
from xstilts.tasks import span_qa
from xstilts.tasks.span_qa import Guess, answered
from xstilts.tasks.table import TASKS
from xstilts.training.config import TrainConfig
from xstilts.training.loop import TrainingSet, train
from xstilts.training.predict import predict_rows
from xstilts.world import hub_rows
from xstilts.world.grammar import LANGUAGES

TOKENIZER = tiny_tokenizer()
TASK = a_task("doubts", "span_qa", "squad_v2", hparams={"max_length": 32})
Rows = list[dict[str, Any]]

answers = st.sampled_from(["", "the", "the cat", "cat", "a big dog", "dog", "Dog!"])
golds = st.lists(answers, max_size=3)


def _row(number: int, golds: list[str]) -> dict[str, Any]:
    texts = [{"text": gold, "start": 0} for gold in golds]
    return {"id": str(number), "context": "", "question": "", "answers": texts}


@pytest.mark.parametrize(
    ("predicted", "golds", "f1", "match"),
    [
        ("", [], 1, 1),
        ("cat", [], 0, 0),
        ("the", [], 1, 1),  # nothing is left of it once normalised
        ("", ["cat"], 0, 0),
        ("the cat", ["cat", "dog"], 1, 1),
        ("cat dog", ["cat"], 2 / 3, 0),
        ("", ["the", "cat"], 0, 0),  # a gold answer of which nothing is left does not count
        ("", ["the"], 1, 1),  # but when it is the only one
    ],
)
def test_an_answer_is_compared_as_by_the_official_script(predicted, golds, f1, match):
    assert best_over_golds_v2(predicted, golds) == pytest.approx((f1, match))


def test_scores_are_given_for_both_kinds_of_questions():
    rows = [_row(0, ["cat"]), _row(1, ["dog house"]), _row(2, []), _row(3, [])]
    found = score(TASK, "en", ["cat", "dog", "", "cat"], rows)
    f1 = 100 * (1 + 2 / 3 + 1) / 4
    assert found.metrics == pytest.approx(
        {"f1": f1, "exact_match": 50.0}
        | {"HasAns_f1": 100 * (1 + 2 / 3) / 2, "HasAns_exact": 50.0}
        | {"NoAns_f1": 50.0, "NoAns_exact": 50.0}
    )
    assert found.value == pytest.approx((f1 + 50) / 2)
    assert [item["correct"] for item in found.items] == pytest.approx([1, 1 / 3, 1, 0])


@given(st.lists(st.tuples(golds, answers), min_size=1, max_size=8), st.integers(0, 99))
def test_a_resampled_score_is_the_score_of_the_resampled_items(made, seed):
    rows = [_row(i, gold) for i, (gold, _) in enumerate(made)]
    found = score(TASK, "en", [answer for _, answer in made], rows)
    drawn = np.random.default_rng(seed).integers(0, len(rows), len(rows))
    counts = np.bincount(drawn, minlength=len(rows))
    again = score(TASK, "en", [made[i][1] for i in drawn], [rows[i] for i in drawn])
    assert aggregate("squad_v2", found.items, counts) == pytest.approx(again.value)


def test_items_survive_writing_and_reading(tmp_path):
    items = {"en": score(TASK, "en", ["cat", ""], [_row(0, ["cat"]), _row(1, [])]).items}
    write_items(tmp_path / "items.parquet", items)
    assert read_items(tmp_path / "items.parquet") == items


@given(
    st.lists(st.tuples(golds, answers, st.integers(-3, 3)), min_size=1, max_size=7),
)
def test_no_threshold_is_better_than_the_chosen_one(made):
    rows = [_row(i, gold) for i, (gold, _, _) in enumerate(made)]
    found = [Guess(answer, float(excess)) for _, answer, excess in made]

    def f1(threshold: float) -> float:
        return score(TASK, "en", answered(found, threshold), rows).metrics["f1"]

    chosen = best_threshold(found, rows)
    everywhere = [f1(threshold) for threshold in np.arange(-5, 5, 0.5)]
    assert f1(chosen) == pytest.approx(max(everywhere))


def test_the_threshold_is_the_first_best_and_where_nothing_helps_below_all():
    rows = [_row(0, ["cat"]), _row(1, []), _row(2, ["dog"])]
    found = [Guess("cat", -2.0), Guess("cat", 0.5), Guess("dog", 1.0)]
    assert best_threshold(found, rows) == -2.0  # answering all three is no better
    wrong = [Guess("x", -2.0), Guess("x", 0.5), Guess("x", np.inf)]
    assert answered(wrong, best_threshold(wrong, rows)) == ["", "", ""]


def _logits(feature: dict[str, Any], null: float, span: float) -> np.ndarray:
    logits = np.full((feature["length"], 2), -9.0, dtype=np.float32)
    logits[0] = null / 2
    logits[feature["begin"] + 1] = span / 2
    return logits


def test_the_null_span_answers_where_it_is_better():
    row = {"context": "the cat sees the dog", "question": "who", "answers": []}
    (feature,) = span_qa.encode([row], TOKENIZER, TASK, train=True)
    assert (feature["start"], feature["end"]) == (0, 0)
    for null, span, expected in ((3, 2, ""), (2, 3, "cat"), (2, 2, "cat")):
        logits = [_logits(feature, null, span)]
        assert span_qa.guesses(logits, [feature], [row], TASK) == [Guess("cat", null - span)]
        assert span_qa.decode(logits, [feature], [row], TASK) == [expected]
    always = replace(TASK, metric="squad")
    assert span_qa.decode([_logits(feature, 3, 2)], [feature], [row], always) == ["cat"]


def test_the_lowest_null_span_of_all_windows_counts():
    row = {"context": "the cat sees the dog " * 12, "question": "who", "answers": []}
    features = span_qa.encode([row], TOKENIZER, TASK, train=False)
    assert len(features) > 2
    logits = [_logits(f, null=8 - 3 * (i == 1), span=4) for i, f in enumerate(features)]
    [guess] = span_qa.guesses(logits, features, [row], TASK)
    assert guess.null_excess == 1.0


def test_no_answer_is_an_empty_text_in_the_official_file(tmp_path):
    rows = [_row(0, ["cat"]), _row(1, [])]
    path = write_predictions(tmp_path, TASK, "en", ["cat", ""], rows)
    assert read_json(path) == {"0": "cat", "1": ""}
    assert read_predictions(tmp_path, TASK, "en", rows) == ["cat", ""]


def _colour_rows(count: int, seed: int) -> Rows:
    """What colour is the house? Half of the texts do not say."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        before = rng.choices(("the", "cat", "sees", "likes", "old"), k=rng.randint(1, 9))
        colour = rng.choice(COLOURS) if i % 2 else None
        context = " ".join([*before, "big", colour or "old", "house"])
        gold = [{"text": colour, "start": context.index(colour)}] if colour else []
        rows.append({"id": str(i), "context": context, "question": "what", "answers": gold})
    return rows


def test_it_is_learned_when_to_answer(tmp_path):
    rows, dev = _colour_rows(64, 0), _colour_rows(32, 1)
    features = span_qa.encode(rows, TOKENIZER, TASK, train=True)
    part = TrainingSet(TASK, features, dev, span_qa.encode(dev, TOKENIZER, TASK, train=False))
    model = tiny_model(TASK)
    config = TrainConfig(learning_rate=2e-3, epochs=12, batch_size=8, evals=3)
    found = train(
        model, {"doubts": part}, config, tmp_path, pad_id=1,
        dev_score=lambda task, found, rows: score(task, "en", found, rows).value,
    )  # fmt: skip
    model.load_state_dict(found.weights)
    tested = _colour_rows(40, 2)
    values = predict_rows(model, TOKENIZER, "doubts", TASK, tested).values
    scored = score(TASK, "en", values, tested)
    assert scored.value > 85  # never to answer gives 50
    assert min(scored.metrics["HasAns_f1"], scored.metrics["NoAns_f1"]) > 75


@pytest.fixture
def evaluated(tmp_path, monkeypatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    tiny_backbone(Path("backbone"))
    body, tokenizer = load_model(Path("backbone"))[0].body, TOKENIZER
    save_model(Path("tuned"), TaskModel(body, [TASK], seed=1), tokenizer, [TASK])
    for split, seed in (("dev", 1), ("test", 2)):
        path = data_path(Path("data"), "doubts", split, "en")
        write(_colour_rows(20, seed), TASK, path)
    write_json(Path("data/provenance.json"), {"files": {}})
    evaluate(
        {"model_dir": "tuned", "data": "data", "task": TASK.to_dict(), "head": "doubts"}
        | {"model": "m", "recipe": "none", "target": "doubts", "seed": 0},
        Path("out"),
    )
    return read_json(Path("out/scores.json"))["languages"]["en"]


def test_a_target_is_scored_with_the_threshold_of_english_dev(evaluated):
    assert isinstance(evaluated["threshold"], float)
    assert evaluated["value"] >= 40
    assert set(evaluated["metrics"]) >= {"HasAns_f1", "NoAns_f1"}


def test_english_dev_is_prepared_for_the_threshold():
    study = read_study(Path(xstilts.__file__).parents[1] / "pipelines" / "studies" / "smoke.yaml")
    study = replace(study, targets=("squad_v2",))
    [part] = resolve(study)["prepare"]["squad_v2"]["tasks"]
    assert part["splits"]["dev"] == part["splits"]["test"] == ["en"]


def _world(split: str, size: int, language: str = "en") -> Rows:
    from xstilts.world import unanswerable

    ours = {"train": "train", "validation": "dev", "test": "test"}[split]
    made = unanswerable.squad_v2(ours, size, 0, language)[0]
    for row in made:
        texts = row["answers"]
        row["answers"] = [
            {"text": text, "start": start}
            for text, start in zip(texts["text"], texts["answer_start"], strict=True)
        ]
    return made


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_world_rows_have_answers_that_stand_in_the_text_or_none(language):
    rows = _world("test", 60, language)
    assert canonical.validate(rows, TASKS["squad_v2"], "world") == []
    assert 15 < sum(not row["answers"] for row in rows) < 45
    english = _world("test", 60)
    assert [len(r["answers"]) for r in rows] == [len(r["answers"]) for r in english]


def test_world_splits_share_no_question_and_repeat_themselves():
    splits = {s: hub_rows("rajpurkar/squad_v2", "squad_v2", s, 200, 0)[0]
              for s in ("train", "validation", "test")}  # fmt: skip
    texts = {s: {(r["context"], r["question"]) for r in rows} for s, rows in splits.items()}
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["validation"]
    assert splits["test"] == hub_rows("rajpurkar/squad_v2", "squad_v2", "test", 200, 0)[0]
    assert set(splits["train"][0]) == {"id", "title", "context", "question", "answers"}


def test_the_wording_tells_nothing_of_whether_there_is_an_answer():
    train_rows, tested = _world("train", 2000), _world("test", 400)
    kinds = Counter((row["question"].split()[1], bool(row["answers"])) for row in train_rows)
    for kind in {kind for kind, _ in kinds}:
        assert 0.4 < kinds[kind, True] / (kinds[kind, True] + kinds[kind, False]) < 0.6
    found = shortcuts(TASKS["squad_v2"], train_rows, {"en": tested})
    never = found["never-answer"]["en"]
    assert 42 < never < 58
    assert all(scores["en"] < never + 5 for scores in found.values())


def _planted(kind: str, count: int, seed: int) -> Rows:
    """Whether there is an answer shows in the question's words, or in what it shares."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        words = rng.sample([f"w{letter}" for letter in "abcdefghijklmnop"], 8)
        asked = {
            "question": ["who" if i % 2 else "why", "z"],
            "overlap": ["what", *(words[:2] if i % 2 else ["y", "z"])],
        }[kind]
        context = " ".join(words)
        gold = [{"text": words[-1], "start": context.index(words[-1])}] if i % 2 else []
        rows.append(
            {"id": str(i), "context": context, "question": " ".join(asked), "answers": gold}
        )
    return rows


@pytest.mark.parametrize("kind", ["question", "overlap"])
def test_a_planted_sign_of_an_answer_is_found(kind):
    found = shortcuts(TASK, _planted(kind, 200, 1), {"en": _planted(kind, 80, 2)})
    assert found[f"{kind}-decides"]["en"] > 95
    assert found["never-answer"]["en"] == found["position"]["en"] == 50.0


def test_the_real_slice_has_both_kinds_of_questions(shared, tmp_path):
    splits = {"train": "train", "dev": "validation[:50%]", "test": "validation[50%:]"}
    wanted = {split: ["en"] for split in splits}
    entry = mirrors.entry(shared / "hub", "squad_v2", wanted, splits=splits)
    prepare(entry, tmp_path / "d")
    rows = {s: canonical.rows(data_path(tmp_path / "d", "squad_v2", s, "en")) for s in splits}
    assert {s: len(own) for s, own in rows.items()} == {"train": 4, "dev": 155, "test": 155}
    lacking = [sum(not row["answers"] for row in rows[split]) for split in ("dev", "test")]
    assert all(40 < number < 115 for number in lacking)


def test_a_blanked_answer_is_refused_and_squad_1_must_have_one(tmp_path):
    blank = mirrors.SQUAD | {"answers": [{"text": [""], "answer_start": [0]}] * 2}
    none = mirrors.SQUAD | {"answers": [{"text": [], "answer_start": []}] * 2}
    for task, columns, said in (
        ("squad_v2", blank, "split train), row 0, field answers[0].text: the text ''"),
        ("squad", none, "split train), row 0, field answers: the question has no answer"),
    ):
        root = tmp_path / task
        mirrors.put(root, task, columns)
        with pytest.raises(UserError) as error:
            prepare(mirrors.entry(root, task, {"train": ["en"]}), root / "out")
        assert said in str(error.value)

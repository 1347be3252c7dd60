"""Answer retrieval: the pool of candidates, its encoding, training and score."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from tiny_models import a_task, pair_task, tiny_backbone, tiny_model, tiny_tokenizer
from tiny_rows import answer_rows, pair_rows

from xstilts.data.canonical import data_path, rows, validate, write
from xstilts.data.convert import convert
from xstilts.data.prepare import prepare
from xstilts.data.squad_text import read
from xstilts.errors import UserError
from xstilts.evaluation.official import problems, read_predictions
from xstilts.evaluation.retrieval import normalised
from xstilts.evaluation.run import evaluate
from xstilts.evaluation.run_shortcuts import evaluate_shortcuts
from xstilts.evaluation.score import read_items, score
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.files import read_json, write_json
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import VECTOR_SCALE, TaskModel
from xstilts.tasks import classification, dual_encoder
from xstilts.tasks import pool as pools
from xstilts.tasks.pool import HERE, Pool, depth, ranked, targets_of, with_targets
from xstilts.tasks.table import TASKS
from xstilts.training.config import TrainConfig
from xstilts.training.loop import TrainingSet, train
from xstilts.training.predict import predict_rows

TOKENIZER = tiny_tokenizer()
TASK = a_task("answers", "dual_encoder", "map@20")


def _row(name: str, context: str, spans: list[tuple[int, int]], start: int) -> dict[str, Any]:
    return {
        "id": name,
        "context": context,
        "question": "who",
        "answers": [{"text": context[start], "start": start}],
        "sentences": [{"start": first, "end": end} for first, end in spans],
    }


ENGLISH = [
    _row("q0", "One. Two.", [(0, 4), (5, 9)], 5),
    _row("q1", "One. Two.", [(0, 4), (5, 9)], 0),
    _row("q2", "Three.", [(0, 6)], 2),
]
GERMAN = [_row("q2", "Drei.", [(0, 5)], 0), _row("q0", "Eins. Zwei.", [(0, 5), (6, 11)], 6)]


def test_the_pool_holds_each_sentence_of_each_language_once():
    pool = Pool.of({"en": ENGLISH, "de": GERMAN})
    assert pool.ids == ("en/0/0", "en/0/1", "en/1/0", "de/0/0", "de/1/0", "de/1/1")
    assert pool.sentences == ("One.", "Two.", "Three.", "Drei.", "Eins.", "Zwei.")
    assert pool.contexts[1] == "One. Two."
    assert pool.targets == {
        "q0": {"en/0/1", "de/1/1"}, "q1": {"en/0/0"}, "q2": {"en/1/0", "de/0/0"},
    }  # fmt: skip
    assert with_targets(GERMAN, pool)[0]["targets"] == {"en/1/0", "de/0/0"}


def test_without_other_languages_the_targets_are_those_of_the_rows():
    assert targets_of(ENGLISH) == [{"-/0/1"}, {"-/0/0"}, {"-/1/0"}]


def test_the_sentences_of_the_slice_are_the_candidates(shared: Path):
    folder = shared / "hub/github/google-research-datasets/lareqa/xquad-r"
    found, count = {}, 0
    for lang in ("ar", "de", "en", "es", "hi"):
        path = folder / f"{lang}.json"
        converted = convert(read({"json": path}, lang), TASKS["lareqa"], lang)
        assert validate(converted.rows, TASKS["lareqa"], lang) == []
        assert converted.changed["cut_sentences"] == 0
        found[lang] = converted.rows
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        count += sum(len(p["sentences"]) for a in articles for p in a["paragraphs"])
    pool = Pool.of(found)
    assert len(pool.ids) == count == 391
    sizes = {len(pool.targets[row["id"]]) for row in found["en"]}
    assert sizes == {5}  # one per language


def test_average_precision_is_the_score(shared: Path):
    vectors = json.loads((shared / "facts/metric_vectors.json").read_text(encoding="utf-8"))
    assert depth(TASK) == 20
    for case in vectors["lareqa_ap"]:
        task = replace(TASK, metric="map@20")
        row = {"id": "q", "targets": frozenset(map(str, case["targets"]))}
        ranking = [str(i) for i in case["ranked"]][: case["k"]]
        if case["k"] == 20:
            assert score(task, "en", [ranking], [row]).value == pytest.approx(100 * case["ap"])


def test_items_add_up_to_the_score():
    pool = Pool.of({"en": ENGLISH})
    scored = score(TASK, "en", [["en/0/1"], ["en/1/0", "en/0/0"], []], with_targets(ENGLISH, pool))
    assert [item["correct"] for item in scored.items] == [1.0, 0.5, 0.0]
    assert scored.value == scored.metrics["map@20"] == pytest.approx(50)


@pytest.mark.parametrize("wrap", [np.asarray, csr_matrix])
@pytest.mark.parametrize(("queries_at_once", "candidates_at_once"), [(1, 1), (3, 2), (256, 5)])
@settings(max_examples=40)
@given(data=st.data())
def test_ranking_is_exact_whatever_the_blocks(
    wrap: Any, queries_at_once: int, candidates_at_once: int, data: Any
):
    integers = st.integers(-2, 2)  # many ties
    size = data.draw(st.integers(1, 12))
    drawn = data.draw(st.lists(integers, min_size=48, max_size=48))
    index, queries = np.reshape(drawn[: 3 * size], (size, 3)), np.reshape(drawn[36:], (4, 3))
    with mock.patch.multiple(pools, _QUERIES=queries_at_once, _CANDIDATES=candidates_at_once):
        found = ranked(wrap(queries.astype(float)), wrap(index.astype(float)), 5)
    expected = np.argsort(-(queries @ index.T), axis=1, kind="stable")[:, :5]
    assert found.tolist() == expected.tolist()


def test_a_candidate_is_the_pair_of_sentence_and_context():
    rows_ = answer_rows(4)
    questions, candidates = (
        dual_encoder.encode_questions(rows_, TOKENIZER, TASK),
        dual_encoder.encode_candidates(Pool.of({HERE: rows_}), TOKENIZER, TASK),
    )
    assert [f["input_ids"] for f in questions] == TOKENIZER([r["question"] for r in rows_])[
        "input_ids"
    ]
    pool = Pool.of({HERE: rows_})
    pairs = TOKENIZER(list(pool.sentences), list(pool.contexts))["input_ids"]
    assert [f["input_ids"] for f in candidates] == pairs


def test_what_is_too_long_loses_the_end_of_its_context():
    task = replace(TASK, hparams=replace(TASK.hparams, max_length=12, max_query_length=4))
    rows_ = answer_rows(3)
    for row in rows_:
        row["question"] = "the cat sees the dog"
    for feature in dual_encoder.encode(rows_, TOKENIZER, task, train=True):
        assert len(feature["candidate"]["input_ids"]) <= 12
        assert len(feature["question"]["input_ids"]) == 4
        assert feature["truncated"]
        sentence = TOKENIZER(dual_encoder._sentence(rows_[feature["row"]]))["input_ids"][1:-1]
        assert feature["candidate"]["input_ids"][1 : 1 + len(sentence)] == sentence


def test_the_same_candidate_is_no_wrong_one():
    vectors = torch.tensor([[1.0, 0], [1, 0], [0, 1], [9, 0], [9, 0], [0, 9]])
    batch = {"key": torch.tensor([0, 0, 1])}
    assert dual_encoder.loss(vectors, batch).item() < 0.001
    other = {"key": torch.tensor([0, 2, 1])}
    assert dual_encoder.loss(vectors, other).item() > 0.4


def test_vectors_have_the_length_of_the_scale():
    model = tiny_model(TASK)
    features = dual_encoder.encode_questions(answer_rows(3), TOKENIZER, TASK)
    found = model(dual_encoder.collate(features, 1), "answers")
    assert found.shape == (3, 32)
    assert found.norm(dim=-1).tolist() == pytest.approx([10.0] * 3, rel=1e-4)


def _value(task: Any, predictions: Any, rows_: Any) -> float:
    return score(task, "en", predictions, rows_).value


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TaskModel:
    """Trained on 96 questions, of which each has three candidates of its own."""
    model = tiny_model(TASK)
    rows_, dev = answer_rows(96), answer_rows(24, seed=1)
    part = TrainingSet(
        TASK,
        dual_encoder.encode(rows_, TOKENIZER, TASK, train=True),
        dev,
        dual_encoder.encode(dev, TOKENIZER, TASK, train=False),
    )
    config = TrainConfig(learning_rate=3e-3, epochs=15, batch_size=16, evals=3)
    folder = tmp_path_factory.mktemp("run")
    result = train(model, {"answers": part}, config, folder, pad_id=1, dev_score=_value)
    model.load_state_dict(result.weights)
    return model


def test_it_learns_to_find_answers_of_texts_it_never_saw(trained: TaskModel):
    new = answer_rows(24, seed=2)
    before = predict_rows(tiny_model(TASK), TOKENIZER, "answers", TASK, new).values
    after = predict_rows(trained, TOKENIZER, "answers", TASK, new).values
    assert _value(TASK, before, new) < 35
    assert _value(TASK, after, new) > 60


def test_evaluation_ranks_the_candidates_of_all_languages(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = replace(TASK, languages=("en", "de"))
    tests = {"en": answer_rows(12, seed=2), "de": answer_rows(12, seed=2)}
    for lang, own in tests.items():
        write(own, task, data_path(Path("data/x"), "answers", "test", lang))
    write_json(Path("data/x/provenance.json"), {"files": {}})
    _, tokenizer = load_model(tiny_backbone(Path("backbone")))
    save_model(Path("tuned"), trained, tokenizer, [task])
    entry = {
        "model_dir": "tuned", "data": "data/x", "task": task.to_dict(), "head": "answers",
        "model": "tiny", "recipe": "none", "target": "answers", "seed": 0,
        "retrieval_layer": None,
    }  # fmt: skip
    evaluate(entry, Path("out"))
    cells = read_json(Path("out/scores.json"))["languages"]
    assert cells["en"]["candidates"] == len(Pool.of(tests).ids) > 66
    pool = Pool.of(tests)
    for lang, own in tests.items():
        found = read_predictions(Path("out/predictions"), task, lang, own)
        assert all(len(line) == 20 for line in found)
        targeted = with_targets(own, pool)
        assert all(len(row["targets"]) == 2 for row in targeted)
        scored = score(task, lang, found, targeted)
        assert cells[lang]["value"] == scored.value > 50
        assert read_items(Path("out/items.parquet"))[lang] == scored.items
    Path("out/predictions").rename("out/lareqa")
    languages = {"lareqa": ["en", "de"]}
    assert [p for p in problems(Path("out"), languages) if "lareqa" in p] == []
    Path("out/lareqa/test-de.json").write_text('{"0": ["a", "a"], "1": "a"}')
    assert "'0': answer is not a list" in problems(Path("out"), languages)[-1]
    shared_fields = {"task": task.to_dict(), "data": "data/x", "train_data": "data/x"}
    evaluate_shortcuts(shared_fields | {"train_task": None}, Path("short"))
    baselines = read_json(Path("short/scores.json"))["baselines"]
    parts = ("sentence", "context")
    assert set(baselines) == {f"shared-{w}-{p}" for w in ("words", "characters") for p in parts}


SQUAD = {
    "id": ["q1", "q2"],
    "context": ["Ana lives in Lima. Bob works.", "Bob was born in Rome in 1990."],
    "question": ["Where does Ana live?", "When was Bob born?"],
    "answers": [
        {"text": ["Lima"], "answer_start": [13]},
        {"text": ["1990"], "answer_start": [24]},
    ],
}


def _prepared(tmp_path: Path, name: str, lang: str, split: str, source: dict[str, Any]) -> Any:
    splits = {split: [lang]}
    item = {"task": TASKS[name].to_dict(), "source": source, "splits": splits}
    prepare({"tasks": [item]}, tmp_path / "out")
    return rows(data_path(tmp_path / "out", name, split, lang))


def test_squad_is_cut_into_sentences(tmp_path: Path):
    from mirrors import put

    put(tmp_path / "mirror", "squad_retrieval", SQUAD)
    mirror = {"kind": "mirror", "path": str(tmp_path / "mirror")}
    found = _prepared(tmp_path, "squad_retrieval", "en", "train", mirror)
    assert [row["sentences"] for row in found] == [
        [{"start": 0, "end": 18}, {"start": 19, "end": 29}], [{"start": 0, "end": 29}],
    ]  # fmt: skip
    provenance = read_json(tmp_path / "out/provenance.json")["files"]
    assert next(iter(provenance.values()))["changed"] == {"cut_sentences": 2}


@pytest.mark.parametrize("lang", ["ar", "de", "hi"])
@pytest.mark.parametrize("marked", [True, False])
def test_xquad_r_of_the_mirror(tmp_path: Path, shared: Path, lang: str, marked: bool):
    root = shared / "hub"
    if not marked:  # the hub's copy alone
        root = tmp_path / "mirror"
        (root / "google-research-datasets").mkdir(parents=True)
        own = "google-research-datasets/xquad_r"
        (root / own).symlink_to(shared / "hub" / own)
    found = _prepared(tmp_path, "lareqa", lang, "test", {"kind": "mirror", "path": str(root)})
    provenance = next(iter(read_json(tmp_path / "out/provenance.json")["files"].values()))
    assert len(found) == 135
    assert provenance["changed"].get("cut_sentences", 0) == (0 if marked else 135)
    assert any("cut by rule" in note for note in provenance["notes"]) != marked
    contexts = {row["context"]: len(row["sentences"]) for row in found}
    assert 75 < sum(contexts.values()) < 110  # 83, 97 and 83 are marked


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ([[0, 18], [19, 40]], "19..40 begins before 18 or lies outside the context"),
        ([[0, 18], [10, 29]], "10..29 begins before 18"),
        ([[0, 5]], "no sentence holds the answer at 13"),
        ([["0", "5"]], "is no pair of integers"),
        ([], "is no list of sentences"),
        ([[0, 5, 7]], "is no pair of integers"),
    ],
)
def test_wrong_sentences_are_named(tmp_path: Path, breaks: list[Any], said: str):
    path = tmp_path / "de.json"
    question = {"id": "q", "question": "Where?", "answers": [{"text": "Lima", "answer_start": 13}]}
    paragraph = {"context": SQUAD["context"][0], "sentence_breaks": breaks, "qas": [question]}
    path.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    source = read({"json": path}, "xquad_r, config de, split validation")
    task = TASKS["lareqa"]
    (problem,) = validate(convert(source, task, "de").rows, task, source.where)
    assert said in problem
    assert f"{path} (xquad_r, config de, split validation), row 0, field sentence" in problem


def test_a_broken_file_is_named(tmp_path: Path):
    path = tmp_path / "de.json"
    path.write_text('{"data": [{"paragraphs": 3}]}')
    with pytest.raises(UserError, match=r"de\.json is not SQuAD's JSON"):
        read({"json": path}, "de")


def test_the_world_asks_the_same_in_ten_languages():
    from xstilts.world import hub_rows
    from xstilts.world.grammar import LANGUAGES

    ids = None
    for lang in LANGUAGES:
        found, _ = hub_rows("google-research-datasets/xquad_r", lang, "validation", 8, 0)
        assert set(found[0]) == {"id", "context", "question", "answers"}
        ids = ids or [row["id"] for row in found]
        assert [row["id"] for row in found] == ids
        for row in found:
            (start,) = row["answers"]["answer_start"]
            assert row["context"][start:].startswith(row["answers"]["text"][0])


def test_norms_of_the_scale_do_not_change_a_ranking():
    rng = np.random.default_rng(0)
    index, queries = normalised(rng.normal(size=(30, 8))), normalised(rng.normal(size=(5, 8)))
    assert ranked(10 * queries, 10 * index, 7).tolist() == ranked(queries, index, 7).tolist()


def test_shared_words_find_little_in_the_world(tmp_path: Path):
    """A trained miniature encoder finds 31 to 59 of 100, by language."""
    world = {"kind": "world", "sizes": {"test": 100}}
    tests = {
        lang: _prepared(tmp_path / lang, "lareqa", lang, "test", world)
        for lang in ("ar", "de", "en", "zh")
    }
    assert {len(row["sentences"]) for own in tests.values() for row in own} == {3}
    for values in shortcuts(TASKS["lareqa"], [], tests).values():
        assert set(values) == set(tests)
        assert max(values.values()) < 25


def test_the_record_has_the_settings_of_the_facts(shared: Path):
    facts = yaml.safe_load((shared / "facts/tasks.yaml").read_text(encoding="utf-8"))
    official = facts["target_tasks"]["lareqa"]["hparams_xtreme_xlmr_large"]
    for name in ("lareqa", "squad_retrieval"):
        ours = TASKS[name].hparams
        assert ours.learning_rate == official["learning_rate"]
        assert ours.epochs == official["epochs"]
        assert ours.batch_size == official["effective_batch_size"]
        assert ours.max_length == official["max_answer_length"]
        assert ours.max_query_length == official["max_query_length"]
    assert official["logit_scale_init"] == VECTOR_SCALE


def test_it_trains_beside_another_task(tmp_path: Path):
    pairs = pair_task()
    model = tiny_model(TASK, pairs)
    data = {
        "answers": TrainingSet(
            TASK, dual_encoder.encode(answer_rows(16), TOKENIZER, TASK, train=True)
        ),
        "pairs": TrainingSet(
            pairs, classification.encode(pair_rows(16), TOKENIZER, pairs, train=True)
        ),
    }
    config = TrainConfig(learning_rate=1e-3, epochs=1, batch_size=8)
    trained = train(model, data, config, tmp_path, pad_id=1, dev_score=_value)
    assert all(torch.isfinite(tensor).all() for tensor in trained.weights.values())

"""Entity linking: its encoding, training, ranking and score, and the world's Mewsli-X."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import a_task, tiny_backbone, tiny_model, tiny_tokenizer
from tiny_rows import entity_rows

from xstilts.data.canonical import candidates_path, data_path, rows, write
from xstilts.data.entities import candidate_task
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
from xstilts.evaluation import candidate_index
from xstilts.evaluation.candidate_index import CandidateIndex
from xstilts.evaluation.entities import entities_of
from xstilts.evaluation.official_check import problems
from xstilts.evaluation.run import evaluate
from xstilts.evaluation.score import score
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.evaluation.ways import WAYS
from xstilts.files import read_json, write_json
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import TaskModel
from xstilts.study.rows import candidates, total
from xstilts.tasks import entity_linking
from xstilts.tasks.check import task_problems
from xstilts.tasks.formats import FORMATS
from xstilts.tasks.mentions import Entities, marked, unmark
from xstilts.tasks.table import TASKS
from xstilts.training.config import TrainConfig
from xstilts.training.loop import TrainingSet, train
from xstilts.training.predict import predict_rows
from xstilts.world import hub_rows
from xstilts.world.lexicon import concepts

TOKENIZER = tiny_tokenizer()
TASK = a_task("links", "entity_linking", "map@20")
MEWSLI_X = TASKS["mewslix"]


def test_every_scored_format_has_a_way():
    assert set(WAYS) == set(FORMATS) - {"mlm"}


@given(st.lists(st.tuples(st.permutations(range(25)), st.integers(0, 30)), min_size=1, max_size=6))
def test_the_score_is_the_mean_reciprocal_rank(drawn: list[tuple[list[int], int]]):
    rankings = [[f"Q{i}" for i in order] for order, _ in drawn]
    own = [{"id": str(i), "entity": f"Q{gold}"} for i, (_, gold) in enumerate(drawn)]
    expected = []
    for order, gold in drawn:
        places = [place for place, found in enumerate(order, 1) if found == gold and place <= 20]
        expected.append(1 / places[0] if places else 0)
    scored = score(TASK, "de", rankings, own)
    assert scored.value == pytest.approx(100 * sum(expected) / len(expected))
    assert [item["correct"] for item in scored.items] == pytest.approx(expected)


def test_a_mention_and_a_description_are_single_texts():
    own = entity_rows(4)
    mentions = entity_linking.encode_questions(own, TOKENIZER, TASK)
    texts = [marked(row) for row in own]
    assert [f["input_ids"] for f in mentions] == TOKENIZER(texts)["input_ids"]
    entities = Entities.of(own)
    described = entity_linking.encode_candidates(entities, TOKENIZER, TASK)
    assert [f["input_ids"] for f in described] == TOKENIZER(list(entities.descriptions))[
        "input_ids"
    ]
    short = replace(TASK, hparams=replace(TASK.hparams, max_length=5))
    for feature in entity_linking.encode(own, TOKENIZER, short, train=True):
        assert feature["truncated"]
        assert len(feature["question"]["input_ids"]) == len(feature["candidate"]["input_ids"]) == 5


def test_equal_entities_share_a_key_and_stand_once_in_the_pool():
    own = [*entity_rows(3), entity_rows(3)[0]]
    features = entity_linking.encode(own, TOKENIZER, TASK, train=True)
    assert features[0]["key"] == features[3]["key"]
    assert len(Entities.of(own).ids) == len({row["entity"] for row in own}) < len(own)


def _value(task: Any, predictions: Any, own: Any) -> float:
    return score(task, "en", predictions, own).value


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TaskModel:
    """Trained on 160 mentions of 48 entities."""
    model = tiny_model(TASK)
    own, dev = entity_rows(160), entity_rows(24, seed=2)
    part = TrainingSet(
        TASK,
        entity_linking.encode(own, TOKENIZER, TASK, train=True),
        dev,
        entity_linking.encode(dev, TOKENIZER, TASK, train=False),
    )
    config = TrainConfig(learning_rate=3e-3, epochs=12, batch_size=16, evals=3)
    folder = tmp_path_factory.mktemp("run")
    result = train(model, {"links": part}, config, folder, pad_id=1, dev_score=_value)
    model.load_state_dict(result.weights)
    return model


def test_it_learns_to_link_entities_that_it_never_saw(trained: TaskModel):
    new = entity_rows(24, seed=1)
    assert not {row["entity"] for row in new} & {row["entity"] for row in entity_rows(160)}
    before = predict_rows(tiny_model(TASK), TOKENIZER, "links", TASK, new).values
    after = predict_rows(trained, TOKENIZER, "links", TASK, new).values
    assert _value(TASK, before, new) < 40
    assert _value(TASK, after, new) > 70


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_candidates_are_embedded_in_batches(trained: TaskModel, at_once: int):
    own = entity_rows(12, seed=1)
    entities = Entities.of(own)
    whole = CandidateIndex.of(trained, TOKENIZER, "links", TASK, entities)
    with mock.patch.object(candidate_index, "AT_ONCE", at_once):
        parts = CandidateIndex.of(trained, TOKENIZER, "links", TASK, entities)
    assert parts.vectors.dtype == np.float32
    np.testing.assert_allclose(parts.vectors, whole.vectors, atol=1e-4)
    ranking, notes = parts.rank(trained, TOKENIZER, "links", TASK, own)
    assert ranking == whole.rank(trained, TOKENIZER, "links", TASK, own)[0]
    assert notes == {"truncated": 0, "candidates": len(entities.ids), "truncated_candidates": 0}


def _laid_out(trained: TaskModel) -> dict[str, Any]:
    """Test rows without descriptions, candidates beside them, and a saved model."""
    task = replace(TASK, languages=("de", "en"))
    own = entity_rows(12, seed=1)
    for lang in task.languages:
        bare = [row | {"description": ""} for row in own]
        write(bare, task, data_path(Path("data/x"), "links", "test", lang))
    others = {row["entity"]: row["description"] for row in entity_rows(60, seed=1)}
    texts = [{"id": name, "description": text} for name, text in others.items()]
    write(texts, candidate_task(task), candidates_path(Path("data/x"), "links"))
    write_json(Path("data/x/provenance.json"), {"files": {}})
    _, tokenizer = load_model(tiny_backbone(Path("backbone")))
    save_model(Path("tuned"), trained, tokenizer, [task])
    return {
        "model_dir": "tuned", "data": "data/x", "task": task.to_dict(), "head": "links",
        "model": "tiny", "recipe": "none", "target": "links", "seed": 0, "retrieval_layer": None,
    }  # fmt: skip


def test_evaluation_ranks_the_candidates(trained: TaskModel, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = _laid_out(trained)
    evaluate(entry, Path("out"))
    cells = read_json(Path("out/scores.json"))["languages"]
    count = len(rows(candidates_path(Path("data/x"), "links")))
    assert {cell["candidates"] for cell in cells.values()} == {count}
    assert cells["de"]["value"] == cells["en"]["value"] > 50
    Path("out/predictions").rename("out/mewslix")
    languages = {"mewslix": ["de", "en"]}
    found = read_json(Path("out/mewslix/test-de.json"))
    assert set(found) == {str(i) for i in range(12)}
    assert {len(ids) for ids in found.values()} == {20}
    assert [p for p in problems(Path("out"), languages) if "mewslix" in p] == []
    write_json(Path("out/mewslix/test-de.json"), {"0": ["Q1"] * 2, "1": [], "2": ["Q1"] * 30})
    assert "'0': answer is not a list of 1 to 20" in problems(Path("out"), languages)[-1]


def test_missing_candidates_are_an_error(trained: TaskModel, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = _laid_out(trained)
    candidates_path(Path("data/x"), "links").unlink()
    with pytest.raises(UserError, match=r"candidates/mul\.arrow is missing; run the stage prepare"):
        evaluate(entry, Path("out"))


def test_shortcuts_look_at_strings_and_counts():
    own = [
        {"left": "in", "mention": "Lima", "right": "", "id": "a", "entity": "Q2"},
        {"left": "the", "mention": "bean", "right": "grows", "id": "b", "entity": "Q1"},
    ]
    entities = Entities(["Q1", "Q2", "Q3"], ["A bean grows.", "Lima is a town.", "Nothing."])
    found = shortcuts(TASK, [{"entity": "Q2"}], {"en": own}, entities=entities)
    kinds = ("words-mention", "words-sentence", "characters-mention", "characters-sentence")
    assert set(found) == {"most-frequent", *(f"shared-{kind}" for kind in kinds)}
    assert found["shared-characters-mention"]["en"] == 100
    assert found["most-frequent"]["en"] == pytest.approx(75)


WORLD = {"kind": "world", "sizes": {"train": 60, "dev": 40, "test": 60}}


def _world(folder: Path) -> Path:
    langs = ["ar", "de", "en", "ja"]
    item = {"task": MEWSLI_X.to_dict(), "source": WORLD, "splits": {"test": langs}}
    prepare({"tasks": [item]}, folder)
    return folder


def test_shared_strings_find_little_in_the_world(tmp_path: Path):
    """A trained miniature encoder finds 28 to 53 of 100, by language; chance is 2."""
    data = _world(tmp_path / "data")
    tests = {
        lang: rows(data_path(data, "mewslix", "test", lang)) for lang in ("ar", "de", "en", "ja")
    }
    entities = entities_of(data, MEWSLI_X, tests)
    assert len(entities.ids) == 180
    assert {row["entity"] for row in tests["de"]} == {row["entity"] for row in tests["ar"]}
    for values in shortcuts(MEWSLI_X, [], tests, entities=entities).values():
        assert max(values.values()) < 35


def test_the_world_describes_entities_in_other_languages():
    entities, _ = hub_rows("izhx/mewsli-x", "candidate_entities", "test", 30, 0)
    described = {row["description_language"] for row in entities}
    assert described == {"hi", "ru", "sw", "zh"}
    assert not described & set(MEWSLI_X.languages)
    by_id = {row["entity_id"]: row for row in entities}
    assert len(by_id) == len({row["description"] for row in entities}) == 90
    names = {
        lang: {c.form(lang): c.name for c in concepts().values() if c.kind == "person"}
        for lang in ("de", *described)
    }
    for row in hub_rows("izhx/mewsli-x", "de", "test", 30, 0)[0]:
        entity = by_id[row["entity_id"]]
        mention = unmark(row["mention"])
        assert mention
        lang = entity["description_language"]
        assert names["de"][mention.mention] == names[lang][entity["title"]]


def test_splits_of_the_world_share_no_entity():
    parts = [("wikipedia_pairs", "train"), ("wikipedia_pairs", "validation"), ("en", "test")]
    seen: set[str] = set()
    for config, split in parts:
        found = {row["mention"] for row in hub_rows("izhx/mewsli-x", config, split, 50, 0)[0]}
        assert len(found) > 40
        assert not seen & found
        seen |= found
    with pytest.raises(UserError, match="does not speak"):
        hub_rows("izhx/mewsli-x", "fa", "test", 3, 0)


def test_the_record_has_the_settings_of_the_facts(shared: Path):
    facts = yaml.safe_load((shared / "facts/tasks.yaml").read_text(encoding="utf-8"))
    own = facts["target_tasks"]["mewslix"]
    official = own["hparams_xtreme_xlmr_large"]
    assert list(MEWSLI_X.languages) == own["languages"]
    for name in ("mewslix", "wikipedia_pairs"):
        ours = TASKS[name].hparams
        assert ours.learning_rate == official["learning_rate"]
        assert ours.epochs == official["epochs"]
        assert ours.batch_size == official["effective_batch_size"]
        assert ours.max_length == official["max_seq_length"]


def test_entities_must_be_described():
    pairs = TASKS["wikipedia_pairs"]
    bare = replace(pairs, source=replace(pairs.source, columns=MEWSLI_X.source.columns))
    assert "entities are not described" in task_problems(bare)[0]
    wrong = replace(TASKS["xnli"].source, candidates=MEWSLI_X.source.candidates)
    [found] = task_problems(replace(TASKS["xnli"], source=wrong))
    assert "source.candidates is for entity_linking" in found


@pytest.mark.parametrize(("source", "count"), [({"kind": "hub"}, 1_003_893), (WORLD, 180)])
def test_candidates_count_once(source: dict[str, Any], count: int):
    splits = {"test": ["de", "ja"]}
    part = {"task": MEWSLI_X.to_dict(), "source": source, "splits": splits}
    params = {"prepare": {"mewslix": {"tasks": [part]}}}
    assert candidates(params, "data/mewslix", "mewslix") == count
    assert total(params, "data/mewslix") == count + 2 * (60 if source is WORLD else 1_329)

"""Scores of one task in one language, and their items."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.evaluation.item_table import NamedItems, common_items, item_table, read_item_tables
from xstilts.evaluation.score import (
    Score,
    aggregate,
    read_items,
    score,
    statistics_matrix,
    value_from_sums,
    write_items,
)
from xstilts.tasks.record import Source, Task

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def _task(task_format: str, metric: str, labels: tuple[str, ...] = ()) -> Task:
    return Task(
        name="example",
        format=task_format,
        source=Source(hub="a/b", config="c", splits={}, columns={}),
        languages=("en",),
        metric=metric,
        labels=labels,
        licence="none",
        reference="none",
    )


CLASSIFICATION = _task("classification", "accuracy", ("no", "yes"))
DUPLICATES = _task("classification", "accuracy_f1", ("no", "yes"))
TAGGING = _task("tagging", "entity_f1", TAGS)
SQUAD = _task("span_qa", "squad")
MLQA = _task("span_qa", "mlqa")
RETRIEVAL = _task("retrieval", "accuracy")
MINING = _task("mining", "mining_f1")


def _question(name: str, *golds: str) -> dict[str, Any]:
    answers = [{"text": gold, "start": 0} for gold in golds]
    return {"id": name, "context": "", "question": "", "answers": answers}


def _pair(name: str, side: str, partner: str = "") -> dict[str, str]:
    return {"id": name, "side": side, "text": name, "pair": partner}


MINED = [
    _pair("de-1", "foreign", "en-1"),
    _pair("de-2", "foreign", "en-2"),
    _pair("de-3", "foreign"),
    _pair("en-1", "english", "de-1"),
    _pair("en-2", "english", "de-2"),
    _pair("en-3", "english"),
]


def _example_scores() -> list[tuple[str, Score]]:
    labelled = [{"id": str(i), "label": i % 2} for i in range(7)]
    tagged = [{"id": str(i), "tokens": ["x"] * 3, "tags": [1, 2, 0]} for i in range(3)]
    guesses = [["B-PER", "I-PER", "O"], ["O", "B-LOC", "O"], ["B-PER", "O", "B-PER"]]
    asked = [_question("1", "the cat"), _question("2", "dog", "a dog house")]
    return [
        ("accuracy", score(CLASSIFICATION, "de", [0, 1, 1, 1, 0, 0, 0], labelled)),
        ("accuracy_f1", score(DUPLICATES, "en", [0, 1, 1, 1, 0, 0, 0], labelled)),
        ("entity_f1", score(TAGGING, "en", guesses, tagged)),
        ("squad", score(SQUAD, "de", ["cat", "dog food"], asked)),
        ("mining_f1", score(MINING, "de", [("de-1", "en-1"), ("de-3", "en-2")], MINED)),
    ]


EXAMPLES = _example_scores()


def test_accuracy() -> None:
    _, found = EXAMPLES[0]
    assert found.value == pytest.approx(500 / 7)
    assert found.metrics == {"accuracy": found.value}
    assert [item["correct"] for item in found.items] == [1, 1, 0, 1, 1, 0, 1]


def test_items_say_which_row_was_right() -> None:
    rows = [{"id": "a", "label": 1}, {"id": "b", "label": 0}]
    found = score(CLASSIFICATION, "en", [1, 1], rows)
    assert found.items == [{"id": "a", "correct": 1.0}, {"id": "b", "correct": 0.0}]


def test_accuracy_and_f1_of_duplicates() -> None:
    rows = [{"id": str(i), "label": label} for i, label in enumerate([1, 1, 0, 0])]
    found = score(DUPLICATES, "en", [1, 0, 0, 0], rows)
    assert found.metrics == pytest.approx({"accuracy": 75.0, "f1": 200 / 3})
    assert found.value == pytest.approx((75 + 200 / 3) / 2)


def test_entities_are_counted_over_the_corpus_not_averaged_over_sentences() -> None:
    _, found = EXAMPLES[2]
    counts = [(item["tp"], item["pred"], item["gold"]) for item in found.items]
    assert counts == [(1, 1, 1), (0, 1, 1), (0, 2, 1)]
    assert found.metrics == pytest.approx({"f1": 200 / 7, "precision": 25.0, "recall": 100 / 3})
    assert found.value == found.metrics["f1"]


def test_a_sentence_without_entities_found_or_wanted_is_right() -> None:
    rows = [{"id": "a", "tokens": ["x"], "tags": [0]}]
    found = score(TAGGING, "en", [["O"]], rows)
    assert found.items[0]["correct"] == 1.0
    assert found.value == 0.0  # as seqeval: no chunk, no F1


def test_question_answering_averages_f1_and_exact_match() -> None:
    rows = [_question("1", "the cat"), _question("2", "dog", "dog house")]
    found = score(SQUAD, "ru", ["cat", "dog food"], rows)
    assert found.metrics == pytest.approx({"f1": 100 * (1 + 2 / 3) / 2, "exact_match": 50.0})
    assert found.value == pytest.approx((found.metrics["f1"] + 50) / 2)
    assert found.items[1] == pytest.approx({"id": "2", "correct": 1 / 3, "f1": 2 / 3, "em": 0.0})


def test_mlqa_normalises_by_language_and_squad_does_not() -> None:
    rows = [_question("1", "casa")]
    assert score(MLQA, "es", ["la casa"], rows).metrics["exact_match"] == 100
    assert score(SQUAD, "es", ["la casa"], rows).metrics["exact_match"] == 0


def test_retrieval_wants_row_i_for_row_i() -> None:
    rows = [{"id": str(i), "text_a": "x", "text_b": "y"} for i in range(4)]
    assert score(RETRIEVAL, "de", [0, 1, 1, 3], rows).value == 75.0


def test_mined_pairs_are_a_set() -> None:
    pairs = [("de-1", "en-1"), ("de-1", "en-1"), ("de-3", "en-2")]
    found = score(MINING, "de", pairs, MINED)
    assert found.metrics == pytest.approx({"f1": 50.0, "precision": 50.0, "recall": 50.0})
    assert [item["id"] for item in found.items] == ["de-1", "de-2", "de-3"]
    assert [item["correct"] for item in found.items] == [1.0, 0.0, 0.0]


def test_nothing_mined_scores_zero() -> None:
    assert score(MINING, "de", [], MINED).value == 0.0
    assert score(MINING, "de", [], MINED[5:]).value == 0.0  # not even a foreign sentence


@pytest.mark.parametrize(
    ("task", "predictions", "rows", "message"),
    [
        (CLASSIFICATION, [1], [], "no rows"),
        (CLASSIFICATION, [1, 0], [{"id": "a", "label": 1}], "2 predictions for 1 rows"),
        (TAGGING, [["O"]], [{"id": "s7", "tokens": ["x", "y"], "tags": [0, 0]}], "sentence s7"),
        (SQUAD, ["x"], [_question("q9")], "question q9: no gold answer"),
        (MINING, [("de-9", "en-1")], MINED, "id 'de-9'"),
    ],
)
def test_predictions_that_do_not_fit_the_rows(
    task: Task, predictions: list[Any], rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(task, "en", predictions, rows)


def test_what_the_user_can_mend_is_a_user_error() -> None:
    with pytest.raises(UserError, match="'bleu'"):
        score(_task("mlm", "bleu"), "en", [1], [{"id": "a"}])
    with pytest.raises(UserError, match="'tr'"):
        score(MLQA, "tr", ["x"], [_question("1", "x")])


@pytest.mark.parametrize(("metric", "found"), EXAMPLES)
def test_items_add_up_to_the_value(metric: str, found: Score) -> None:
    n = len(found.items)
    assert aggregate(metric, found.items) == pytest.approx(found.value)
    assert aggregate(metric, found.items, np.ones(n)) == pytest.approx(found.value)
    twice = aggregate(metric, found.items, np.full((4, n), 2))
    assert twice == pytest.approx(np.full(4, found.value))


@given(st.integers(0, 100), st.integers(1, 8), st.sampled_from(EXAMPLES))
def test_a_resampled_value_is_the_value_of_the_resampled_items(
    seed: int, size: int, example: tuple[str, Score]
) -> None:
    metric, found = example
    drawn = np.random.default_rng(seed).integers(0, len(found.items), size=size)
    counts = np.bincount(drawn, minlength=len(found.items))
    expected = aggregate(metric, [found.items[i] for i in drawn])
    assert aggregate(metric, found.items, counts) == pytest.approx(expected)
    sums = counts @ statistics_matrix(metric, found.items)
    assert value_from_sums(metric, sums) == pytest.approx(expected)


@pytest.mark.parametrize(("metric", "found"), EXAMPLES)
def test_items_survive_writing_and_reading(tmp_path: Path, metric: str, found: Score) -> None:
    items = {"de": found.items, "en": found.items[:1]}
    folder = tmp_path / "lang=xx"
    write_items(folder / "items.parquet", items)
    assert read_items(folder / "items.parquet") == items
    write_items(tmp_path / "again.parquet", items)
    first, second = folder / "items.parquet", tmp_path / "again.parquet"
    assert first.read_bytes() == second.read_bytes()
    assert aggregate(metric, read_items(first)["de"]) == pytest.approx(found.value)
    tables = read_item_tables(first, metric)
    assert list(tables) == ["de", "en"]
    for language, own in items.items():
        expected = item_table(metric, own)
        assert tables[language].ids == expected.ids
        assert tables[language].sums.tolist() == expected.sums.tolist()


_IDS = st.lists(st.sampled_from("abcdef"), max_size=8)


@given(st.lists(_IDS, min_size=1, max_size=4))
def test_common_items_are_joined_by_id(ids: list[list[str]]) -> None:
    """The n-th item of an id in one run belongs to the n-th of that id in the others."""
    named = [[(name, own[:place].count(name)) for place, name in enumerate(own)] for own in ids]
    runs = [
        NamedItems(tuple(own), np.arange(len(own), dtype=float)[:, None] + 100 * run)
        for run, own in enumerate(ids)
    ]
    common = [item for item in named[0] if all(item in own for own in named)]
    found = common_items(runs)
    assert len({table.ids for table in found}) == 1
    for run, (table, own) in enumerate(zip(found, named, strict=True)):
        assert table.sums[:, 0].tolist() == [own.index(item) + 100 * run for item in common]

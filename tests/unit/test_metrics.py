"""Answer comparison, chunks and the table of metrics."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.evaluation.answers import (
    answer_f1,
    best_over_golds,
    exact_match,
    normalise_mlqa,
    normalise_squad,
)
from xstilts.evaluation.chunks import chunk_counts, chunks
from xstilts.evaluation.metrics import METRICS, f1_parts, metric_named, value_from_sums
from xstilts.tasks.record import FORMAT_METRICS

MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
UPOS = ("ADJ", "ADP", "AUX", "INTJ", "NOUN", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X", "O")
BIO = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

answers = st.text(
    st.sampled_from("aA nN the THE él 北京。!?-'ال في der İ \u0301\t"), max_size=12
) | st.text(max_size=12)
normalisers = st.just(normalise_squad) | st.sampled_from(MLQA_LANGUAGES).map(
    lambda lang: partial(normalise_mlqa, language=lang)
)
sentences = st.lists(st.sampled_from(UPOS), max_size=8) | st.lists(st.sampled_from(BIO), max_size=8)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "facts" / "metric_vectors.json").read_text(encoding="utf-8"))


def test_squad_matches_the_official_vectors(vectors: dict[str, Any]) -> None:
    assert vectors["squad_xquad_tydiqa"]
    for case in vectors["squad_xquad_tydiqa"]:
        pred, gold = case["pred"], case["gold"]
        assert normalise_squad(pred) == case["norm_pred"]
        assert normalise_squad(gold) == case["norm_gold"]
        assert answer_f1(pred, gold, normalise_squad) == pytest.approx(case["f1"])
        assert exact_match(pred, gold, normalise_squad) == case["em"]


def test_mlqa_matches_the_official_vectors(vectors: dict[str, Any]) -> None:
    assert vectors["mlqa"]
    for case in vectors["mlqa"]:
        normalise = partial(normalise_mlqa, language=case["lang"])
        pred, gold = case["pred"], case["gold"]
        assert normalise(pred) == case["norm_pred"]
        assert normalise(gold) == case["norm_gold"]
        assert answer_f1(pred, gold, normalise) == pytest.approx(case["f1"])
        assert exact_match(pred, gold, normalise) == case["em"]


def test_chunks_match_the_seqeval_vectors(vectors: dict[str, Any]) -> None:
    assert vectors["seqeval"]
    for case in vectors["seqeval"]:
        assert _flattened(case["gold"]) == [tuple(c) for c in case["gold_chunks"]]
        assert _flattened(case["pred"]) == [tuple(c) for c in case["pred_chunks"]]
        pairs = zip(case["pred"], case["gold"], strict=True)
        parts = f1_parts(*np.sum([chunk_counts(p, g) for p, g in pairs], axis=0))
        for name in ("f1", "precision", "recall"):
            assert parts[name] == pytest.approx(case[name])


def _flattened(tagged: list[list[str]]) -> list[tuple[str, int, int]]:
    """Chunks with positions as seqeval counts them: one `O` between two sentences."""
    offset, found = 0, []
    for tags in tagged:
        found += [(kind, first + offset, last + offset) for kind, first, last in chunks(tags)]
        offset += len(tags) + 1
    return found


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("2019年5月", "zh", "2019 年 5 月"),
        ("El gato, la casa", "es", "gato casa"),
        ("Das ist ein Haus", "de", "ist haus"),
        ("البيت والقلم", "ar", "بيت و قلم"),  # the article goes inside words too
        ("a theatre", "en", "theatre"),
        ("«что»", "hi", "что"),
    ],
)
def test_mlqa_normal_form(text: str, language: str, expected: str) -> None:
    assert normalise_mlqa(text, language) == expected


def test_squad_deletes_english_articles_in_every_language() -> None:
    assert normalise_squad("a la casa") == "la casa"
    assert normalise_squad("„An der Spree“") == "„ der spree“"


def test_mlqa_names_the_language_it_cannot_treat() -> None:
    with pytest.raises(UserError, match=r"language 'ru'.*squad"):
        normalise_mlqa("дом", "ru")


def test_the_best_gold_answer_counts_for_each_part() -> None:
    f1, match = best_over_golds("red house", ["house", "the red house here"], normalise_squad)
    assert f1 == pytest.approx(0.8)
    assert match == 0.0


@given(answers, normalisers)
def test_normal_forms_are_stable(text: str, normalise: Any) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(answers, answers, normalisers)
def test_answer_f1_is_symmetric_and_agrees_with_exact_match(
    left: str, right: str, normalise: Any
) -> None:
    f1 = answer_f1(left, right, normalise)
    assert 0 <= f1 <= 1
    assert f1 == pytest.approx(answer_f1(right, left, normalise))
    if exact_match(left, right, normalise):
        assert f1 == (1 if normalise(left) else 0)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["I-PER", "I-PER"], [("PER", 0, 1)]),
        (["B-PER", "I-ORG"], [("PER", 0, 0), ("ORG", 1, 1)]),
        (["SYM", "SYM"], [("SYM", 0, 0), ("SYM", 1, 1)]),
        (["INTJ", "INTJ", "PUNCT"], [("INTJ", 0, 1), ("PUNCT", 2, 2)]),
        (["CCONJ", "SCONJ"], [("CCONJ", 0, 0), ("SCONJ", 1, 1)]),
        ([], []),
    ],
)
def test_chunks_by_hand(tags: list[str], expected: list[tuple[str, int, int]]) -> None:
    assert chunks(tags) == expected


@given(sentences)
def test_chunks_cover_exactly_the_tagged_tokens(tags: list[str]) -> None:
    covered = [i for _, first, last in chunks(tags) for i in range(first, last + 1)]
    assert covered == [i for i, tag in enumerate(tags) if tag != "O"]


@given(sentences)
def test_a_sentence_agrees_with_itself(tags: list[str]) -> None:
    correct, predicted, gold = chunk_counts(tags, tags)
    assert correct == predicted == gold


def test_tags_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 predicted tags for a sentence of 1 tokens"):
        chunk_counts(["O", "O"], ["O"])


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=1, max_size=5))
def test_f1_lies_between_precision_and_recall(rows: list[tuple[int, int, int]]) -> None:
    correct, missed, spurious = np.array(rows).T
    parts = f1_parts(correct, correct + spurious, correct + missed)
    low = np.minimum(parts["precision"], parts["recall"])
    high = np.maximum(parts["precision"], parts["recall"])
    assert np.all(low - 1e-12 <= parts["f1"])
    assert np.all(parts["f1"] <= high + 1e-12)


def test_every_metric_of_a_format_is_in_the_table() -> None:
    scored = {name: metrics for name, metrics in FORMAT_METRICS.items() if name != "mlm"}
    assert set(METRICS) == {metric for metrics in scored.values() for metric in metrics}


def test_an_unknown_metric_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'bleu'.*chunk_f1"):
        metric_named("bleu")


@pytest.mark.parametrize(
    ("metric", "sums", "expected"),
    [
        ("accuracy", [4, 3], 75.0),
        ("squad", [2, 1.5, 1], 62.5),
        ("mlqa", [2, 1.5, 1], 62.5),
        ("entity_f1", [9, 1, 2, 2], 50.0),
        ("mining_f1", [9, 0, 0, 0], 0.0),
        ("accuracy_f1", [4, 3, 1, 2, 2], 62.5),
    ],
)
def test_values_from_sums(metric: str, sums: list[float], expected: float) -> None:
    assert value_from_sums(metric, np.array(sums)) == pytest.approx(expected)
    stacked = value_from_sums(metric, np.array([[sums, sums]] * 3))
    assert stacked.shape == (3, 2)
    assert stacked == pytest.approx(np.full((3, 2), expected))

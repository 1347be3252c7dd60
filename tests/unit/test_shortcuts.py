"""Baselines find the shortcuts planted in small tasks, and nothing where there is none."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.evaluation.words import sentence_spans, word_spans, words
from xstilts.tasks.table import TASKS

Rows = list[dict[str, Any]]
PAIRS, TAGS, SPANS = TASKS["pawsx"], TASKS["panx"], TASKS["xquad"]
CHOICES, RETRIEVAL, MINING = TASKS["hellaswag"], TASKS["tatoeba"], TASKS["bucc2018"]
VOCABULARY = {
    "en": [f"word{letter}" for letter in "abcdefghijklmnop"],
    "ru": [f"слово{letter}" for letter in "абвгдежзийклмноп"],
    "zh": list("天地玄黃宇宙洪荒日月盈昃辰宿列張"),
}


def _text(lang: str, tokens: list[str]) -> str:
    return ("" if lang == "zh" else " ").join(tokens)


def _pairs(lang: str, kind: str, n: int, seed: int) -> Rows:
    """Pairs whose label shows in the second text's words, in the overlap, in the order, or not."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        label = i % 2
        first = rng.sample(VOCABULARY[lang], 5)
        second = rng.sample(VOCABULARY[lang], 5)
        if kind == "words":
            second[0] = "YES" if label else "no"
        if kind == "overlap":
            second = rng.sample(first, 5) if label else second
        if kind == "order":
            second = first if label else [*first[3:], *first[:3]]
        texts = {"text_a": _text(lang, first), "text_b": _text(lang, second)}
        rows.append({"id": str(i), "label": label, **texts})
    return rows


def _scores(kind: str) -> dict[str, dict[str, float]]:
    tested = {lang: _pairs(lang, kind, 100, seed=2) for lang in VOCABULARY}
    return shortcuts(PAIRS, _pairs("en", kind, 300, seed=1), tested)


def test_a_word_that_gives_the_label_away_is_found_where_it_is_shared() -> None:
    found = _scores("words")
    assert min(found["second-input-only"].values()) > 95
    assert max(found["first-input-only"].values()) < 70


def test_overlap_transfers_to_languages_without_shared_words() -> None:
    found = _scores("overlap")
    assert min(found["word-overlap"].values()) > 95
    assert max(found["second-input-only"].values()) < 70


def test_word_order_is_found_and_overlap_does_not_see_it() -> None:
    found = _scores("order")
    assert min(found["word-order"].values()) > 95
    assert found["word-overlap"] == found["majority"]


def test_a_balanced_task_has_no_shortcut() -> None:
    found = _scores("none")
    assert max(max(scores.values()) for scores in found.values()) < 65
    assert set(found["majority"].values()) == {50.0}


def test_baselines_are_deterministic() -> None:
    assert _scores("none") == _scores("none")


def test_the_majority_may_be_the_only_label() -> None:
    rows = [dict(row, label=1) for row in _pairs("en", "none", 20, seed=0)]
    found = shortcuts(PAIRS, rows, {"en": rows})
    assert {name: scores["en"] for name, scores in found.items()} == dict.fromkeys(found, 100.0)


def test_words_seen_once_are_enough_to_fit() -> None:
    rows = [
        {"id": "0", "text_a": "one", "text_b": "two", "label": 0},
        {"id": "1", "text_a": "three", "text_b": "four", "label": 1},
    ]
    assert shortcuts(PAIRS, rows, {"en": rows})["second-input-only"]["en"] == 100.0


def _tagged(sentences: list[str]) -> Rows:
    """`Name/B-PER` style; a token without a slash is `O`."""
    rows = []
    for i, sentence in enumerate(sentences):
        pairs = [(*token.split("/"), "O")[:2] for token in sentence.split()]
        tags = [TAGS.labels.index(tag) for _, tag in pairs]
        rows.append({"id": str(i), "tokens": [token for token, _ in pairs], "tags": tags})
    return rows


def test_names_seen_in_training_are_copied_into_other_languages() -> None:
    train = _tagged(["Ana/B-PER sees Lima/B-LOC", "the cat sees Ana/B-PER", "cats see the dog"])
    tested = {
        "de": _tagged(["Ana/B-PER sieht Lima/B-LOC"]),
        "ru": _tagged(["Анна/B-PER видит Лиму/B-LOC"]),
    }
    found = shortcuts(TAGS, train, tested)
    assert found["word-memory"] == {"de": 100.0, "ru": 0.0}
    assert found["majority"] == {"de": 0.0, "ru": 0.0}


def test_capitals_are_a_shortcut_across_scripts() -> None:
    train = _tagged(["the man sees Ana/B-PER today", "the cat sees Tom/B-PER today"])
    tested = {"ru": _tagged(["кот видит Ивана/B-PER днём"]), "ar": _tagged(["يرى علي/B-PER قطة"])}
    found = shortcuts(TAGS, train, tested)
    assert found["word-shape"] == {"ru": 100.0, "ar": 0.0}
    assert found["word-memory-and-shape"]["ru"] == 100.0


def _question(i: int, context: str, question: str, answer: str) -> dict[str, Any]:
    gold = {"text": answer, "start": context.index(answer)}
    return {"id": str(i), "context": context, "question": question, "answers": [gold]}


def _stories(lang: str, n: int, seed: int, *, asks: str) -> Rows:
    """Two sentences of five words; the answer's place follows from what `asks` says."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        tokens = rng.sample(VOCABULARY[lang], 10)
        sentences = [_text(lang, part) + ("。" if lang == "zh" else ".")
                     for part in (tokens[:5], tokens[5:])]  # fmt: skip
        context = _text(lang, sentences)
        number = rng.randrange(2)
        if asks == "position":
            rows.append(_question(i, context, "?", tokens[9]))
        elif asks == "overlap":
            shared = tokens[5 * number : 5 * number + 3]
            rows.append(_question(i, context, _text(lang, shared), tokens[5 * number + 4]))
        else:  # the question word says which word of the last sentence
            rows.append(_question(i, context, ("who", "where")[number], tokens[5 + 3 * number]))
    return rows


@pytest.mark.parametrize(
    ("asks", "baseline", "languages"),
    [
        ("position", "position", ["en", "ru", "zh"]),
        ("overlap", "sentence-overlap", ["en", "ru", "zh"]),
        ("question", "question-only", ["en", "ru", "zh"]),
    ],
)
def test_answers_that_a_guess_would_find_are_found(
    asks: str, baseline: str, languages: list[str]
) -> None:
    tested = {lang: _stories(lang, 40, 2, asks=asks) for lang in languages}
    found = shortcuts(SPANS, _stories("en", 80, 1, asks=asks), tested)
    assert min(found[baseline].values()) > 95
    if asks != "position":
        assert found["position"]["en"] < 70


def test_question_and_overlap_together() -> None:
    def rows(n: int, seed: int) -> Rows:
        rng = random.Random(seed)
        made = []
        for i in range(n):
            tokens = rng.sample(VOCABULARY["en"], 10)
            context = f"{' '.join(tokens[:5])}. {' '.join(tokens[5:])}."
            start, kind = 5 * rng.randrange(2), rng.randrange(2)
            asked = f"{('who', 'where')[kind]} {tokens[start + 1]} {tokens[start + 2]}?"
            made.append(_question(i, context, asked, tokens[start + (0, 4)[kind]]))
        return made

    found = shortcuts(SPANS, rows(100, 1), {"en": rows(50, 2)})
    assert found["question-and-overlap"]["en"] > 95
    assert max(found[name]["en"] for name in ("position", "sentence-overlap")) < 80


def test_frequent_answers_are_remembered_unless_the_question_has_them() -> None:
    train = [
        _question(0, "Ana lives in Lima.", "Where does Ana live?", "Lima"),
        _question(1, "Tom is in New York.", "Where is Tom?", "New York"),
        _question(2, "Eve went to New York.", "Where did Eve go?", "New York"),
    ]
    tested = [
        _question(0, "Ana wohnt in New York bei Lima.", "Wo?", "New York"),
        _question(1, "Was ist New York? In Lima weiß man es.", "New York wo?", "Lima"),
    ]
    assert shortcuts(SPANS, train, {"de": tested})["answer-memory"]["de"] == 100.0


def test_places_are_moved_into_shorter_contexts() -> None:
    train = [_question(0, "One two. Three four five six.", "What?", "six")]
    tested = [_question(0, "Eins.", "Was?", "Eins")]
    assert shortcuts(SPANS, train, {"de": tested})["position"]["de"] == 100.0


def test_training_answers_outside_of_every_word_are_a_user_error() -> None:
    train = [_question(0, "What ?", "Why?", "?")]
    with pytest.raises(UserError, match="column 'answers'"):
        shortcuts(SPANS, train, {"en": train})


def _choices(kind: str, n: int, seed: int) -> Rows:
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        prompt, label = rng.sample(VOCABULARY["en"], 4), i % 4
        choices = [rng.sample(VOCABULARY["en"], 3) for _ in range(4)]
        if kind == "words":
            choices = [[*choice, "right" if j == label else "wrong"]
                       for j, choice in enumerate(choices)]  # fmt: skip
        if kind == "overlap":
            choices[label] = prompt[:3]
        texts = [" ".join(choice) for choice in choices]
        rows.append({"id": str(i), "prompt": " ".join(prompt), "choices": texts, "label": label})
    return rows


@pytest.mark.parametrize(
    ("kind", "best"), [("words", "choice-only"), ("overlap", "word-overlap"), ("none", None)]
)
def test_choices_that_give_themselves_away(kind: str, best: str | None) -> None:
    found = shortcuts(CHOICES, _choices(kind, 200, 1), {"en": _choices(kind, 80, 2)})
    assert found["majority"]["en"] == 25.0
    for name in ("choice-only", "word-overlap"):
        assert found[name]["en"] > 90 if name == best else found[name]["en"] < 50


def test_the_longest_choice_is_a_shortcut_where_it_is_right() -> None:
    rows = _choices("none", 80, 1)
    for row in rows:
        row["choices"][row["label"]] += " and more words than any other"
    found = shortcuts(CHOICES, rows, {"en": rows})
    assert found["longest-choice"]["en"] == 100.0
    plain = _choices("none", 200, 1)
    assert shortcuts(CHOICES, plain, {"en": plain})["longest-choice"]["en"] < 45


def test_shared_strings_find_translations() -> None:
    names = ["Ana 1990", "Lima 1991", "Tom 1992", "Quito 1993"]
    shared = [
        {"id": str(i), "text_a": f"das ist {name}", "text_b": f"this is {name}"}
        for i, name in enumerate(names)
    ]
    apart = [
        {"id": str(i), "text_a": text, "text_b": name}
        for i, (text, name) in enumerate(zip("абвг", names, strict=True))
    ]
    found = shortcuts(RETRIEVAL, [], {"de": shared, "ru": apart})
    assert found["shared-words"] == {"de": 100.0, "ru": 25.0}
    assert found["shared-characters"] == {"de": 100.0, "ru": 25.0}


def _mined(first: int) -> Rows:
    rows = []
    for i in range(first, first + 6):
        paired = i % 2 == 0
        ids = f"de-{i}", f"en-{i}"
        texts = f"Jahr {1900 + i} in Lima", f"{'year' if paired else 'other'} {1900 + 7 * i} Lima"
        if paired:
            texts = texts[0], f"year {1900 + i} in Lima"
        for side, name, other, text in zip(
            ("foreign", "english"), ids, reversed(ids), texts, strict=True
        ):
            rows.append({"id": name, "side": side, "text": text, "pair": other if paired else ""})
    return rows


def test_shared_strings_mine_translations_with_the_threshold_of_dev() -> None:
    found = shortcuts(MINING, [], {"de": _mined(50)}, {"de": _mined(20)})
    assert found["shared-words"]["de"] == 100.0


@pytest.mark.parametrize(
    ("task", "rows", "message"),
    [
        (MINING, {"de": _mined(1), "fr": _mined(1)}, "dev split, which is missing for de, fr"),
        (PAIRS, {"en": []}, "'pawsx' need English training rows"),
        (replace(PAIRS, format="mlm"), {"en": []}, "format 'mlm'"),
    ],
)
def test_what_is_missing_is_named(task: Any, rows: dict[str, Rows], message: str) -> None:
    with pytest.raises(UserError, match=message):
        shortcuts(task, [], rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, ¿vale?", ["don't", "stop", "vale"]),
        ("दिल्ली में।", ["दिल्ली", "में"]),
        ("我是 Ana。", ["我", "是", "ana"]),
        ("東京タワー", list("東京タワー")),
        ("ไป", ["ไ", "ป"]),
        ("— … !", []),
        ("1,000.50 $", ["1,000.50"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=40))
def test_word_spans_are_ordered_and_without_spaces(text: str) -> None:
    spans = word_spans(text)
    assert all(a < b and not any(c.isspace() for c in text[a:b]) for a, b in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@given(st.text(st.sampled_from("ab 。.?\n।"), max_size=30))
def test_sentences_lose_no_word(text: str) -> None:
    inside = "".join(text[a:b] for a, b in sentence_spans(text))
    assert [c for c in inside if c.isalpha()] == [c for c in text if c.isalpha()]


def test_sentences_of_many_scripts() -> None:
    text = "Er kam. Sie ging! 他来了。她走了。वह आया। वह गई।"
    found = [text[a:b].strip() for a, b in sentence_spans(text)]
    assert found == ["Er kam.", "Sie ging!", "他来了。", "她走了。", "वह आया।", "वह गई।"]

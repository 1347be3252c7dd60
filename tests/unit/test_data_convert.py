from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.data.convert import Converted, convert, label_index
from xstilts.data.rows import SourceRows
from xstilts.data.splits import base_splits, slices
from xstilts.errors import UserError
from xstilts.tasks.intermediate_tasks import NLI
from xstilts.tasks.table import TASKS

_WORD = st.text(st.characters(exclude_categories=["Cs", "Zs", "Cc"]), min_size=1)


def converted(
    name: str, rows: list[dict[str, Any]], lang: str = "en", labels: Any = None, **change: Any
) -> Converted:
    task = TASKS[name]
    if change:
        task = replace(task, source=replace(task.source, **change))
    source = SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where="f",
        labels=labels or {},
        columns=tuple(rows[0]),
    )
    return convert(source, task, lang)


def test_pair_takes_its_id_from_the_source_or_the_row_number():
    rows = [{"premise": " a ", "hypothesis": "b\n", "label": 1}]
    assert converted("xnli", rows).rows == [{"id": "0", "text_a": "a", "text_b": "b", "label": 1}]
    rows = [{"id": 12, "sentence1": "a", "sentence2": "b", "label": 1}]
    assert converted("pawsx", rows).rows[0]["id"] == "12"


@given(st.permutations(NLI), st.integers(0, 2))
def test_label_keeps_its_name_whatever_the_source_order(order, value):
    assert NLI[label_index(value, order, NLI)] == order[value]
    assert label_index(f" {order[value]}", order, NLI) == NLI.index(order[value])


@pytest.mark.parametrize("value", [-1, 3, "maybe", "", None, 1.0])
def test_label_that_names_nothing_passes_through(value):
    assert label_index(value, NLI, NLI) is value


def test_label_names_of_the_source_win():
    rows = [{"premise": "a", "hypothesis": "b", "label": 0}]
    names = {"label": ["contradiction", "neutral", "entailment"]}
    assert converted("xnli", rows, labels=names).rows[0]["label"] == NLI.index("contradiction")
    names = {"label": ["unrelated", "neutral", "entailment"]}
    assert converted("xnli", rows, labels=names).rows[0]["label"] == "unrelated"


def test_rows_without_gold_label_are_dropped_and_counted():
    rows = [{"premise": "a", "hypothesis": "b", "label": label} for label in (0, -1, 2)]
    result = converted("snli", rows)
    assert result.numbers == [0, 2]
    assert result.dropped == {"no gold label": 1}
    assert converted("xnli", rows).rows[1]["label"] == -1  # not declared there: a problem


def test_empty_questions_are_dropped_where_declared():
    rows = [{"question1": "a", "question2": text, "label": 0} for text in ("b", " ")]
    assert converted("qqp", rows).dropped == {"empty text": 1}


def test_hellaswag_template_gives_one_choice_per_ending():
    row = {"ctx_a": "He sits.", "ctx_b": "then he", "endings": ["runs", "eats"], "label": "1"}
    assert converted("hellaswag", [row]).rows == [
        {
            "id": "0",
            "prompt": "He sits.",
            "choices": ["then he runs", "then he eats"],
            "label": 1,
        }
    ]
    assert converted("hellaswag", [row | {"ctx_b": ""}]).rows[0]["choices"] == ["runs", "eats"]
    assert converted("hellaswag", [row | {"ctx_b": None}]).rows[0]["choices"] is None


def test_template_does_not_fill_braces_of_the_data():
    row = {"ctx_a": "x", "ctx_b": "{endings}", "endings": ["{ctx_a}"], "label": "0"}
    assert converted("hellaswag", [row]).rows[0]["choices"] == ["{endings} {ctx_a}"]


def test_commonsense_answer_letter_becomes_an_index():
    row = {
        "id": "k",
        "question": "Where?",
        "choices": {"label": list("ABCDE"), "text": ["a", "b", "c", "d", "e"]},
        "answerKey": "D",
    }
    assert converted("commonsense_qa", [row]).rows[0]["label"] == 3
    assert converted("commonsense_qa", [row | {"answerKey": ""}]).rows[0]["label"] == ""
    assert converted("commonsense_qa", [row | {"choices": None}]).rows[0]["choices"] is None


@given(st.lists(_WORD, min_size=1), st.sampled_from(["de", "en", "zh"]))
def test_language_prefix_is_stripped_when_every_token_has_it(tokens, lang):
    rows = [{"tokens": [f"{lang}:{token}" for token in tokens], "ner_tags": [0] * len(tokens)}]
    result = converted("panx", rows, lang)
    assert result.rows[0]["tokens"] == tokens
    assert result.changed == {"strip_language_prefix": 1}


@pytest.mark.parametrize(
    "tokens", [["de:a", "b"], ["http://x", "12:30"], ["en:a"], [], ["a", None]]
)
def test_tokens_without_the_prefix_stay(tokens):
    rows = [{"tokens": tokens, "ner_tags": [0] * len(tokens)}]
    assert converted("panx", rows, "de").rows[0]["tokens"] == tokens


@given(st.lists(st.text(st.sampled_from("ab \u200c")), min_size=2))
def test_tokens_hold_no_space_and_no_joiner(tokens):
    rows = [{"tokens": tokens, "pos_tags": [0] * len(tokens)}]
    found = converted("udpos", rows).rows[0]["tokens"]
    assert len(found) == len(tokens)
    for before, after in zip(tokens, found, strict=True):
        letters = "".join(c for c in before if c in "ab")
        assert after == (letters or before)


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        (["_", "_"], False),
        (["_", "a"], False),
        (["_", "a", "b"], True),
        (["a"], True),
        (["_"], False),
    ],
)
def test_placeholder_sentences_are_dropped_as_the_official_script_does(tokens, kept):
    result = converted("udpos", [{"tokens": tokens, "pos_tags": [0] * len(tokens)}])
    assert (len(result.rows) == 1) == kept
    assert result.dropped == ({} if kept else {"placeholder sentence": 1})


@given(st.text("ab", max_size=30), st.text("xyz", min_size=1, max_size=5), st.integers(-20, 20))
def test_answer_beside_its_offset_is_found(before, answer, drift):
    row = {
        "id": "q",
        "context": f"{before}{answer}{'c' * 30}",
        "question": "?",
        "answers": {"text": [answer], "answer_start": [len(before) + drift]},
    }
    result = converted("xquad", [row])
    assert result.rows[0]["answers"] == [{"text": answer, "start": len(before)}]
    assert result.changed == ({"find_answers": 1} if drift else {})


def test_answer_far_from_its_offset_stays_a_problem():
    row = {
        "id": "q",
        "context": f"Lima{' ' * 40}",
        "question": "?",
        "answers": {"text": ["Lima"], "answer_start": [21]},
    }
    assert converted("xquad", [row]).rows[0]["answers"] == [{"text": "Lima", "start": 21}]
    row["answers"] = {"text": ["Lima"], "answer_start": [1]}
    assert converted("squad", [row]).rows[0]["answers"] == [{"text": "Lima", "start": 1}]


@pytest.mark.parametrize("answers", [None, {}, {"text": ["a"], "answer_start": []}, "a"])
def test_misshapen_answers_pass_through(answers):
    row = {"id": "q", "context": "a", "question": "?", "answers": answers}
    assert converted("xquad", [row]).rows[0]["answers"] == answers


def test_pairs_become_two_sentences_and_distractors_one():
    columns = ("source_lang", "source_sentence", "target_lang", "target_sentence")
    values = [
        ("zh-1", "你好\n", "en-1", "Hello"),
        ("zh-2", "再见", "", ""),
        ("", "", "en-3", "Sun"),
    ]
    rows = [dict(zip(columns, row, strict=True)) for row in values]
    assert converted("bucc2018", rows, "zh").rows == [
        {"id": "zh-1", "side": "foreign", "text": "你好", "pair": "en-1"},
        {"id": "en-1", "side": "english", "text": "Hello", "pair": "zh-1"},
        {"id": "zh-2", "side": "foreign", "text": "再见", "pair": ""},
        {"id": "en-3", "side": "english", "text": "Sun", "pair": ""},
    ]


def test_lost_column_is_named_with_those_there():
    with pytest.raises(UserError, match=r"f: no column hypothesis; the columns are premise, label"):
        converted("xnli", [{"premise": "a", "label": 0}])


def test_column_may_be_mapped_anew():
    rows = [{"sentence1": "a", "sentence2": "b", "gold_label": "neutral"}]
    columns = {"text_a": "sentence1", "text_b": "sentence2", "label": "gold_label"}
    assert converted("xnli", rows, columns=columns).rows[0]["label"] == 1


@given(st.integers(1, 500), st.integers(1, 99))
def test_slices_at_one_point_part_the_rows(count, cut):
    counts = {"train": count}
    (_, head), *_ = slices(f"train[:{cut}%]", counts)
    (_, tail), *_ = slices(f"train[{cut}%:]", counts)
    assert [*head, *tail] == list(range(count))


def test_expressions_name_their_splits():
    assert base_splits("train") == ["train"]
    assert base_splits("train[:5]+dev_r1[50%:]") == ["train", "dev_r1"]
    assert slices("a[1:3]+b", {"a": 5, "b": 2}) == [("a", range(1, 3)), ("b", range(2))]


@pytest.mark.parametrize("expression", ["train[x:]", "train[:5:2]", "valid"])
def test_slice_that_cannot_be_read_is_named(expression):
    with pytest.raises(UserError, match="split expression"):
        slices(expression, {"train": 5})

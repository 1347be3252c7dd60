from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.data import canonical
from xstilts.data.decode import table_rows
from xstilts.files import sha256
from xstilts.tasks.record import FORMAT_FIELDS
from xstilts.tasks.table import TASKS

EXAMPLE = {
    "xnli": {"id": "0", "text_a": "a", "text_b": "b", "label": 2},
    "panx": {"id": "0", "tokens": ["Ana", "sings"], "tags": [1, 0]},
    "xquad": {
        "id": "q",
        "context": "Ana lives in Lima",
        "question": "Where?",
        "answers": [{"text": "Lima", "start": 13}],
    },
    "hellaswag": {"id": "0", "prompt": "p", "choices": ["a", "b", "c", "d"], "label": 3},
    "tatoeba": {"id": "0", "text_a": "Hallo", "text_b": "Hello"},
}
MINING = [
    {"id": "zh-1", "side": "foreign", "text": "你好", "pair": "en-1"},
    {"id": "en-1", "side": "english", "text": "Hello", "pair": "zh-1"},
    {"id": "en-2", "side": "english", "text": "Bye", "pair": ""},
]
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LABEL = st.integers(0, 2)
_ROWS = {
    "xnli": st.fixed_dictionaries({"id": _TEXT, "text_a": _TEXT, "text_b": _TEXT, "label": _LABEL}),
    "panx": st.fixed_dictionaries(
        {"id": _TEXT, "tokens": st.lists(_TEXT), "tags": st.lists(_LABEL)}
    ),
    "xquad": st.fixed_dictionaries(
        {
            "id": _TEXT,
            "context": _TEXT,
            "question": _TEXT,
            "answers": st.lists(st.fixed_dictionaries({"text": _TEXT, "start": _LABEL})),
        }
    ),
    "hellaswag": st.fixed_dictionaries(
        {"id": _TEXT, "prompt": _TEXT, "choices": st.lists(_TEXT), "label": _LABEL}
    ),
    "tatoeba": st.fixed_dictionaries({"id": _TEXT, "text_a": _TEXT, "text_b": _TEXT}),
    "bucc2018": st.fixed_dictionaries({"id": _TEXT, "side": _TEXT, "text": _TEXT, "pair": _TEXT}),
}


def test_every_format_has_a_schema():
    assert set(canonical.SCHEMAS) == set(FORMAT_FIELDS)


@pytest.mark.parametrize("name", sorted(_ROWS))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_rows_come_back_as_they_were_written(name, data, tmp_path_factory):
    rows = data.draw(st.lists(_ROWS[name], min_size=1, max_size=5))
    path = tmp_path_factory.mktemp("rows") / "x.arrow"
    canonical.write(rows, TASKS[name], path)
    assert canonical.rows(path) == rows


@pytest.mark.parametrize("name", sorted(EXAMPLE))
def test_file_opens_as_a_data_set(name, tmp_path):
    rows = [EXAMPLE[name]] * 2500  # more than one batch
    canonical.write(rows, TASKS[name], tmp_path / "x.arrow")
    assert canonical.read(tmp_path / "x.arrow").to_list() == rows


def test_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        canonical.write([EXAMPLE["xquad"]] * 1500, TASKS["xquad"], tmp_path / name)
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b")


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.arrow"
    canonical.write([EXAMPLE["xnli"]], TASKS["xnli"], path)
    with pytest.raises(pa.ArrowInvalid):
        canonical.write([EXAMPLE["xnli"] | {"label": "neutral"}], TASKS["xnli"], path)
    assert canonical.rows(path) == [EXAMPLE["xnli"]]
    assert [file.name for file in tmp_path.iterdir()] == ["x.arrow"]


@pytest.mark.parametrize("name", sorted(EXAMPLE))
def test_good_rows_have_no_problems(name):
    assert canonical.validate([EXAMPLE[name]], TASKS[name], "f") == []


def test_good_mining_rows_have_no_problems():
    assert canonical.validate(MINING, TASKS["bucc2018"], "f") == []


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("xnli", {"label": "maybe"}, "field label: label 'maybe' is none of 0..2 (entailment"),
        ("xnli", {"label": 3}, "label 3 is none of 0..2"),
        ("xnli", {"label": -1}, "label -1 says that the row has no gold label"),
        ("xnli", {"label": True}, "label True is none of"),
        ("xnli", {"label": None}, "label None is none of"),
        ("xnli", {"text_a": " \n"}, "field text_a (column premise): the text ' \\n' is empty"),
        ("xnli", {"text_b": None}, "field text_b (column hypothesis): there is no value"),
        ("xnli", {"text_b": 7}, "7 is a int, not a text"),
        ("xnli", {"text_a": "caf\udce9"}, "broken UTF-8 in 'caf\\udce9'"),
        ("panx", {"tags": [1]}, "field tags (column ner_tags): 2 tokens but 1 tags"),
        ("panx", {"tags": [1, 9]}, "field tags[1] (column ner_tags): label 9 is none of 0..6"),
        ("panx", {"tags": [1, -1]}, "label -1 says"),
        ("panx", {"tokens": [], "tags": []}, "the sentence has no tokens"),
        ("panx", {"tokens": ["", "b"]}, "field tokens[0]: the text '' is empty"),
        ("panx", {"tokens": ["a", "\ud800"]}, "field tokens[1]: broken UTF-8"),
        ("panx", {"tokens": "ab"}, "'ab' is a str, not a list"),
        ("xquad", {"answers": []}, "the question has no answer"),
        ("xquad", {"answers": [{"text": "", "start": 0}]}, "answers[0].text: the text '' is empty"),
        (
            "xquad",
            {"answers": [{"text": "Lima", "start": 12}]},
            "field answers[0].start: 'Lima' does not stand at 12, ' Lim' does",
        ),
        (
            "xquad",
            {"answers": [{"text": "Lima", "start": 400}]},
            "span 400..404 of 'Lima' lies outside the context of 17 characters",
        ),
        ("xquad", {"answers": [{"text": "Lima", "start": -4}]}, "lies outside the context"),
        ("xquad", {"answers": [{"text": "Lima", "start": "13"}]}, "'13' is no integer"),
        ("xquad", {"answers": {"text": ["Lima"]}}, "does not hold as many answer_start as text"),
        ("xquad", {"question": ""}, "field question: the text '' is empty"),
        ("hellaswag", {"choices": ["a", "b", "c"]}, "3 choices instead of 4 choices"),
        ("hellaswag", {"choices": None}, "None instead of 4 choices"),
        ("hellaswag", {"choices": ["a", "", "c", "d"]}, "choices[1] (column {ctx_b} {endings})"),
        ("hellaswag", {"label": 4}, "label 4 is none of 0..3"),
        ("hellaswag", {"label": ""}, "label '' says that the row has no gold label"),
        ("tatoeba", {"text_a": ""}, "field text_a (column source_sentence): the text '' is empty"),
    ],
)
def test_wrong_row_is_named(name, change, said):
    rows = [EXAMPLE[name] | {"id": "good"}, EXAMPLE[name] | change]
    found = canonical.validate(rows, TASKS[name], "file.parquet", numbers=[4, 7])
    assert [problem for problem in found if said in problem], found
    assert all(problem.startswith("file.parquet, row 7, field ") for problem in found)
    assert all(problem.endswith(".") and ";" in problem for problem in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "zh-1"}, "'zh-1' is already the id of row 0"),
        ({"pair": "zh-9"}, "field pair: 'zh-9' is no sentence that is paired with it"),
        ({"pair": "zh-1"}, "give each sentence at most one translation"),
        ({"side": "left"}, "'left' is no side"),
        ({"text": ""}, "the text '' is empty"),
    ],
)
def test_wrong_mining_row_is_named(change, said):
    rows = [MINING[0], MINING[1], MINING[2] | change]
    found = canonical.validate(rows, TASKS["bucc2018"], "f")
    assert [problem for problem in found if said in problem], found


def test_text_for_language_modelling():
    task = replace(TASKS["tatoeba"], format="mlm")
    rows = [{"id": "0", "text": "Ana sings."}, {"id": "1", "text": ""}]
    found = canonical.validate(rows, task, "f")
    assert found == ["f, row 1, field text: the text '' is empty; fill it in or remove the row."]


def test_repeated_question_id_is_named():
    found = canonical.validate([EXAMPLE["xquad"]] * 2, TASKS["xquad"], "f")
    assert found == [
        "f, row 1, field id: 'q' is already the id of row 0; predictions are keyed by id, so "
        "make ids unique."
    ]


def test_long_list_of_problems_is_cut():
    rows: list[dict[str, Any]] = [EXAMPLE["xnli"] | {"label": 9}] * 57
    found = canonical.validate(rows, TASKS["xnli"], "f")
    assert len(found) == 21
    assert found[-1] == "f: ... and 37 more problems of this kind."


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=4))
def test_bytes_that_are_no_utf8_survive_as_surrogates(values):
    raw = pa.array(values, pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    nested = pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), text)
    plain = table_rows(pa.table({"text": text}))
    assert [row["text"].encode("utf-8", "surrogateescape") for row in plain] == values
    inner = table_rows(pa.table({"texts": nested}))[0]["texts"]
    assert [text.encode("utf-8", "surrogateescape") for text in inner] == values

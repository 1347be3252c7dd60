"""Prediction files in the official layout, and what their check finds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xstilts.evaluation.official import (
    english_order,
    file_name,
    problems,
    read_predictions,
    write_predictions,
)
from xstilts.evaluation.official_check import _CHECKS
from xstilts.tasks.record import Task
from xstilts.tasks.table import BENCHMARKS, TASKS

NINE = [task for tasks in BENCHMARKS["xtreme"].values() for task in tasks]


def _questions() -> list[dict[str, Any]]:
    return [{"id": f"q{i}", "context": "c", "question": "?", "answers": []} for i in range(3)]


def _tagged() -> list[dict[str, Any]]:
    return [
        {"id": "s0", "tokens": ["a", "b"], "tags": [0, 1]},
        {"id": "s1", "tokens": ["c"], "tags": [0]},
    ]


def _labelled() -> list[dict[str, Any]]:
    return [{"id": str(i), "text_a": "x", "text_b": "y", "label": 0} for i in range(3)]


TATOEBA = [
    {"id": str(i), "text_a": f"fremd {i}", "text_b": text}
    for i, text in enumerate(["Zebra", "apple", "Apple", "zebra"])
]
BUCC = [
    {"id": "de-000000001", "side": "foreign", "text": "eins", "pair": "en-000000007"},
    {"id": "de-000000002", "side": "foreign", "text": "zwei", "pair": ""},
    {"id": "en-000000007", "side": "english", "text": "one", "pair": "de-000000001"},
]
ROWS = {
    "xnli": _labelled(),
    "pawsx": _labelled(),
    "udpos": _tagged(),
    "panx": _tagged(),
    "xquad": _questions(),
    "mlqa": _questions(),
    "tydiqa": _questions(),
    "bucc2018": BUCC,
    "tatoeba": TATOEBA,
}
PREDICTIONS: dict[str, list[Any]] = {
    "xnli": [0, 2, 1],
    "pawsx": [0, 1, 1],
    "udpos": [["NOUN", "VERB"], ["X"]],
    "panx": [["B-PER", "I-PER"], ["O"]],
    "xquad": ["Füße", "", 'a "b"\nc'],
    "mlqa": ["北京", "x", "y"],
    "tydiqa": ["1", "2", "3"],
    "bucc2018": [("de-000000001", "en-000000007")],
    "tatoeba": [3, 2, 1, 0],
}


def _write(folder: Path, *names: str) -> None:
    for name in names:
        write_predictions(folder / name, TASKS[name], "de", PREDICTIONS[name], ROWS[name])


def _gold(task: str, _language: str) -> list[dict[str, Any]]:
    return ROWS[task]


@pytest.mark.parametrize("name", NINE)
def test_predictions_survive_writing_and_reading(tmp_path: Path, name: str) -> None:
    _write(tmp_path, name)
    found = read_predictions(tmp_path / name, TASKS[name], "de", ROWS[name])
    assert found == PREDICTIONS[name]
    assert problems(tmp_path, {name: ["de"]}, _gold) == []
    assert problems(tmp_path, {name: ["de"]}) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("xnli", "entailment\ncontradiction\nneutral\n"),
        ("pawsx", "0\n1\n1\n"),
        ("udpos", "NOUN\nVERB\n\nX\n"),
        ("panx", "B-PER\nI-PER\n\nO\n"),
        ("bucc2018", "de-000000001\ten-000000007\n"),
        ("tatoeba", "1\n3\n2\n0\n"),  # Apple, Zebra, apple, zebra
    ],
)
def test_files_have_the_official_bytes(tmp_path: Path, name: str, content: str) -> None:
    _write(tmp_path, name)
    assert (tmp_path / name / "test-de.tsv").read_text(encoding="utf-8") == content


def test_answers_are_json_by_question(tmp_path: Path) -> None:
    _write(tmp_path, "xquad")
    text = (tmp_path / "xquad" / "test-de.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"q0": "Füße", "q1": "", "q2": 'a "b"\nc'}
    assert "Füße" in text


def test_choices_are_written_as_for_xcopa(tmp_path: Path) -> None:
    rows = [{"id": "0"}, {"id": "1"}]
    task = TASKS["hellaswag"]
    path = write_predictions(tmp_path, task, "en", [3, 0], rows)
    assert path.name == "test-en.jsonl"
    assert path.read_text() == '{"label": 3}\n{"label": 0}\n'
    assert read_predictions(tmp_path, task, "en", rows) == [3, 0]


def test_the_official_gold_of_tatoeba_is_the_order_of_the_english_lines(shared: Path) -> None:
    folder = shared / "hub/github/facebookresearch/LASER/data/tatoeba/v1"
    lines = (folder / "tatoeba.deu-eng.eng").read_text(encoding="utf-8").splitlines()
    order = english_order([{"text_b": line} for line in lines])
    assert sorted(order) == list(range(1000))
    texts = [lines[i].strip() for i in order]
    assert texts == sorted(texts)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(
        st.lists(st.sampled_from(TASKS["panx"].labels), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    )
)
def test_any_tags_round_trip(tmp_path: Path, tags: list[list[str]]) -> None:
    rows = [{"id": str(i), "tokens": ["x"] * len(each)} for i, each in enumerate(tags)]
    write_predictions(tmp_path / "panx", TASKS["panx"], "de", tags, rows)
    assert read_predictions(tmp_path / "panx", TASKS["panx"], "de", rows) == tags
    assert problems(tmp_path, {"panx": ["de"]}, lambda *_: rows) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_answers_round_trip(tmp_path: Path, answers: list[str]) -> None:
    rows = [{"id": f"q{i}"} for i in range(len(answers))]
    write_predictions(tmp_path / "xquad", TASKS["xquad"], "de", answers, rows)
    assert read_predictions(tmp_path / "xquad", TASKS["xquad"], "de", rows) == answers
    assert problems(tmp_path, {"xquad": ["de"]}, lambda *_: rows) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.permutations(range(5)), st.lists(st.text(max_size=3), min_size=5, max_size=5))
def test_any_retrieval_round_trips(tmp_path: Path, found: list[int], texts: list[str]) -> None:
    rows = [{"id": str(i), "text_b": text} for i, text in enumerate(texts)]
    write_predictions(tmp_path / "tatoeba", TASKS["tatoeba"], "de", found, rows)
    assert read_predictions(tmp_path / "tatoeba", TASKS["tatoeba"], "de", rows) == found
    assert problems(tmp_path, {"tatoeba": ["de"]}, lambda *_: rows) == []


@pytest.mark.parametrize(
    ("task", "predictions", "message"),
    [
        (TASKS["xnli"], [0], "1 predictions for 3 rows"),
        (TASKS["panx"], [["O"], ["O"]], "sentence s0: 1 predicted tags for 2 tokens"),
    ],
)
def test_misfits_are_not_written(
    tmp_path: Path, task: Task, predictions: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_predictions(tmp_path, task, "de", predictions, ROWS[task.name])
    assert list(tmp_path.iterdir()) == []


def test_repeated_question_ids_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 question ids occur twice"):
        write_predictions(tmp_path, TASKS["tydiqa"], "de", ["a", "b"], [{"id": "1"}] * 2)


def test_nothing_mined_is_an_empty_file(tmp_path: Path) -> None:
    path = write_predictions(tmp_path / "bucc2018", TASKS["bucc2018"], "de", [], BUCC)
    assert path.read_bytes() == b""
    assert read_predictions(tmp_path / "bucc2018", TASKS["bucc2018"], "de", BUCC) == []
    assert problems(tmp_path, {"bucc2018": ["de"]}, _gold) == []


@pytest.mark.parametrize(
    ("name", "content", "messages"),
    [
        ("xnli", "neutral\nneutral\nneutral\n\n", ["line 4: blank last line", "4 lines for 3"]),
        ("xnli", "neutral\nentailed\nyes\n", ["line 2: unknown label 'entailed' (and 1 more"]),
        ("xnli", "neutral\n\nneutral\n", ["line 2: blank line"]),
        ("xnli", "", ["0 lines for 3 test examples"]),
        ("pawsx", "0\n1\n", ["2 lines for 3 test examples"]),
        ("udpos", "NOUN\nVERB\n\nX\n\n", ["line 5: blank last line"]),
        ("udpos", "NOUN\nVERB\n\n\nX\n", ["line 4: blank line that makes an empty sentence",
                                          "3 sentences for 2", "sentence 2 ('s1'): 0 tags for 1"]),
        ("udpos", "NOUN\n\nX\n", ["sentence 1 ('s0'): 1 tags for 2 tokens"]),
        ("panx", "B-PER\nI-MISC\n\nO\n", ["line 2: unknown tag 'I-MISC'"]),
        ("xquad", '{"q0": "a", "q1": 3}', ["question 'q1': answer is not", "question 'q2': no"]),
        ("xquad", '{"q0": "", "q1": "", "q2": "", "z": ""}', ["question 'z': not a question"]),
        ("xquad", '{"q0": "", "q0": "", "q1": "", "q2": ""}', ["'q0': id occurs more than once"]),
        ("mlqa", "[]", ["not a JSON object"]),
        ("mlqa", "{", ["not JSON"]),
        ("tatoeba", "1\n3\n4\n0\n", ["line 3: unknown label '4'"]),
        ("tatoeba", "[1]\n3\n2\n0\n", ["line 1: unknown label '[1]'"]),
        ("bucc2018", "de-000000001 en-000000007\n", ["line 1: not two ids with a tab"]),
        ("bucc2018", "de-000000001\ten-000000007\n\n", ["line 2: blank line, a wrong pair"]),
        ("bucc2018", "en-000000007\tde-000000001\n", ["line 1: not a foreign id"]),
        ("bucc2018", "de-000000001\ten-000000007\n" * 2, ["1 pairs occur more than once"]),
    ],
)  # fmt: skip
def test_every_deviation_is_named(
    tmp_path: Path, name: str, content: str, messages: list[str]
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = folder / file_name(TASKS[name].format, "de")
    path.write_text(content, encoding="utf-8")
    found = problems(tmp_path, {name: ["de"]}, _gold)
    assert len(found) == len(messages)
    for problem, message in zip(found, messages, strict=True):
        assert problem.startswith(str(path))
        assert message in problem


def test_missing_and_foreign_files_and_folders_are_named(tmp_path: Path) -> None:
    _write(tmp_path, "xnli", "panx")
    (tmp_path / "xnli" / "test-de.txt").write_text("neutral\n")
    (tmp_path / "lareqa").mkdir()
    found = "\n".join(problems(tmp_path, {"xnli": ["de", "fr"], "panx": ["de"], "mlqa": ["de"]}))
    for message in (
        "lareqa: no task of this submission",
        "xnli/test-de.txt: not a file of this task",
        "xnli/test-fr.tsv: missing",
        "mlqa: missing; write predictions for de",
    ):
        assert message in found
    assert found.count("\n") == 3


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "xquad").mkdir()
    (tmp_path / "xquad" / "test-de.json").write_bytes(b'{"q0": "\xff"}')
    assert "byte 8 is not UTF-8" in problems(tmp_path, {"xquad": ["de"]})[0]


def test_a_missing_folder_and_an_unknown_task_are_named(tmp_path: Path) -> None:
    assert "no such folder" in problems(tmp_path / "gone", {"xnli": ["de"]})[0]
    assert "XTREME has no task 'qqp'" in problems(tmp_path, {"qqp": ["en"]})[0]


def test_the_check_knows_every_task_of_the_benchmark_and_its_file_names() -> None:
    tasks = {task for groups in BENCHMARKS.values() for own in groups.values() for task in own}
    assert set(_CHECKS) >= tasks > set(NINE)
    for name, (suffix, _) in _CHECKS.items():
        assert file_name(TASKS[name].format, "de") == f"test-de.{suffix}"


@pytest.mark.parametrize("name", ["xnli", "pawsx", "udpos", "panx"])
def test_every_label_of_the_table_is_an_official_one(tmp_path: Path, name: str) -> None:
    labels = TASKS[name].labels
    tagging = TASKS[name].format == "tagging"
    rows = [{"id": str(i), "tokens": ["x"], "label": 0} for i in range(len(labels))]
    found = [[label] for label in labels] if tagging else list(range(len(labels)))
    write_predictions(tmp_path / name, TASKS[name], "de", found, rows)
    assert problems(tmp_path, {name: ["de"]}, lambda *_: rows) == []

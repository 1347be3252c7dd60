"""Predictions in the layout of an XTREME submission: `<task>/test-<language>.<suffix>`.

What stands in a file follows from the task's format:

classification    the name of one label per line (PAWS-X's are 0 and 1)
regression        TSV with a header: index of the row, predicted score (GLUE's STS-B)
tagging           one tag per line, one blank line between sentences
parsing           CoNLL-U, which ends every sentence with a blank line (see `conllu`)
span_qa           JSON object: question id -> answer text
mining            `foreign id<TAB>English id` per line
retrieval         one integer per line: line i answers line i of the English sentences
                  sorted by code point, with the position of the foreign sentence
multiple_choice   JSON object per line: {"label": 0}, as XTREME-R wants XCOPA
entity_linking    JSON object: example id -> ids of the entities, the best first, 20 at most
dual_encoder      the same: question id -> ids of the candidates (XTREME-R has no layout for
                  LAReQA)

The official script counts a blank last line as a prediction, so no file has one.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xstilts.evaluation.conllu import read_trees, write_trees
from xstilts.evaluation.official_check import problems
from xstilts.files import write_text
from xstilts.tasks.record import Task

__all__ = ["english_order", "file_name", "problems", "read_predictions", "write_predictions"]

Rows = Sequence[dict[str, Any]]
_SUFFIXES = {
    "parsing": "conllu",
    "span_qa": "json",
    "dual_encoder": "json",
    "entity_linking": "json",
    "multiple_choice": "jsonl",
}


def file_name(task_format: str, language: str) -> str:
    """The name of a prediction file in its task's folder."""
    return f"test-{language}.{_SUFFIXES.get(task_format, 'tsv')}"


def write_predictions(
    folder: Path, task: Task, language: str, predictions: Sequence[Any], rows: Rows
) -> Path:
    """Write the predictions of `score` for one language into the task's folder, atomically.

    Raises `ValueError` for predictions that do not fit the rows. Returns the file's path.
    """
    if task.format != "mining" and len(predictions) != len(rows):
        raise ValueError(
            f"{task.name} {language}: {len(predictions)} predictions for {len(rows)} rows"
        )
    path = folder / file_name(task.format, language)
    write_text(path, _WRITERS[task.format](task, predictions, rows))
    return path


def read_predictions(folder: Path, task: Task, language: str, rows: Rows) -> list[Any]:
    """The inverse of `write_predictions`, for the same rows.

    Raises `ValueError` or `KeyError` for a file that is not in the layout; `problems` says in
    words what is wrong with one.
    """
    text = (folder / file_name(task.format, language)).read_text(encoding="utf-8")
    return _READERS[task.format](task, text, rows)


def english_order(rows: Rows) -> list[int]:
    """Row numbers of Tatoeba in the order of the official prediction lines."""
    return sorted(range(len(rows)), key=lambda i: rows[i]["text_b"].strip())


def _lines(values: Sequence[Any]) -> str:
    return "".join(f"{value}\n" for value in values)


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _write_labels(task: Task, predictions: Sequence[int], rows: Rows) -> str:
    del rows
    return _lines([task.labels[label] for label in predictions])


def _read_labels(task: Task, text: str, rows: Rows) -> list[int]:
    del rows
    return [task.labels.index(line) for line in _split(text)]


def _write_scores(task: Task, predictions: Sequence[float], rows: Rows) -> str:
    del task, rows
    return "index\tprediction\n" + _lines(
        [f"{i}\t{score!r}" for i, score in enumerate(predictions)]
    )


def _read_scores(task: Task, text: str, rows: Rows) -> list[float]:
    del task
    found = dict(line.split("\t") for line in _split(text)[1:])
    return [float(found[str(i)]) for i in range(len(rows))]


def _write_tags(task: Task, predictions: Sequence[Sequence[str]], rows: Rows) -> str:
    for row, tags in zip(rows, predictions, strict=True):
        if not tags or len(tags) != len(row["tokens"]):
            raise ValueError(
                f"{task.name}, sentence {row['id']}: {len(tags)} predicted tags for "
                f"{len(row['tokens'])} tokens"
            )
    return "\n".join(_lines(tags) for tags in predictions)


def _read_tags(task: Task, text: str, rows: Rows) -> list[list[str]]:
    del task, rows
    return [sentence.split("\n") for sentence in text.removesuffix("\n").split("\n\n")]


def _write_trees(task: Task, predictions: Sequence[Any], rows: Rows) -> str:
    return write_trees(task.name, predictions, rows)


def _read_trees(task: Task, text: str, rows: Rows) -> list[Any]:
    del task, rows
    return list(read_trees(text))


def _write_answers(task: Task, predictions: Sequence[str], rows: Rows) -> str:
    answers = {row["id"]: answer for row, answer in zip(rows, predictions, strict=True)}
    if len(answers) < len(rows):
        raise ValueError(f"{task.name}: {len(rows) - len(answers)} question ids occur twice")
    return json.dumps(answers, ensure_ascii=False, indent=1) + "\n"


def _read_answers(task: Task, text: str, rows: Rows) -> list[str]:
    del task
    answers = json.loads(text)
    return [answers[row["id"]] for row in rows]


def _write_pairs(task: Task, predictions: Sequence[tuple[str, str]], rows: Rows) -> str:
    del task, rows
    return _lines([f"{foreign}\t{english}" for foreign, english in predictions])


def _read_pairs(task: Task, text: str, rows: Rows) -> list[tuple[str, str]]:
    del task, rows
    pairs = (line.split("\t") for line in _split(text))
    return [(foreign, english) for foreign, english in pairs]


def _write_positions(task: Task, predictions: Sequence[int], rows: Rows) -> str:
    del task
    return _lines([predictions[i] for i in english_order(rows)])


def _read_positions(task: Task, text: str, rows: Rows) -> list[int]:
    del task
    order = english_order(rows)
    found = dict(zip(order, _split(text), strict=True))
    return [int(found[i]) for i in range(len(rows))]


def _write_choices(task: Task, predictions: Sequence[int], rows: Rows) -> str:
    del task, rows
    return _lines([json.dumps({"label": choice}) for choice in predictions])


def _read_choices(task: Task, text: str, rows: Rows) -> list[int]:
    del task, rows
    return [json.loads(line)["label"] for line in _split(text)]


def _write_rankings(task: Task, predictions: Sequence[Sequence[str]], rows: Rows) -> str:
    found = {row["id"]: list(ranked) for row, ranked in zip(rows, predictions, strict=True)}
    if len(found) < len(rows):
        raise ValueError(f"{task.name}: {len(rows) - len(found)} question ids occur twice")
    return json.dumps(found, ensure_ascii=False) + "\n"


_WRITERS: dict[str, Callable[[Task, Sequence[Any], Rows], str]] = {
    "classification": _write_labels,
    "regression": _write_scores,
    "tagging": _write_tags,
    "parsing": _write_trees,
    "span_qa": _write_answers,
    "mining": _write_pairs,
    "retrieval": _write_positions,
    "multiple_choice": _write_choices,
    "dual_encoder": _write_rankings,
    "entity_linking": _write_rankings,
}
_READERS: dict[str, Callable[[Task, str, Rows], list[Any]]] = {
    "classification": _read_labels,
    "regression": _read_scores,
    "tagging": _read_tags,
    "parsing": _read_trees,
    "span_qa": _read_answers,
    "mining": _read_pairs,
    "retrieval": _read_positions,
    "multiple_choice": _read_choices,
    "dual_encoder": _read_answers,
    "entity_linking": _read_answers,
}

"""SQuAD's JSON, one file per language, as XQuAD-R is published: with the ends of sentences.

    {"data": [{"title": .., "paragraphs": [{"context": .., "sentence_breaks": [[0, 17], ..],
        "qas": [{"id": .., "question": .., "answers": [{"text": .., "answer_start": ..}]}]}]}]}

The copy of XQuAD-R on the hub has no `sentence_breaks`.
"""

import json
from pathlib import Path
from typing import Any

from xstilts.data.rows import SourceRows
from xstilts.errors import UserError
from xstilts.tasks.record import Source

_COLUMNS = ("id", "context", "question", "answers", "sentence_breaks")


def paths(root: Path, source: Source, split: str, lang: str) -> dict[str, Path]:
    """The file of a language; empty when the mirror does not have it."""
    assert source.files
    path = root / source.files.replace("{lang}", lang).replace("{split}", split)
    return {"json": path} if path.is_file() else {}


def read(files: dict[str, Path], what: str) -> SourceRows:
    """One row per question, with the hub's columns and `sentence_breaks`.

    `what` names data set, config and split in messages.

    Raises `UserError` for a file that is not in the layout.
    """
    path = files["json"]
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        rows = [
            _row(paragraph, question)
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not SQuAD's JSON ({type(error).__name__}: {error}): an interrupted "
            "download? Fetch the file again."
        ) from error
    return SourceRows(
        rows=rows,
        numbers=range(len(rows)),
        where=f"{path} ({what})",
        columns=_COLUMNS,
        notes=("sentences as the publisher's JSON marks them",),
    )


def _row(paragraph: dict[str, Any], question: dict[str, Any]) -> dict[str, Any]:
    answers = question["answers"]
    return {
        "id": question["id"],
        "context": paragraph["context"],
        "question": question["question"],
        "answers": {
            "text": [answer["text"] for answer in answers],
            "answer_start": [answer["answer_start"] for answer in answers],
        },
        "sentence_breaks": paragraph.get("sentence_breaks"),
    }

"""Figures about prepared or preparable rows: sizes, lengths, label balance, words in pieces."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xstilts.data.canonical import Row
from xstilts.data.prepare import checked_rows
from xstilts.data.sources import origin
from xstilts.data.texts import row_texts
from xstilts.errors import UserError, raise_if_any
from xstilts.evaluation.words import word_spans
from xstilts.tasks.record import Task

Item = dict[str, Any]  # `{task, source, splits: {split: [languages]}}`, as `prepare` takes it
Pieces = Callable[[Sequence[str]], list[int]]  # sub-words of each text


@dataclass(frozen=True)
class Lengths:
    """Of all texts of a row together; `most` is exceeded by one row in twenty at most."""

    total: int
    mean: float
    most: int
    longest: int


@dataclass(frozen=True)
class Part:
    """One language of one split of a task.

    Words are what stands between spaces; where a script has none, every character is one.
    `own_words` and `own_subwords` are of the texts in `language` alone: one side of a pair of
    translations is English. Without a tokenizer sub-words are null. `labels` are counts by
    name: of rows, for tagging of tokens.
    """

    task: str
    split: str
    language: str
    rows: int
    words: Lengths
    subwords: Lengths | None
    own_words: int
    own_subwords: int | None
    labels: dict[str, int]


def parts(items: Iterable[Item], pieces: Pieces | None) -> list[Part]:
    """Figures of every split and language that `items` name, read from their sources.

    Raises `UserError` with all problems of all of them, as `prepare` does.
    """
    found: list[Part] = []
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="xstilts-stats-") as cache:
        for item in items:
            task, where = Task.from_dict(item["task"]), origin(item["source"], Path(cache))
            for split, langs in item["splits"].items():
                for lang in langs:
                    try:
                        _, converted = checked_rows(where, task, split, lang)
                        found.append(part(task, split, lang, converted.rows, pieces))
                    except UserError as error:
                        problems += error.problems
    raise_if_any(dict.fromkeys(problems))
    return found


def part(task: Task, split: str, lang: str, rows: Sequence[Row], pieces: Pieces | None) -> Part:
    """Figures of canonical `rows`, of which there must be one at least."""
    words, subwords = _counts(rows, pieces)
    own_words, own_subwords = _counts([_without_english(row, task) for row in rows], pieces)
    return Part(
        task=task.name,
        split=split,
        language=lang,
        rows=len(rows),
        words=_lengths(words),
        subwords=_lengths(subwords) if subwords else None,
        own_words=sum(own_words),
        own_subwords=sum(own_subwords) if own_subwords else None,
        labels=dict(_labels(rows, task)),
    )


def _counts(rows: Sequence[Row], pieces: Pieces | None) -> tuple[list[int], list[int] | None]:
    """Words and sub-words of each row."""
    texts = [row_texts(row) for row in rows]
    words = [_words(row, own) for row, own in zip(rows, texts, strict=True)]
    return words, _per_row(texts, pieces) if pieces else None


def _without_english(row: Row, task: Task) -> Row:
    if task.format == "retrieval":
        return {name: value for name, value in row.items() if name != "text_b"}
    return {} if row.get("side") == "english" else row


def _words(row: Row, texts: list[str]) -> int:
    """Words of a row; a tagged sentence says itself what its words are."""
    return len(row["tokens"]) if "tokens" in row else sum(len(word_spans(t)) for t in texts)


def _per_row(texts: list[list[str]], pieces: Pieces) -> list[int]:
    """Sub-words of each row; a text that many rows share (a context) is cut up once."""
    unique = list(dict.fromkeys(text for own in texts for text in own))
    counts = dict(zip(unique, pieces(unique), strict=True))
    return [sum(counts[text] for text in own) for own in texts]


def _lengths(counts: Sequence[int]) -> Lengths:
    import numpy as np

    return Lengths(
        total=sum(counts),
        mean=round(float(np.mean(counts)), 2),
        most=int(np.percentile(counts, 95, method="higher")),
        longest=max(counts),
    )


def _labels(rows: Sequence[Row], task: Task) -> Counter[str]:
    """How often each label occurs; the record's labels all stand there, also those that never do.

    Formats without labels of their own: regression counts whole points of its scale, multiple
    choice where the right one stands, QA questions with and without an answer, mining sentences
    with and without a translation.
    """
    first = rows[0]
    names = task.labels or [_label_name(i, task) for i in range(task.choices or 0)]
    counts = Counter(dict.fromkeys(names, 0))
    listed = next((name for name in ("tags", "relations") if name in first), None)
    if listed:
        counts.update(task.labels[label] for row in rows for label in row[listed])
    elif "label" in first:
        counts.update(_label_name(row["label"], task) for row in rows)
    elif "score" in first:
        counts.update(sorted(f"score {round(row['score'])}" for row in rows))
    elif "answers" in first:
        counts.update("answer" if row["answers"] else "no answer" for row in rows)
    elif "pair" in first:
        counts.update("paired" if row["pair"] else "alone" for row in rows)
    return counts


def _label_name(label: int, task: Task) -> str:
    return task.labels[label] if task.labels else f"choice {label + 1}"


def pieces_by_language(found: Iterable[Part]) -> dict[str, float]:
    """Sub-words per word of each language, over all its texts; empty without a tokenizer."""
    words: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    for one in found:
        if one.own_subwords is not None:
            words[one.language] += one.own_words
            pieces[one.language] += one.own_subwords
    return {lang: round(pieces[lang] / max(1, words[lang]), 3) for lang in sorted(words)}


def as_json(study: str, model: str | None, note: str | None, found: list[Part]) -> dict[str, Any]:
    """What `xstilts data stats --json` prints."""
    return {
        "schema": 1,
        "study": study,
        "model": model,
        "note": note,
        "parts": [asdict(one) for one in found],
        "pieces_per_word": pieces_by_language(found),
    }

"""What a model got wrong, for people to look at: a few items per language, as `shown` says them.

The items are drawn by a digest of their ids. So two models that were wrong on the same ones show
the same ones, and where ids are shared so do the languages.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.evaluation.shown import ENGLISH, Case, inputs, outcome
from xstilts.evaluation.ways import Found
from xstilts.tasks.record import Task

KEPT = 12  # wrong items per language, from which publish takes fewer
_WRONG = {"regression": 0.75}  # of `correct`: below it an item counts as wrong; else below 1
_FEWEST = 10  # shared ids below which test sets are not taken for translations of each other
_GOLD = {"classification": "label", "regression": "score", "multiple_choice": "label"}
_IDS_ALONE = ("span_qa", "dual_encoder")  # ids are the data set's own: translations share them
Rows = Sequence[Mapping[str, Any]]


def examples(
    task: Task, language: str, found: Found, items: Sequence[Mapping[str, Any]], english: Rows
) -> list[dict[str, Any]]:
    """At most `KEPT` wrong items of one language.

    `items` are those of `score`, `english` the English rows of the test set, if it has any.
    Each example has `language`, `id`, `correct` (0 to 1), `inputs`, `english` (the same item's
    inputs in English; None where that is not known), `gold`, `prediction` and the language of
    these two, `answer_language`.
    """
    cases = _cases(task, language, found)
    below = _WRONG.get(task.format, 1.0)
    wrong = [number for number, item in enumerate(items) if item["correct"] < below]
    wrong.sort(key=lambda number: _digest(items[number]["id"]))
    beside = {row["id"]: row for row in english} if language != ENGLISH else {}
    beside = beside if is_parallel(task, found.rows, list(beside.values())) else {}
    return [
        {
            "language": language,
            "id": items[number]["id"],
            "correct": round(items[number]["correct"], 4),
            "inputs": inputs(task, language, cases[number].row),
            "english": _english(task, beside.get(items[number]["id"])),
        }
        | outcome(cases[number])
        for number in wrong[:KEPT]
    ]


def is_parallel(task: Task, rows: Rows, english: Rows) -> bool:
    """Whether rows with the same id are translations of each other.

    Span QA and answer retrieval have ids of the data set's own, which only translations share.
    Other formats may count their rows: there every shared id must have the same gold answer, and
    at least `_FEWEST` must be shared, so that chance has no part in it. Tags and trees do not
    tell: two treebanks are never taken for translations.
    """
    golds = {row["id"]: row for row in english}
    pairs = [(row, golds[row["id"]]) for row in rows if row["id"] in golds]
    if task.format in _IDS_ALONE:
        return bool(pairs)
    gold = _GOLD.get(task.format)
    if gold is None or len(pairs) < _FEWEST:
        return False
    return len({row[gold] for row, _ in pairs}) > 1 and all(a[gold] == b[gold] for a, b in pairs)


def _english(task: Task, row: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    return None if row is None else inputs(task, ENGLISH, row)


def _cases(task: Task, language: str, found: Found) -> list[Case]:
    """One case per scored item, in the order of the items: rows, of mining the foreign ones."""
    if task.format != "mining":
        return [
            Case(task, language, row, value, found.rows, found.candidates)
            for row, value in zip(found.rows, found.values, strict=True)
        ]
    paired: dict[str, list[str]] = defaultdict(list)
    for foreign, other in found.values:
        paired[foreign].append(other)
    foreign_rows = [row for row in found.rows if row["side"] == "foreign"]
    return [Case(task, language, row, paired[row["id"]], found.rows) for row in foreign_rows]


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()

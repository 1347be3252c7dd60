"""Test items as people read them: what was asked, what is right, what was predicted.

Texts have at most `LIMIT` characters, around what matters. Labels are words, never positions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.pool import gold_sentence
from xstilts.tasks.record import Task

LIMIT = 300  # characters
ENGLISH = "en"
NOTHING = "no answer"
_NO_PAIR = "no translation"
_CUT = "…"
_UNSPACED = {code for code, own in LANGUAGES.items() if not own.spaced}
_NUMBERED = {"0": "no paraphrase", "1": "paraphrase"}  # what PAWS-X calls 0 and 1
Row = Mapping[str, Any]
Text = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One item of a test set: its row, its prediction as `score` takes it, and what they name.

    `rows` are those of the language, `candidates` the texts of what is ranked, by id. Of mining
    the value holds the ids that were paired with the row.
    """

    task: Task
    language: str
    row: Row
    value: Any
    rows: Sequence[Row] = ()
    candidates: Mapping[str, str] = field(default_factory=dict)


def inputs(task: Task, language: str, row: Row) -> list[Text]:
    """What a row asks: texts with a name each, and the language that they are in."""
    return [
        {"name": name, "text": text, "language": spoken}
        for name, text, spoken in _INPUTS[task.format](task, language, row)
    ]


def outcome(case: Case) -> dict[str, Any]:
    """`gold` and `prediction` as texts, and the language that they are in (None: a label)."""
    gold, prediction = (_cut(text) for text in _OUTCOMES[case.task.format](case))
    spoken = ENGLISH if case.task.format == "mining" else case.language
    labelled = case.task.format in ("classification", "regression", "entity_linking")
    return {
        "gold": gold,
        "prediction": prediction,
        "answer_language": None if labelled else spoken,
    }


def around(text: str, start: int, end: int, limit: int = LIMIT) -> str:
    """At most `limit` characters of a text, with the span from `start` to `end` in the middle.

    An ellipsis stands where it is cut. Of a longer span its beginning is kept.
    """
    if len(text) <= limit:
        return text
    room = limit - 2 * len(_CUT)
    first = max(0, min(start - (room - min(end - start, room)) // 2, len(text) - room))
    shown = text[first : first + room]
    before, after = _CUT * (first > 0), _CUT * (first + room < len(text))
    return f"{before}{shown.strip()}{after}"


def _cut(text: str) -> str:
    return around(text, 0, 0)


def _pair(task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    if not row["text_b"]:
        return [("text", _cut(row["text_a"]), language)]
    nli = "entailment" in task.labels
    first, second = ("premise", "hypothesis") if nli else ("first text", "second text")
    return [(first, _cut(row["text_a"]), language), (second, _cut(row["text_b"]), language)]


def _sentence(_task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    return [("sentence", _cut(_joined(row["tokens"], language)), language)]


def _question(_task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    spans = [(answer["start"], answer["start"] + len(answer["text"])) for answer in row["answers"]]
    context = around(row["context"], *next(iter(spans), (0, 0)))
    return [("question", _cut(row["question"]), language), ("context", context, language)]


def _choice(_task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    choices = [
        (f"choice {number}", _cut(text), language)
        for number, text in enumerate(row["choices"], start=1)
    ]
    return [("prompt", _cut(row["prompt"]), language), *choices]


def _english(_task: Task, _language: str, row: Row) -> list[tuple[str, str, str]]:
    return [("English sentence", _cut(row["text_b"]), ENGLISH)]


def _foreign(_task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    return [("sentence", _cut(row["text"]), language)]


def _asked(_task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    return [("question", _cut(row["question"]), language)]


def _mention(_task: Task, language: str, row: Row) -> list[tuple[str, str, str]]:
    space = "" if language in _UNSPACED else " "
    left, name, right = (row[part].strip() for part in ("left", "mention", "right"))
    text = space.join(part for part in (left, name, right) if part)
    start = len(left) + len(space) * bool(left)
    return [
        ("mention", _cut(row["mention"]), language),
        ("text", around(text, start, start + len(name)), language),
    ]


def _joined(tokens: Sequence[str], language: str) -> str:
    return ("" if language in _UNSPACED else " ").join(tokens)


def _label(case: Case) -> tuple[str, str]:
    labels = case.task.labels
    named = _NUMBERED if labels == tuple(_NUMBERED) else {}
    gold, found = labels[case.row["label"]], labels[case.value]
    return named.get(gold, gold), named.get(found, found)


def _score(case: Case) -> tuple[str, str]:
    assert case.task.scale is not None  # the check of the table sees to it
    of = f" on a scale from {case.task.scale[0]:g} to {case.task.scale[1]:g}"
    return f"{case.row['score']:.1f}{of}", f"{case.value:.1f}{of}"


def _tags(case: Case) -> tuple[str, str]:
    """The words whose tags differ, a line each."""
    labels = case.task.labels
    gold = [labels[tag] for tag in case.row["tags"]]
    return _differing(case.row["tokens"], gold, case.value)


def _tree(case: Case) -> tuple[str, str]:
    """The words whose heads or relations differ, a line each."""
    tokens, labels = case.row["tokens"], case.task.labels
    gold = zip(case.row["heads"], (labels[r] for r in case.row["relations"]), strict=True)
    return _differing(
        tokens, [_arc(arc, tokens) for arc in gold], [_arc(arc, tokens) for arc in case.value]
    )


def _arc(arc: Sequence[Any], tokens: Sequence[str]) -> str:
    head, relation = arc
    return f"{relation} of {tokens[head - 1]}" if head else relation


def _differing(words: Sequence[str], gold: Sequence[str], found: Sequence[str]) -> tuple[str, str]:
    rows = [row for row in zip(words, gold, found, strict=True) if row[1] != row[2]]
    sides = ((f"{word}: {row[side]}" for word, *row in rows) for side in (0, 1))
    first, second = ("\n".join(lines) for lines in sides)
    return first, second


def _answer(case: Case) -> tuple[str, str]:
    golds = dict.fromkeys(answer["text"] for answer in case.row["answers"])
    return " / ".join(golds) or NOTHING, case.value or NOTHING


def _chosen(case: Case) -> tuple[str, str]:
    choices = case.row["choices"]
    return choices[case.row["label"]], choices[case.value]


def _translation(case: Case) -> tuple[str, str]:
    return case.row["text_a"], case.rows[case.value]["text_a"]


def _mined(case: Case) -> tuple[str, str]:
    texts = {row["id"]: row["text"] for row in case.rows if row["side"] == "english"}
    found = " / ".join(texts[name] for name in case.value)
    return texts.get(case.row["pair"], _NO_PAIR), found or _NO_PAIR


def _ranked_sentence(case: Case) -> tuple[str, str]:
    """The answer in the question's language, and the best ranked sentence that is none."""
    row = case.row
    own = row["sentences"][gold_sentence(row)]
    wrong = next((name for name in case.value if name not in row["targets"]), None)
    found = case.candidates[wrong] if wrong else NOTHING
    return row["context"][own["start"] : own["end"]], found


def _entity(case: Case) -> tuple[str, str]:
    """Entities as their candidates describe them, after their ids."""
    ids = case.row["entity"], next(iter(case.value), None)
    gold, found = (f"{name}: {case.candidates.get(name, '')}" if name else NOTHING for name in ids)
    return gold, found


_INPUTS: dict[str, Callable[[Task, str, Row], list[tuple[str, str, str]]]] = {
    "classification": _pair,
    "regression": _pair,
    "tagging": _sentence,
    "parsing": _sentence,
    "span_qa": _question,
    "multiple_choice": _choice,
    "retrieval": _english,
    "mining": _foreign,
    "dual_encoder": _asked,
    "entity_linking": _mention,
}
_OUTCOMES: dict[str, Callable[[Case], tuple[str, str]]] = {
    "classification": _label,
    "regression": _score,
    "tagging": _tags,
    "parsing": _tree,
    "span_qa": _answer,
    "multiple_choice": _chosen,
    "retrieval": _translation,
    "mining": _mined,
    "dual_encoder": _ranked_sentence,
    "entity_linking": _entity,
}

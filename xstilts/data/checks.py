"""What makes a canonical row wrong: one small generator per format.

Each yields (field, complaint with the value, remedy). Values come from outside, so nothing
is assumed about their types.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from xstilts.tasks.record import Task

Problem = tuple[str, str, str]

_SHOWN = 60  # characters of a value in a message


def row_problems(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    """Everything wrong with one canonical row."""
    yield from _text("id", row["id"])
    yield from _CHECKS[task.format](row, task)


def split_problems(
    rows: Sequence[dict[str, Any]], task: Task, numbers: Sequence[int] | None
) -> Iterator[str]:
    """What only shows when all rows of a split stand together: ids and pairs."""
    if task.format not in ("span_qa", "mining"):
        return
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        number = numbers[index] if numbers is not None else index
        if not isinstance(row["id"], str):
            continue
        if row["id"] in first:
            yield (
                f"row {number}, field id: {_shown(row['id'])} is already the id of row "
                f"{first[row['id']]}; predictions are keyed by id, so make ids unique."
            )
        first.setdefault(row["id"], number)
    if task.format == "mining":
        yield from _unpaired(rows)


def _unpaired(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    pairs = {row["id"]: row["pair"] for row in rows}
    for row in rows:
        if row["pair"] and pairs.get(row["pair"]) != row["id"]:
            yield (
                f"sentence {_shown(row['id'])}, field pair: {_shown(row['pair'])} is no sentence "
                "that is paired with it; give each sentence at most one translation."
            )


def _shown(value: Any) -> str:
    text = ascii(value) if _broken(value) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _broken(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _text(field: str, value: Any, *, blank: bool = False) -> Iterator[Problem]:
    if value is None:
        yield field, "there is no value", "fill it in or remove the row"
    elif not isinstance(value, str):
        complaint = f"{_shown(value)} is a {type(value).__name__}, not a text"
        yield field, complaint, "map the field to a text column"
    elif _broken(value):
        yield field, f"broken UTF-8 in {_shown(value)}", "encode the source as UTF-8"
    elif not blank and not value.strip():
        yield field, f"the text {_shown(value)} is empty", "fill it in or remove the row"


def _label(field: str, value: Any, labels: Sequence[str]) -> Iterator[Problem]:
    known = f"0..{len(labels) - 1} ({_listed(labels)})"
    if type(value) is int and 0 <= value < len(labels):
        return
    if value in (-1, ""):
        complaint = f"label {_shown(value)} says that the row has no gold label"
        yield field, complaint, "use a labelled split or declare it in source.drop_labels"
    else:
        complaint = f"label {_shown(value)} is none of {known}"
        yield field, complaint, "correct the row or declare source.labels"


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:20])
    return shown if len(labels) <= 20 else shown + ", ..."


def _pair(row: dict[str, Any], _: Task) -> Iterator[Problem]:
    yield from _text("text_a", row["text_a"])
    yield from _text("text_b", row["text_b"])


def _classification(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    yield from _pair(row, task)
    yield from _label("label", row["label"], task.labels)


def _tagging(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    tokens, tags = row["tokens"], row["tags"]
    for field, value in (("tokens", tokens), ("tags", tags)):
        if not isinstance(value, list):
            complaint = f"{_shown(value)} is a {type(value).__name__}, not a list"
            yield field, complaint, "map the field to a list column"
            return
    if not tokens:
        yield "tokens", "the sentence has no tokens", "remove the row"
    if len(tokens) != len(tags):
        complaint = f"{len(tokens)} tokens but {len(tags)} tags"
        yield "tags", complaint, "give every token one tag"
    for index, token in enumerate(tokens):
        yield from _text(f"tokens[{index}]", token, blank=token != "")
    for index, tag in enumerate(tags):
        yield from _label(f"tags[{index}]", tag, task.labels)


def _span_qa(row: dict[str, Any], _: Task) -> Iterator[Problem]:
    yield from _text("context", row["context"])
    yield from _text("question", row["question"])
    answers = row["answers"]
    if not isinstance(answers, list):
        complaint = f"{_shown(answers)} does not hold as many answer_start as text"
        yield "answers", complaint, "give {text: [...], answer_start: [...]} of equal length"
    elif not answers:
        yield "answers", "the question has no answer", "use a split with gold answers"
    else:
        for index, answer in enumerate(answers):
            yield from _answer(f"answers[{index}]", answer, row["context"])


def _answer(field: str, answer: dict[str, Any], context: Any) -> Iterator[Problem]:
    text, start = answer["text"], answer["start"]
    wrong = list(_text(f"{field}.text", text))
    yield from wrong
    if type(start) is not int:
        yield f"{field}.start", f"{_shown(start)} is no integer", "give the character offset"
    elif not wrong and isinstance(context, str) and not _stands(text, start, context):
        remedy = "give the character offset of the answer in this very context"
        if start < 0 or start + len(text) > len(context):
            complaint = (
                f"span {start}..{start + len(text)} of {_shown(text)} lies outside the "
                f"context of {len(context)} characters"
            )
        else:
            there = context[start : start + len(text)]
            complaint = f"{_shown(text)} does not stand at {start}, {_shown(there)} does"
        yield f"{field}.start", complaint, remedy


def _stands(text: str, start: int, context: str) -> bool:
    return start >= 0 and context.startswith(text, start)


def _multiple_choice(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    yield from _text("prompt", row["prompt"])
    choices = row["choices"]
    if not isinstance(choices, list) or len(choices) != task.choices:
        count = f"{len(choices)} choices" if isinstance(choices, list) else _shown(choices)
        yield "choices", f"{count} instead of {task.choices} choices", "complete the row"
    else:
        for index, choice in enumerate(choices):
            yield from _text(f"choices[{index}]", choice)
    names = task.source.labels or tuple(map(str, range(task.choices or 0)))
    yield from _label("label", row["label"], names)


def _mining(row: dict[str, Any], _: Task) -> Iterator[Problem]:
    yield from _text("text", row["text"])
    yield from _text("pair", row["pair"], blank=True)
    if row["side"] not in ("foreign", "english"):
        yield "side", f"{_shown(row['side'])} is no side", "give foreign or english"


def _mlm(row: dict[str, Any], _: Task) -> Iterator[Problem]:
    yield from _text("text", row["text"])


_CHECKS: dict[str, Callable[[dict[str, Any], Task], Iterator[Problem]]] = {
    "classification": _classification,
    "tagging": _tagging,
    "span_qa": _span_qa,
    "multiple_choice": _multiple_choice,
    "retrieval": _pair,
    "mining": _mining,
    "mlm": _mlm,
}

"""What makes a canonical row wrong: one small generator per format.

Each yields (field, complaint with the value, remedy). Values come from outside, so nothing
is assumed about their types.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from xstilts.data.text_checks import Problem
from xstilts.data.text_checks import shown as _shown
from xstilts.data.text_checks import text_problems as _text
from xstilts.data.tree_checks import tree_problems
from xstilts.tasks.record import Task

_ENOUGH = 20  # rows whose labels are hardly by chance all the same
_KEYED = ("span_qa", "mining", "dual_encoder", "entity_linking", "entities")
_FIELDS_OF_LABELS = {"classification": "label", "multiple_choice": "label", "tagging": "tags"}


def row_problems(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    """Everything wrong with one canonical row."""
    yield from _text("id", row["id"])
    yield from _CHECKS[task.format](row, task)


def split_problems(
    rows: Sequence[dict[str, Any]], task: Task, numbers: Sequence[int] | None
) -> Iterator[str]:
    """What only shows when all rows of a split stand together: ids and pairs."""
    yield from _blanked(rows, task, numbers or range(len(rows)))
    if task.format not in _KEYED:
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


def _blanked(rows: Sequence[dict[str, Any]], task: Task, numbers: Sequence[int]) -> Iterator[str]:
    """Test sets without gold labels are also published with one label, mostly 0, everywhere."""
    field = _FIELDS_OF_LABELS.get(task.format)
    if len(rows) >= _ENOUGH and task.may_lack_answers and not any(row["answers"] for row in rows):
        yield (
            f"rows {numbers[0]}..{numbers[-1]}, field answers: none of {len(rows)} questions has "
            "an answer, as where gold answers were blanked; use a source with gold answers."
        )
    if field is None or len(rows) < _ENOUGH:
        return
    found = [row[field] for row in rows]
    values = [v for value in found for v in (value if isinstance(value, list) else [value])]
    first: Any = values[0] if values else None
    names = task.labels or ("the first choice", *map(str, range(1, task.choices or 1)))
    is_label = type(first) is int and 0 <= first < len(names)
    if is_label and all(value == first for value in values):
        yield (
            f"rows {numbers[0]}..{numbers[-1]}, field {field}: all {len(values)} labels say "
            f"{names[first]}, as where gold labels were blanked; use a source with gold labels."
        )


def _unpaired(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    pairs = {row["id"]: row["pair"] for row in rows}
    for row in rows:
        if row["pair"] and pairs.get(row["pair"]) != row["id"]:
            yield (
                f"sentence {_shown(row['id'])}, field pair: {_shown(row['pair'])} is no sentence "
                "that is paired with it; give each sentence at most one translation."
            )


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


def _regression(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    yield from _pair(row, task)
    score = row["score"]
    assert task.scale is not None  # the check of the table sees to it
    low, high = task.scale
    if score is None:
        yield "score", "there is no value", "fill it in or remove the row"
    elif not isinstance(score, float):
        complaint = f"{_shown(score)} is a {type(score).__name__}, not a number"
        yield "score", complaint, "map the field to a column of numbers"
    elif score == -1 and low > -1:
        complaint = "score -1.0 says that the row has no gold score"
        yield "score", complaint, "use a split with gold scores"
    elif not low <= score <= high:  # nan too
        complaint = f"score {score} lies outside {low:g}..{high:g}"
        yield "score", complaint, "correct the row or the task's scale"


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


def _parsing(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    fields = ("tokens", "heads", "relations")
    for field in fields:
        if not isinstance(row[field], list):
            complaint = f"{_shown(row[field])} is a {type(row[field]).__name__}, not a list"
            yield field, complaint, "map the field to a list column"
            return
    tokens, heads, relations = (row[field] for field in fields)
    if not tokens:
        yield "tokens", "the sentence has no words", "remove the row"
    for index, token in enumerate(tokens):
        yield from _text(f"tokens[{index}]", token, blank=token != "")
    for index, relation in enumerate(relations):
        yield from _label(f"relations[{index}]", relation, task.labels)
    lengths = {field: len(row[field]) for field in fields[1:] if len(row[field]) != len(tokens)}
    for field, length in lengths.items():
        complaint = f"{len(tokens)} words but {length} {field}"
        yield field, complaint, "give every word one, and a multi-word token none"
    if tokens and not lengths:
        yield from tree_problems(heads, relations, 0)


def _span_qa(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    yield from _text("context", row["context"])
    yield from _text("question", row["question"])
    answers = row["answers"]
    if not isinstance(answers, list):
        complaint = f"{_shown(answers)} does not hold as many answer_start as text"
        yield "answers", complaint, "give {text: [...], answer_start: [...]} of equal length"
    elif not answers and not task.may_lack_answers:
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
            elsewhere = context.find(text)
            complaint += f" (it stands at {elsewhere})" if elsewhere >= 0 else ", nor anywhere else"
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


def _dual_encoder(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    wrong = list(_span_qa(row, task))
    yield from wrong
    if not wrong and not row["answers"]:
        yield "answers", "the question has no answer", "use a split with gold answers"
    elif not wrong:
        yield from _sentences(row["sentences"], row["context"], row["answers"][0]["start"])


def _sentences(sentences: Any, context: str, answer: int) -> Iterator[Problem]:
    remedy = "give [first character, end] of every sentence, in order, or none of them"
    if not isinstance(sentences, list) or not sentences:
        yield "sentence_breaks", f"{_shown(sentences)} is no list of sentences", remedy
        return
    end = 0
    for index, one in enumerate(sentences):
        field = f"sentence_breaks[{index}]"
        if not isinstance(one, dict) or not all(type(one[name]) is int for name in one):
            yield field, f"{_shown(one)} is no pair of integers", remedy
            return
        if not end <= one["start"] < one["end"] <= len(context):
            span = f"{one['start']}..{one['end']}"
            yield field, f"{span} begins before {end} or lies outside the context", remedy
            return
        end = one["end"]
    if not any(one["start"] <= answer < one["end"] for one in sentences):
        complaint = f"no sentence holds the answer at {answer}"
        yield "sentence_breaks", complaint, "let the sentences cover the context"


def _entity_linking(row: dict[str, Any], task: Task) -> Iterator[Problem]:
    if isinstance(row["mention"], str) and row["left"] is None:
        complaint = f"{_shown(row['mention'])} marks no mention that stands in its sentence"
        yield "mention", complaint, "write it as `name: before { name } behind`"
    else:
        yield from _text("mention", row["mention"])
    yield from _text("entity", row["entity"])
    if "description" in task.source.columns:
        yield from _text("description", row["description"])


def _entities(row: dict[str, Any], _: Task) -> Iterator[Problem]:
    yield from _text("description", row["description"])


def _mlm(row: dict[str, Any], _: Task) -> Iterator[Problem]:
    yield from _text("text", row["text"])


_CHECKS: dict[str, Callable[[dict[str, Any], Task], Iterator[Problem]]] = {
    "classification": _classification,
    "regression": _regression,
    "tagging": _tagging,
    "parsing": _parsing,
    "span_qa": _span_qa,
    "multiple_choice": _multiple_choice,
    "retrieval": _pair,
    "mining": _mining,
    "dual_encoder": _dual_encoder,
    "entity_linking": _entity_linking,
    "entities": _entities,
    "mlm": _mlm,
}

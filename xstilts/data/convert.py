"""Rows of a source to canonical rows, by the record's columns, labels and cleaning steps.

Nothing is guessed: a value that does not fit passes through as it is, for
`canonical.validate` to name.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from xstilts.data.clean import CHANGES, STRIPPED, answer_pairs, drop_reason
from xstilts.data.rows import SourceRows
from xstilts.errors import UserError
from xstilts.tasks.mentions import unmark
from xstilts.tasks.record import OPTIONAL_FIELDS, Task, listed_columns

Row = dict[str, Any]

_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Converted:
    """Canonical rows, the source row of each, and what was dropped or changed on the way."""

    rows: list[Row]
    numbers: list[int]
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)


def convert(source: SourceRows, task: Task, lang: str) -> Converted:
    """Canonical rows of `task` in `lang` out of `source`; raises `UserError` for a lost column."""
    _require_columns(source, task)
    result = Converted([], [])
    for raw, number in zip(source.rows, source.numbers, strict=True):
        fields = {name: _pick(raw, spec) for name, spec in task.source.columns.items()}
        fields = {name: _stripped(name, value) for name, value in fields.items()}
        fields.setdefault("id", str(number))
        if isinstance(fields["id"], int):
            fields["id"] = str(fields["id"])
        reason = drop_reason(fields, task.source)
        if reason:
            result.dropped[reason] += 1
            continue
        for step in task.source.clean:
            if step in CHANGES and CHANGES[step](fields, lang):
                result.changed[step] += 1
        for row in _SHAPES[task.format](fields, source.labels, task):
            result.rows.append(row)
            result.numbers.append(number)
    return result


def _require_columns(rows: SourceRows, task: Task) -> None:
    optional = OPTIONAL_FIELDS.get(task.format, ())
    specs = [spec for name, spec in task.source.columns.items() if name not in optional]
    specs.append(task.source.language_prefix or "")
    wanted = {name for spec in specs for name in _top_columns(spec)}
    missing = sorted(wanted - set(rows.columns))
    if missing:
        raise UserError(
            f"{rows.where}: no column {', '.join(missing)}; the columns are "
            f"{', '.join(rows.columns)}: complete the source or declare source.columns."
        )


def _top_columns(spec: str) -> list[str]:
    return _NAME.findall(spec) or [part.split(".")[0] for part in listed_columns(spec) if part]


def _pick(row: Row, spec: str) -> Any:
    """One value: a column, a part of one (`a.b`), a list of them, or a template over columns."""
    names = _NAME.findall(spec)
    if names:
        return _filled(spec, {name: row[name] for name in names})
    columns = listed_columns(spec)
    return _part(row, spec) if len(columns) == 1 else [_part(row, one) for one in columns]


def _part(row: Row, column: str) -> Any:
    value: Any = row
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _filled(template: str, values: Row) -> Any:
    if any(value is None for value in values.values()):
        return None
    lists = [name for name, value in values.items() if isinstance(value, list)]
    if lists:
        return [_filled(template, values | {lists[0]: item}) for item in values[lists[0]]]
    return _NAME.sub(lambda match: str(values[match[1]]), template).strip()


def _stripped(name: str, value: Any) -> Any:
    """Texts without outer white space; contexts keep theirs, because offsets count it."""
    if name not in STRIPPED:
        return value
    if isinstance(value, list):
        return [_stripped(name, item) for item in value]
    return value.strip() if isinstance(value, str) else value


def label_index(value: Any, order: Sequence[str], labels: Sequence[str]) -> Any:
    """Index into `labels` of a source's label, integer (into `order`) or text.

    A value that names no label comes back as it is, or as its name in `order`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < len(order):
            return value
        value = order[value]
    if isinstance(value, str) and value.strip() in labels:
        return labels.index(value.strip())
    return value


def _order(column: str, names: dict[str, list[str]], task: Task) -> Sequence[str]:
    return names.get(column) or task.source.labels or task.labels


def _classification(fields: Row, names: dict[str, list[str]], task: Task) -> Iterator[Row]:
    order = _order(task.source.columns["label"], names, task)
    label = label_index(fields["label"], order, task.labels)
    yield _only(fields, "id", "text_a", "text_b") | {"label": label}


def _regression(fields: Row, _: dict[str, list[str]], __: Task) -> Iterator[Row]:
    score = fields["score"]
    if type(score) is int:
        score = float(score)
    yield _only(fields, "id", "text_a", "text_b") | {"score": score}


def _tagging(fields: Row, names: dict[str, list[str]], task: Task) -> Iterator[Row]:
    order = _order(task.source.columns["tags"], names, task)
    tags = fields["tags"]
    if isinstance(tags, list):
        tags = [label_index(tag, order, task.labels) for tag in tags]
    tokens, nothing = fields["tokens"], task.source.drop_labels
    if nothing and isinstance(tokens, list) and isinstance(tags, list) and len(tokens) == len(tags):
        kept = [place for place, tag in enumerate(tags) if tag not in nothing]
        tokens, tags = [tokens[place] for place in kept], [tags[place] for place in kept]
    yield {"id": fields["id"], "tokens": tokens, "tags": tags}


def _parsing(fields: Row, _: dict[str, list[str]], task: Task) -> Iterator[Row]:
    """Heads become numbers; the hub has them as texts."""
    heads, relations = fields["heads"], fields["relations"]
    if isinstance(heads, list):
        heads = [int(h) if isinstance(h, str) and h.isdecimal() else h for h in heads]
    if isinstance(relations, list):
        relations = [label_index(name, task.labels, task.labels) for name in relations]
    yield _only(fields, "id", "tokens") | {"heads": heads, "relations": relations}


def _span_qa(fields: Row, _: dict[str, list[str]], __: Task) -> Iterator[Row]:
    pairs = answer_pairs(fields["answers"])
    answers = fields["answers"]
    if pairs is not None:
        answers = [{"text": text, "start": start} for text, start in pairs]
    yield _only(fields, "id", "context", "question") | {"answers": answers}


def _multiple_choice(fields: Row, _: dict[str, list[str]], task: Task) -> Iterator[Row]:
    order = task.source.labels or tuple(map(str, range(task.choices or 0)))
    label = label_index(fields["label"], order, order)
    yield _only(fields, "id", "prompt", "choices") | {"label": label}


def _retrieval(fields: Row, _: dict[str, list[str]], __: Task) -> Iterator[Row]:
    yield _only(fields, "id", "text_a", "text_b")


def _mining(fields: Row, _: dict[str, list[str]], __: Task) -> Iterator[Row]:
    """Two sentences of a pair, or the one sentence of a distractor (the other text is "")."""
    for side, other in (("foreign", "english"), ("english", "foreign")):
        if fields[side] != "" or fields[other] == "":
            pair = fields[f"{other}_id"] if fields[other] != "" else ""
            yield {"id": fields[f"{side}_id"], "side": side, "text": fields[side], "pair": pair}


def _dual_encoder(fields: Row, names: dict[str, list[str]], task: Task) -> Iterator[Row]:
    """A question as in span QA, and where the sentences of its context stand."""
    breaks = fields.get("sentence_breaks")
    if isinstance(breaks, list) and all(isinstance(b, list) and len(b) == 2 for b in breaks):
        breaks = [{"start": start, "end": end} for start, end in breaks]
    for row in _span_qa(fields, names, task):
        yield row | {"sentences": breaks}


def _entity_linking(fields: Row, _: dict[str, list[str]], task: Task) -> Iterator[Row]:
    """A marked sentence becomes the mention and what stands around it."""
    text, described = fields["mention"], "description" in task.source.columns
    found = unmark(text) if isinstance(text, str) else None
    parts = found._asdict() if found else {"left": None, "mention": text, "right": None}
    description = fields["description"] if described else ""
    yield _only(fields, "id", "entity") | parts | {"description": description}


def _entities(fields: Row, _: dict[str, list[str]], __: Task) -> Iterator[Row]:
    yield _only(fields, "id", "description")


def _mlm(fields: Row, _: dict[str, list[str]], __: Task) -> Iterator[Row]:
    yield _only(fields, "id", "text")


def _only(fields: Row, *names: str) -> Row:
    return {name: fields[name] for name in names}


_SHAPES: dict[str, Callable[[Row, dict[str, list[str]], Task], Iterator[Row]]] = {
    "classification": _classification,
    "regression": _regression,
    "tagging": _tagging,
    "parsing": _parsing,
    "span_qa": _span_qa,
    "multiple_choice": _multiple_choice,
    "retrieval": _retrieval,
    "mining": _mining,
    "dual_encoder": _dual_encoder,
    "entity_linking": _entity_linking,
    "entities": _entities,
    "mlm": _mlm,
}

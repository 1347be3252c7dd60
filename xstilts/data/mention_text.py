"""Mewsli-X as its publisher's script makes it: lines of JSON.

    wikipedia_pairs-train.jsonl    {"contextual_mention": {"context": .., "mention": ..},
                                    "entity": ..}
    wikinews_mentions-test.jsonl   {"context": .., "mentions": [..]}, in all languages
    candidate_set_entities.jsonl   {"entity_id": .., "title": .., "description": ..,
                                    "sentence_spans": [{"start": .., "end": ..}], ..}

A context has a `language`, a `text` and `sentence_spans`; a mention `example_id`, `entity_id` and
a `mention_span` with `text`, `start` and `end` (google-research/google-research,
dense_representations_for_entity_retrieval/mel/mewsli-x.md). Read as XTREME-R reads it: a mention
with its own sentence, marked; of an entity the sentences of its description.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xstilts.data.canonical import SHOWN_PROBLEMS
from xstilts.data.rows import SourceRows
from xstilts.data.text_checks import shown
from xstilts.errors import UserError, raise_if_any
from xstilts.tasks.mentions import Mention, mark
from xstilts.tasks.record import Source

Json = dict[str, Any]
_PUBLISHED = {"validation": "dev"}  # the publisher's name of a split, where the hub's is another
_COLUMNS = ("example_id", "mention", "entity_id", "entity", "description")


def paths(root: Path, source: Source, split: str) -> dict[str, Path]:
    """The file of a split, which holds all languages; empty when the mirror does not have it."""
    assert source.files
    path = root / source.files.replace("{split}", _PUBLISHED.get(split, split))
    return {"jsonl": path} if path.is_file() else {}


def read(files: dict[str, Path], lang: str) -> SourceRows:
    """Rows with the hub's columns: mentions in `lang`, or entities.

    A row's number is that of its line, counted from 0. Raises `UserError` for lines that are
    not in the layout and for mentions that do not stand where they say.
    """
    path = files["jsonl"]
    rows: list[Json] = []
    numbers: list[int] = []
    problems: list[str] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            try:
                found = list(_rows(json.loads(line), lang))
            except (ValueError, KeyError, TypeError) as error:
                problems.append(f"{path}, row {number}: {_said(error)}.")
                continue
            rows += found
            numbers += [number] * len(found)
    hidden = len(problems) - SHOWN_PROBLEMS
    if hidden > 0:
        problems[SHOWN_PROBLEMS:] = [f"{path}: ... and {hidden} more problems of this kind."]
    raise_if_any(problems)
    if not rows:
        raise UserError(f"{path}: there are no rows in {lang}; leave the language out.")
    notes = ("mentions as the publisher's files mark them",)
    return SourceRows(rows, numbers, str(path), columns=_COLUMNS, notes=notes)


class _Misplaced(ValueError):
    """A mention is not where its line says; the message ends with what to do."""


def _said(error: Exception) -> str:
    if isinstance(error, _Misplaced):
        return str(error)
    what = f"no {error} in the line" if isinstance(error, KeyError) else str(error)
    return f"{what}; fetch the file again"


def _rows(line: Json, lang: str) -> Iterator[Json]:
    if "contextual_mention" in line:
        one = line["contextual_mention"]
        entity = {"entity": _description(line["entity"])}
        yield _mention(one["context"], one["mention"], "contextual_mention.mention") | entity
    elif "mentions" in line:
        if line["context"]["language"] == lang:
            for index, mention in enumerate(line["mentions"]):
                yield _mention(line["context"], mention, f"mentions[{index}]")
    else:
        yield {"entity_id": line["entity_id"], "description": _description(line)}


def _mention(context: Json, mention: Json, field: str) -> Json:
    """The hub's columns of a mention; raises `_Misplaced` for one outside its context."""
    text, span = context["text"], mention["mention_span"]
    start, end = span["start"], span["end"]
    if not text:
        raise _Misplaced("field context.text is empty; run the publisher's get-mewsli-x.sh")
    if not 0 <= start < end <= len(text) or text[start:end] != span["text"]:
        raise _Misplaced(
            f"field {field}.mention_span: {shown(span['text'])} does not stand at {start}..{end} "
            f"of its context of {len(text)} characters; correct the offsets or remove the row"
        )
    around = [s for s in context["sentence_spans"] if s["start"] <= start and end <= s["end"]]
    if not around:
        raise _Misplaced(
            f"field {field}.mention_span: no sentence holds {start}..{end}; correct "
            "context.sentence_spans or remove the row"
        )
    parts = Mention(text[around[0]["start"] : start], span["text"], text[end : around[0]["end"]])
    return {
        "example_id": mention["example_id"],
        "mention": mark(parts),
        "entity_id": mention["entity_id"],
    }


def _description(entity: Json) -> str:
    """The sentences of a description with single spaces."""
    text = entity["description"]
    sentences = [text[span["start"] : span["end"]] for span in entity["sentence_spans"]]
    return " ".join(" ".join(sentences).split())

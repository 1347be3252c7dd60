"""The entities that mentions are linked to: data of their own, one file for all languages."""

from dataclasses import replace

from xstilts.data.canonical import MANY, SHOWN_PROBLEMS
from xstilts.data.convert import Converted
from xstilts.data.rows import SourceRows
from xstilts.data.text_checks import shown
from xstilts.tasks.record import Task


def candidate_task(task: Task) -> Task:
    """The record of a task's candidates: `source.candidates` says what is other for them."""
    source = replace(task.source, **task.source.candidates, note=None, candidates={})
    return replace(task, format="entities", metric="", languages=(MANY,), source=source)


def unknown_entities(
    mentions: Converted, task: Task, where: str, source: SourceRows, candidates: Converted
) -> list[str]:
    """Mentions whose entity is not among the candidates of `source`, one sentence each."""
    known = {row["id"] for row in candidates.rows}
    column = task.source.columns["entity"]
    found = [
        f"{where}, row {number}, field entity (column {column}): {shown(row['entity'])} is none of "
        f"the {len(known)} candidates in {source.where}; complete them or remove the row."
        for row, number in zip(mentions.rows, mentions.numbers, strict=True)
        if row["entity"] not in known
    ]
    hidden = len(found) - SHOWN_PROBLEMS
    if hidden > 0:
        found[SHOWN_PROBLEMS:] = [f"{where}: ... and {hidden} more problems of this kind."]
    return found

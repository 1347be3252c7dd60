"""What `xstilts data` does, in the project's folder."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts.data.translations import KIND
from xstilts.errors import UserError, raise_if_any
from xstilts.study.commands import ROOT, STUDIES, named_study
from xstilts.study.grid import SOURCE_LANGUAGE
from xstilts.study.record import Study
from xstilts.study.resolve import resolve
from xstilts.tasks.record import Task
from xstilts.tasks.table import BENCHMARKS, TASKS, VARIANTS

Item = dict[str, Any]  # `{task, source, splits: {split: [languages]}}`, as `prepare` takes it


def show_stats(
    name: str | None, mirror: str | None, model: str | None = None, *, as_json: bool = False
) -> int:
    """Print sizes, lengths, label balance and sub-words per word of a study's data."""
    from xstilts.data import stats, stats_tables

    study = named_study(name, mirror)
    model = model or study.models[0]
    pieces, note = _pieces(study, model)
    found = stats.parts(study_items(study), pieces)
    if as_json:
        page = stats.as_json(study.name, model if pieces else None, note, found)
        print(json.dumps(page, ensure_ascii=False, indent=1))
    else:
        stats_tables.show(found, model if pieces else None)
        if note:
            print(note)
    return 0


def check_data(name: str | None, mirror: str | None, limit: int | None = None) -> int:
    """Compare records with their source; raises `UserError` with everything that is wrong.

    The records are a study's, or all of the table when only a mirror is given.
    """
    from rich.console import Console
    from rich.table import Table

    from xstilts.data.check import findings

    if name is None and mirror is not None:
        items = table_items(mirror)
    else:
        items = study_items(named_study(name, mirror))
    table = Table("task", "split", "languages", "rows", "problems", box=None)
    problems: list[str] = []
    for found in findings(items, limit):
        count = str(len(found.problems)) if found.problems else "none"
        table.add_row(
            found.task, found.split, " ".join(found.rows), f"{sum(found.rows.values()):,}", count
        )
        problems += found.problems
    Console().print(table)
    sys.stdout.flush()  # before the problems, which go to the other stream
    raise_if_any(dict.fromkeys(problems))
    return 0


def lock_data(name: str | None) -> int:
    """Write down the commits of a study's data sets; those of other data sets stay."""
    from xstilts.data.lock import current_commits, read_lock, write_lock

    study = named_study(name, None)
    items = [i for i in study_items(study, locked=False) if i["source"]["kind"] != KIND]
    tasks = [Task.from_dict(item["task"]) for item in items]
    parts = [part for task in tasks for part in task.parts()]
    sources = [part.source.of(lang) for part in parts for lang in part.languages]
    before, commits = read_lock(STUDIES), current_commits(sources)
    merged = {hub: before.get(hub, {}) | commits.get(hub, {}) for hub in before | commits}
    path = write_lock(STUDIES, merged)
    for hub, revisions in commits.items():
        for revision, commit in revisions.items():
            old = before.get(hub, {}).get(revision)
            was = "as before" if old == commit else f"was {old}" if old else "new"
            print(f"{hub} {revision}: {commit} ({was})")
    print(f"{path} holds the commits of {len(merged)} data sets; keep it in Git.")
    if study.source != "hub":
        print(f"The study {study.name} reads its rows from the {study.source}, not from the hub.")
    return 0


def show_table(output: str | None) -> int:
    """Print the task table as Markdown, or write it to a file."""
    from xstilts.data.page import tasks_page
    from xstilts.files import write_text

    page = tasks_page(TASKS, BENCHMARKS, VARIANTS)
    if output is None:
        print(page, end="")
    else:
        write_text(Path(output), page)
        print(f"{output} holds {len(TASKS)} tasks.")
    return 0


def study_items(study: Study, *, locked: bool = True) -> list[Item]:
    """What a study prepares, each split of a task once; `locked`: at the commits of the lock."""
    entries = resolve(study if locked else replace(study, commits={}))["prepare"]
    found: dict[str, Item] = {}
    for entry in entries.values():
        for item in entry["tasks"]:
            # a recipe in other languages has another record, or another source, of the same task
            key = json.dumps([item["task"], item["source"]])
            own = found.setdefault(key, item | {"splits": {}})
            for split, langs in item["splits"].items():
                both = [*own["splits"].get(split, ()), *langs]
                own["splits"][split] = list(dict.fromkeys(both))
    return list(found.values())


def table_items(mirror: str) -> list[Item]:
    """Every record: its test data in all languages, what is trained on in English."""
    if not Path(mirror).is_dir():
        raise UserError(f"the mirror {mirror} is no folder; correct --mirror.")
    source = {"kind": "mirror", "path": mirror}
    # what a benchmark changes about a record adds languages to it
    tasks = TASKS | {name: task for own in VARIANTS.values() for name, task in own.items()}
    return [
        {
            "task": task.to_dict(),
            "source": source,
            "splits": {split: _languages(task, split) for split in task.source.splits},
        }
        for task in tasks.values()
    ]


def _languages(task: Task, split: str) -> list[str]:
    if split == "test" or task.sampling or SOURCE_LANGUAGE not in task.languages:
        return list(task.languages)
    return [SOURCE_LANGUAGE]


def _pieces(study: Study, model: str) -> tuple[Any, str | None]:
    """The counter of sub-words; without one, why."""
    from xstilts.data.pieces import pieces_of
    from xstilts.models.backbones import BACKBONES
    from xstilts.study.page import unknown

    if model not in BACKBONES:
        raise UserError(unknown("model", model, BACKBONES))
    try:
        return pieces_of(model, from_scratch=study.from_scratch, root=ROOT), None
    except UserError as error:
        return None, f"No sub-words: {error.problems[0]}"

"""`docs/tasks.md`: the task table as a page, made from the records and from nothing else."""

from collections.abc import Iterable, Mapping

from xstilts.data.entities import candidate_task
from xstilts.study.rows import published_rows
from xstilts.tasks.record import Task

Benchmarks = Mapping[str, Mapping[str, tuple[str, ...]]]

_HEAD = """\
# Tasks

Written by `make docs` from `xstilts/tasks/table.py`; edit that file, not this one.

Every task is one record. Its rows come from the data set named under *source*, on the Hugging
Face hub or in a mirror of it; the embedded world has a twin of each, with the same columns. Sizes
are rows of one language (their mean where languages differ), as the publishers of the data sets
state them; – where nobody does. Data sets keep their own licences.
"""
_COLUMNS = ("task", "format", "source", "licence", "sizes", "languages", "metric", "reference")


def tasks_page(
    tasks: Mapping[str, Task], benchmarks: Benchmarks, variants: Mapping[str, Mapping[str, Task]]
) -> str:
    """The whole page, as Markdown; `variants` are the records that a benchmark has otherwise."""
    targets = {
        name for groups in benchmarks.values() for names in groups.values() for name in names
    }
    sections = [_HEAD]
    for title, chosen in (
        ("Targets", [task for name, task in tasks.items() if name in targets]),
        ("Others, to train on or to ask about", [t for n, t in tasks.items() if n not in targets]),
    ):
        sections.append(f"## {title}\n\n{_table(chosen)}")
    for benchmark, own in variants.items():
        title = f"As {benchmark} has them"
        sections.append(f"## {title}\n\n{_differences(own, tasks)}")
    sections.append(f"## Benchmarks\n\n{_benchmarks(benchmarks)}")
    notes = [
        f"- `{task.name}`: {task.source.note}.\n" for task in tasks.values() if task.source.note
    ]
    if notes:
        sections.append("## Notes\n\n" + "".join(notes))
    return "\n".join(sections)


def _differences(variants: Mapping[str, Task], tasks: Mapping[str, Task]) -> str:
    """What a benchmark changes about records: languages from elsewhere, another encoder."""
    lines = []
    for name, task in variants.items():
        added = [lang for lang in task.languages if lang not in tasks[name].languages]
        homes: dict[str, list[str]] = {}
        for lang in added:
            homes.setdefault(task.source.of(lang).hub, []).append(lang)
        text = "; ".join(f"{' '.join(langs)} from `{hub}`" for hub, langs in homes.items())
        said = [f"{len(task.languages)} languages, with {text}"] if added else []
        if task.embedded_by:
            said.append(f"embedded by the encoder fine-tuned on `{task.embedded_by}`")
        if task.after:
            said.append(f"trained after `{task.after}`, with its head")
        lines.append(f"- `{name}`: {'; '.join(said)}.\n")
    return "".join(lines)


def _table(tasks: Iterable[Task]) -> str:
    lines = [_line(_COLUMNS), _line("---" for _ in _COLUMNS)]
    lines += [_line(_cells(task)) for task in tasks]
    return "".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _cells(task: Task) -> Iterable[str]:
    source = task.source
    trained = f"<br>trained on `{task.train_from}`" if task.train_from else ""
    return (
        f"`{task.name}`{trained}",
        task.format.replace("_", " "),
        "<br>".join(f"`{own.hub}`<br>`{own.config}`" for own in (source, *task.also)),
        task.licence,
        _sizes(task),
        f"{len(task.languages)}: {' '.join(task.languages)}",
        task.metric.replace("_", " "),
        task.reference,
    )


def _published(task: Task) -> dict[str, int | None]:
    """Rows of each split, over all sources; None where nobody says."""
    by_source = [published_rows(part.source) for part in task.parts()]
    found: dict[str, int | None] = {}
    for split in task.source.splits:
        known = [rows[split] for rows in by_source]
        counted = [number for number in known if number is not None]
        found[split] = sum(counted) if len(counted) == len(known) else None
    return found


def _sizes(task: Task) -> str:
    """`train 392,702<br>dev 9,815 (`validation`)`; over all sources where there are several."""
    if task.sampling:
        return f"train {task.sampling.total:,} sentences of all languages"
    sources = (task.source, *task.also)
    counts = [published_rows(source) for source in sources]
    lines = []
    for split, expression in task.source.splits.items():
        own = [rows[split] for rows in counts]
        total = f"{sum(n or 0 for n in own):,}" if None not in own else "–"
        named = "" if expression == split or task.also else f" (`{expression}`)"
        lines.append(f"{split} {total}{named}")
    return "<br>".join([*lines, *_candidates(task)])


def _candidates(task: Task) -> Iterable[str]:
    """`1,003,893 candidates (`candidate_entities`)`, which all languages share."""
    if task.source.candidates:
        source = candidate_task(task).source
        [count] = published_rows(source).values()
        said = f"{count:,}" if count is not None else "–"
        yield f"{said} candidates (`{source.config}`)"


def _benchmarks(benchmarks: Benchmarks) -> str:
    lines = []
    for name, groups in benchmarks.items():
        members = "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in groups.items())
        lines.append(f"- **{name}**: {members}.\n")
    return "".join(lines)

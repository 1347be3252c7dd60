"""The check of the task table: every name resolves, every benchmark group is complete."""

import re
from collections.abc import Iterator, Mapping

from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import (
    CLEANING,
    FORMAT_FIELDS,
    FORMAT_METRICS,
    OPTIONAL_FIELDS,
    SPLITS,
    Source,
    Task,
)

_SPLIT = re.compile(r"\w+(\[(-?\d+%?)?:(-?\d+%?)?\])?(\+\w+(\[(-?\d+%?)?:(-?\d+%?)?\])?)*")
_LABELLED = ("classification", "tagging", "parsing")
_ENGLISH_ASKS = ("retrieval", "mining")
_TRAINED = (
    "classification", "regression", "tagging", "parsing", "span_qa", "multiple_choice",
    "dual_encoder", "entity_linking",
)  # fmt: skip

Benchmarks = Mapping[str, Mapping[str, tuple[str, ...]]]


def problems(tasks: Mapping[str, Task], benchmarks: Benchmarks) -> list[str]:
    """Every inconsistency of the table, one sentence each; empty when all names resolve."""
    found: list[str] = []
    for key, task in tasks.items():
        if key != task.name:
            found.append(f"task {task.name} stands under the key {key!r}.")
        found += task_problems(task)
        found += _train_problems(task, tasks)
    return found + list(_benchmark_problems(tasks, benchmarks))


def task_problems(task: Task) -> list[str]:
    """What is wrong with one record on its own, e.g. after a study's overrides were merged."""
    if task.format not in FORMAT_FIELDS:
        known = ", ".join(FORMAT_FIELDS)
        return [f"task {task.name}: unknown format {task.format!r}; formats are {known}."]
    found = [*_head_problems(task), *_language_problems(task)]
    for part in task.parts():
        found += _source_problems(part)
        if set(part.source.splits) != set(task.source.splits):
            mine, theirs = list(task.source.splits), list(part.source.splits)
            found.append(f"{part.source.hub} has the splits {theirs}, {task.source.hub} {mine}.")
    return [f"task {task.name}: {problem}" for problem in found]


def _head_problems(task: Task) -> Iterator[str]:
    metrics = FORMAT_METRICS[task.format]
    if task.metric not in metrics:
        yield f"metric {task.metric!r} is none of {task.format}'s: {', '.join(metrics)}."
    wanted = task.format in _LABELLED
    if wanted != (len(task.labels) > 1) or len(set(task.labels)) != len(task.labels):
        need = "two or more different labels" if wanted else "no labels"
        yield f"format {task.format} needs {need}, not {list(task.labels)}."
    if task.format == "parsing" and task.labels[:1] != ("root",):
        yield f"the first label of a parsing task must be 'root', not {task.labels[:1]}."
    if (task.format == "multiple_choice") != (task.choices is not None and task.choices > 1):
        yield f"choices is {task.choices}; multiple_choice needs two or more, others none."
    if (task.format == "regression") != (task.scale is not None and task.scale[0] < task.scale[1]):
        yield f"scale is {task.scale}; regression needs (lowest, highest), others none."
    if task.sampling and (task.format != "mlm" or task.also or task.source.elsewhere):
        yield "sampling is for running text (format mlm) of one data set."


def _language_problems(task: Task) -> Iterator[str]:
    unknown = [code for code in task.languages if code not in LANGUAGES]
    if unknown:
        yield f"unknown languages {', '.join(unknown)}."
    if not task.languages or len(set(task.languages)) != len(task.languages):
        yield "languages are missing or repeated."
    if task.format in _ENGLISH_ASKS and "en" in task.languages:
        yield "English is the other side of a retrieval or mining task: it cannot be a language."


def _source_problems(task: Task) -> Iterator[str]:
    source = task.source
    if "/" not in source.hub:
        yield f"hub id {source.hub!r} has no namespace; write owner/name."
    for split, expression in source.splits.items():
        if split not in SPLITS:
            yield f"unknown split {split!r}; splits are {', '.join(SPLITS)}."
        if not isinstance(expression, str) or not _SPLIT.fullmatch(expression):
            yield f"split {split} has no readable expression: {expression!r}."
    missing = [f for f in FORMAT_FIELDS[task.format] if f not in source.columns]
    known = (*FORMAT_FIELDS[task.format], *OPTIONAL_FIELDS.get(task.format, ()), "id")
    surplus = [f for f in source.columns if f not in known]
    if missing or surplus:
        yield f"columns lack {missing} and name {surplus} that {task.format} does not know."
    if len(task.languages) > 1 and "{lang}" not in source.config and not source.language_prefix:
        yield "several languages, but neither {lang} in the config nor a language_prefix."
    yield from _reading_problems(task, source)
    yield from _candidate_problems(task)


def _candidate_problems(task: Task) -> Iterator[str]:
    """Entities are described in the rows themselves, or, to test on, in rows of their own."""
    source = task.source
    described = "description" in source.columns
    if task.format != "entity_linking":
        if source.candidates:
            yield f"source.candidates is for entity_linking, not for {task.format}."
    elif not described and ("train" in source.splits or not source.candidates):
        yield "entities are not described: declare the column description, to test candidates."


def _reading_problems(task: Task, source: Source) -> Iterator[str]:
    unknown = [step for step in source.clean if step not in CLEANING]
    if unknown:
        yield f"unknown cleaning steps {unknown}; steps are {', '.join(CLEANING)}."
    if source.labels and task.format in _LABELLED and set(source.labels) != set(task.labels):
        yield f"the source's labels {list(source.labels)} are not the task's {list(task.labels)}."
    repeated = sorted({name for name in source.labels if source.labels.count(name) > 1})
    if repeated:
        yield f"the source's labels {list(source.labels)} hold {', '.join(repeated)} twice."
    if source.labels and task.choices and len(source.labels) != task.choices:
        yield f"{len(source.labels)} source labels for {task.choices} choices."
    coded = {*source.language_codes, *source.elsewhere}
    if source.language_codes and not set(task.languages) <= coded:
        yield "language_codes does not cover all languages."


def _train_problems(task: Task, tasks: Mapping[str, Task]) -> Iterator[str]:
    elsewhere = task.train_from or task.format in (*_ENGLISH_ASKS, "mlm")
    if not elsewhere and "en" not in task.languages:
        own = "English must be a language of a task that is trained on its own rows."
        yield f"task {task.name}: {own}"
    if task.embedded_by and (task.format in _TRAINED or task.embedded_by not in tasks):
        yield (
            f"task {task.name}: embedded_by is {task.embedded_by!r}; it names the task whose "
            "model embeds the texts of a retrieval task."
        )
    if task.after and getattr(tasks.get(task.after), "format", None) != task.format:
        yield f"task {task.name}: after is {task.after!r}, which is no task of its format."
    if task.format not in _TRAINED:
        if task.train_from:
            yield f"task {task.name}: {task.format} is not trained, but train_from is set."
        return
    trained = tasks.get(task.train_from) if task.train_from else task
    if trained is None:
        yield f"task {task.name}: train_from names no task: {task.train_from!r}."
        return
    if trained.train_from:
        yield f"task {task.name}: {trained.name} is itself trained from {trained.train_from}."
    elif not {"train", "dev"} <= set(trained.source.splits):
        yield f"task {task.name}: {trained.name} has no train and dev splits to train on."
    same = ("format", "labels", "choices", "scale")
    differing = [name for name in same if getattr(task, name) != getattr(trained, name)]
    if differing:
        found = f"task {task.name}: differs from {trained.name} in {', '.join(differing)}"
        yield f"{found}{choices_differ(task, trained)}."
    for other in tasks.values():
        shares = other.train_from and other.train_from == task.train_from
        if shares and other.hparams != task.hparams:
            yield f"task {task.name}: shares a model with {other.name}, but not its hparams."


def choices_differ(target: Task, trained: Task) -> str:
    """Both numbers of choices where they differ, to end a sentence; else nothing."""
    if not (target.choices and trained.choices) or target.choices == trained.choices:
        return ""
    return f" ({target.name} has {target.choices}, {trained.name} {trained.choices})"


def _benchmark_problems(tasks: Mapping[str, Task], benchmarks: Benchmarks) -> Iterator[str]:
    groups = {(group, name) for b in benchmarks.values() for group, m in b.items() for name in m}
    for benchmark, members in benchmarks.items():
        names = [name for group in members.values() for name in group]
        if len(set(names)) != len(names):
            yield f"benchmark {benchmark}: a task stands in two groups."
        for group, group_names in members.items():
            if not group_names:
                yield f"benchmark {benchmark}: group {group} is empty."
            for name in group_names:
                if name not in tasks:
                    yield f"benchmark {benchmark}: group {group} names no task: {name!r}."
                elif tasks[name].group != group:
                    yield f"benchmark {benchmark}: {name} says its group is {tasks[name].group!r}."
    for task in tasks.values():
        if task.group and (task.group, task.name) not in groups:
            yield f"task {task.name}: missing from group {task.group} of every benchmark."

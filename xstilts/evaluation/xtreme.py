"""From scores per language to the benchmark's score, as XTREME's `evaluate.py` averages.

A task's score is the plain mean over its languages, a group's the mean of its tasks, the
overall score the mean of all tasks (not of the groups). What is incomplete has no score:
a mean over fewer languages or tasks is another quantity and stands under another name, with
the tasks that are in it. XTREME-R has no official overall score (its script knows no metric
for LAReQA), so that its total always says of what it is the mean.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BenchmarkScore:
    """Scores 0..100; None where something that belongs to the mean is missing."""

    tasks: dict[str, float | None]
    groups: dict[str, float | None]
    overall: float | None
    missing: dict[str, tuple[str, ...]]  # task -> its languages without a score
    task_averages_over_available: dict[str, float]  # over the languages that are there
    average_over_available: float | None  # over the tasks with any language; None without one
    total_of: tuple[str, ...]  # the tasks with all their languages
    total: float | None  # their mean; None where there is none of them


def benchmark_score(
    values: Mapping[str, Mapping[str, float]],
    groups: Mapping[str, Collection[str]],
    languages: Mapping[str, Collection[str]],
) -> BenchmarkScore:
    """Average `values` (task -> language -> 0..100) of one model over a benchmark.

    `groups` are the benchmark's (group -> tasks, each task in one group); `languages` says
    for each of those tasks which languages its score averages. Scores of other languages
    and of tasks outside the benchmark are left out.
    """
    names = [task for tasks in groups.values() for task in tasks]
    missing, tasks, available = {}, {}, {}
    for task in names:
        scores = values.get(task, {})
        absent = tuple(lang for lang in languages[task] if lang not in scores)
        present = [scores[lang] for lang in languages[task] if lang in scores]
        if absent:
            missing[task] = absent
        if present:
            available[task] = sum(present) / len(present)
        tasks[task] = None if absent else available[task]
    whole = tuple(task for task in names if tasks[task] is not None)
    return BenchmarkScore(
        tasks=tasks,
        groups={group: _mean(tasks[t] for t in members) for group, members in groups.items()},
        overall=_mean(tasks.values()),
        missing=missing,
        task_averages_over_available=available,
        average_over_available=_mean(available.values()),
        total_of=whole,
        total=_mean(tasks[task] for task in whole),
    )


def _mean(scores: Iterable[float | None]) -> float | None:
    found = list(scores)
    known = [score for score in found if score is not None]
    if not found or len(known) < len(found):
        return None
    return sum(known) / len(known)

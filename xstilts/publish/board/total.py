"""What a study's averages are the mean of, and how that is called."""

from collections.abc import Mapping
from typing import Any

from xstilts.publish.words.wording import listed
from xstilts.tasks.table import BENCHMARKS, members

Record = Mapping[str, Any]
TARGETS = "targets"  # a total of the study's own targets, none of them of its benchmark


def study_groups(study: Record) -> dict[str, list[str]]:
    """The benchmark's groups with the tasks that this study has."""
    groups = {
        group: [task for task in tasks if task in study["targets"]]
        for group, tasks in BENCHMARKS[study["benchmark"]].items()
    }
    return {group: tasks for group, tasks in groups.items() if tasks}


def beyond_benchmark(study: Record) -> list[str]:
    """The study's targets that its benchmark does not have."""
    return [task for task in study["targets"] if task not in members(study["benchmark"])]


def total_of(study: Record) -> dict[str, Any]:
    """What this study's averages are the mean of, and what they lack of the benchmark.

    `of` is the benchmark, or "targets" for a study without any task of it: then the mean is
    that of the study's targets, no score of a benchmark.
    """
    benchmark = study["benchmark"]
    averaged = [task for tasks in study_groups(study).values() for task in tasks]
    if not averaged:
        return {"of": TARGETS, "tasks": beyond_benchmark(study), "missing": []}
    missing = [task for task in members(benchmark) if task not in averaged]
    return {"of": benchmark, "tasks": averaged, "missing": missing}


def is_own(total: Record) -> bool:
    """Whether the mean is over targets outside the study's benchmark."""
    return bool(total["of"] == TARGETS)


def mean_name(total: Record) -> str:
    """How the mean over tasks is called: an average is a benchmark's."""
    return "mean" if is_own(total) else "average"


def mean_of(total: Record) -> str:
    """What the mean over tasks is of, within a sentence."""
    count = len(total["tasks"])
    if is_own(total):
        mean = "its target" if count == 1 else "the mean of its targets"
        return f"{mean} {listed(total['tasks'])}"
    return f"the average of {'one task' if count == 1 else f'{count} tasks'}"

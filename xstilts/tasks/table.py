"""The table of tasks: one record each, from the modules beside this one."""

from difflib import get_close_matches

from xstilts.errors import UserError
from xstilts.tasks.answer_tasks import ANSWER_TASKS
from xstilts.tasks.check import problems
from xstilts.tasks.choice_tasks import CHOICE_TASKS
from xstilts.tasks.intermediate_tasks import INTERMEDIATE_TASKS
from xstilts.tasks.native_qa import NATIVE_QA_TASKS
from xstilts.tasks.record import Task
from xstilts.tasks.structure_tasks import STRUCTURE_TASKS
from xstilts.tasks.text_tasks import TEXT_TASKS
from xstilts.tasks.xtreme_r import xtreme_r
from xstilts.tasks.xtreme_tasks import XTREME_TASKS

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        *XTREME_TASKS,
        *INTERMEDIATE_TASKS,
        *STRUCTURE_TASKS,
        *CHOICE_TASKS,
        *ANSWER_TASKS,
        *NATIVE_QA_TASKS,
        *TEXT_TASKS,
    )
}

BENCHMARKS: dict[str, dict[str, tuple[str, ...]]] = {
    "xtreme": {
        "classification": ("pawsx", "xnli"),
        "structured": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
    "xtreme-r": {
        "classification": ("xnli", "xcopa"),
        "structured": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "lareqa", "mewslix"),
    },
}
NO_OVERALL = ("xtreme-r",)  # its script knows no metric for LAReQA: a mean says of what it is
# benchmark -> tasks whose records are others there than in `TASKS`
VARIANTS: dict[str, dict[str, Task]] = {"xtreme-r": xtreme_r(TASKS)}


def task_in(name: str, benchmark: str) -> Task:
    """The record of a task as a benchmark has it."""
    return VARIANTS.get(benchmark, {}).get(name, TASKS[name])


def members(benchmark: str) -> tuple[str, ...]:
    """The tasks of a benchmark, in the order of its groups."""
    return tuple(task for tasks in BENCHMARKS[benchmark].values() for task in tasks)


def get_task(name: str) -> Task:
    """The task of that name; an unknown one raises a `UserError` that lists the near ones."""
    if name in TASKS:
        return TASKS[name]
    near = get_close_matches(name, TASKS, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(f"unknown task {name!r}: {hint}known tasks are {', '.join(sorted(TASKS))}.")


_FOUND = problems(TASKS, BENCHMARKS) + [
    f"{benchmark}: {problem}"
    for benchmark, variants in VARIANTS.items()
    for problem in problems(TASKS | variants, BENCHMARKS)
]
if _FOUND:
    raise ValueError("the task table is inconsistent:\n" + "\n".join(_FOUND))

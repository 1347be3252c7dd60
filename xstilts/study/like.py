"""A profile that is `like` another study: it takes over what an answer of that size costs.

Both then train the same things in the same way, so that what one has trained the other finds.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xstilts.models.backbones import BACKBONES
from xstilts.study.grid import serving_tasks, used_tasks
from xstilts.study.page import Keys, Page
from xstilts.study.record import Study, parse_study

LIKE = "like"
TAKEN = ("source", "sizes", "hparams", "training", "intermediate", "finetune", "tasks")
_ASKED = ("languages", "train_from")  # of a task: they belong to the question
_DATA = ("sizes", "source")  # of a task: the rest, but for what is asked, are settings

Tasks = dict[str, dict[str, Any]]


def take_costs(page: Page, other: Page, keys: Keys) -> None:
    """Put the costs of `other` in place of the page's own.

    Of a task that the page's study does not use nothing is taken, and its languages and what
    it is trained from stay. What is taken has the line of `keys`, where the page names `other`.
    Mistakes of `other` become problems of the page, and then nothing is taken.
    """
    _parsed(other)
    if other.problems:
        page.problems += other.problems
        return
    own = {name: value for name, value in page.value.items() if name not in TAKEN}
    asked = {
        task: {name: body[name] for name in _ASKED if name in body}
        for task, body in _tasks(page.value).items()
    }
    study = _parsed(replace(page, value=own | {"tasks": asked}, problems=[]))
    used = _of_study(_tasks(other.value), study)
    page.value = own | {name: other.value[name] for name in TAKEN if name in other.value}
    page.value["tasks"] = {
        task: used.get(task, {}) | asked.get(task, {}) for task in dict.fromkeys([*used, *asked])
    }
    page.lines |= {at: page.lines[keys] for at in other.lines if at and at[0] in TAKEN}


def _parsed(page: Page) -> Study:
    return parse_study(page, tuple(BACKBONES))


def _tasks(value: Mapping[str, Any]) -> Tasks:
    tasks = value.get("tasks")
    bodies = tasks if isinstance(tasks, dict) else {}
    return {task: body for task, body in bodies.items() if isinstance(body, dict)}


def _of_study(tasks: Tasks, study: Study) -> Tasks:
    """What `tasks` say of those that the study uses: no setting that would have no effect."""
    serving = serving_tasks(study)
    return {
        task: {
            name: value
            for name, value in tasks[task].items()
            if name in _DATA or (name not in _ASKED and task not in serving)
        }
        for task in used_tasks(study)
        if task in tasks
    }

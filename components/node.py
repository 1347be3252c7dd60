"""A node that helps to train: one of several that run the same stage, and not the first.

The first node deals with the store and with DVC. The others need the same inputs on their own
disk and the same command, whose processes join those of the first node; they keep nothing.
"""

import os
from collections.abc import Sequence
from typing import Any

from components import dvc_steps
from components.desk import Desk
from xstilts.observe.logs import say
from xstilts.observe.subject import about
from xstilts.study.plan import Stage

RANK = "PET_NODE_RANK"  # torchrun's name; set by Kubeflow Trainer


def is_first() -> bool:
    """Whether this is the first node, or the only one."""
    return os.environ.get(RANK, "0") == "0"


def help_all(desk: Desk, chosen: Sequence[Stage]) -> list[Any]:
    """Help the first node with one stage after the other; there is nothing to tell of it.

    A stage that the store has is passed over, as the first node does: after a restart it may
    have been finished.
    """
    for stage in chosen:
        with about(desk.params["study"]["name"], stage.name):
            say(f"{stage.name}: node {os.environ[RANK]} {_help(desk, stage)}")
    return []


def _help(desk: Desk, stage: Stage) -> str:
    inputs, entry = dvc_steps.look_up(desk, stage)
    if entry is not None:
        return "had nothing to do: the store has the result"
    dvc_steps.pull(desk, inputs)
    dvc_steps.help_run(desk, stage)
    return "has helped"

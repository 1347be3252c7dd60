"""What is wrong with an entry of a file of node pools."""

import re
from collections.abc import Mapping
from typing import Any

from components.plan.placement import RESOURCE, label_problems, toleration_problems
from pipelines.quantities import cores, size
from xstilts.study.page import Page, unknown

DEVICES = ("cuda", "cpu")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SIZES = ("memory", "memory_request", "shm", "scratch")
_KINDS: dict[str, tuple[type, str]] = {
    "gpus": (int, "a whole number"),
    "hours": (int, "a whole number"),
    "selector": (dict, "a mapping of labels"),
    "tolerations": (list, "a list"),
}
_MOST = {"gpus": 999, "hours": 13 * 24}  # hours: a pod must end before its run does
_FOR_GPUS = ("gpus", "gpu_type")


def check(page: Page, position: int, known: Mapping[str, bool]) -> None:
    """Note all that is wrong with one pool; `known`: field -> whether a pool must have it."""
    entry = page.value[position]
    if not isinstance(entry, dict):
        page.problem((position,), f"a pool must be a mapping, not {entry!r}.")
        return
    for name in entry:
        if name not in known:
            page.problem((position, name), unknown("field", name, known))
    for name, required in known.items():
        if required and name not in entry:
            page.problem((position,), f"the pool has no {name}.")
    for name in [name for name in known if name in entry]:
        for text in _value_problems(name, entry[name]):
            page.problem((position, name), text)
    _check_name(page, position)
    _check_device(page, position)
    _check_memory(page, position)


def _value_problems(name: str, value: Any) -> list[str]:
    """What is wrong with the value of one field, whatever the others are."""
    if problem := _type_problem(name, value):
        return [problem]
    if name == "cpu":
        value = str(value)
    if name == "selector":
        return [f"selector: {text}" for text in label_problems(value)]
    if name == "tolerations":
        return [f"tolerations[{position}]: {text}" for position, item in enumerate(value)
                for text in toleration_problems(item)]  # fmt: skip
    problem = _scalar_problem(name, value)
    return [f"{name} {problem}, not {value!r}."] if problem else []


def _type_problem(name: str, value: Any) -> str:
    kind, wanted = _KINDS.get(name, (str, "a text"))
    fits = isinstance(value, kind) or (name == "cpu" and isinstance(value, int))
    return (
        "" if fits and not isinstance(value, bool) else f"{name} must be {wanted}, not {value!r}."
    )


def _scalar_problem(name: str, value: Any) -> str:
    """What a number or text should be, or '' if it is."""
    if name == "device" and value not in DEVICES:
        return f"must be {' or '.join(DEVICES)}"
    if name == "cpu" or name in _SIZES:
        try:
            (cores if name == "cpu" else size)(value)
        except ValueError as error:
            return str(error)
    if name in _MOST and not 0 < value <= _MOST[name]:
        return f"must be from 1 to {_MOST[name]}"
    if name in ("name", "queue") and not _NAME.fullmatch(value):
        return "may hold lower-case letters, digits and hyphens"
    if name == "gpu_type" and not RESOURCE.fullmatch(value):
        return "must be a resource such as nvidia.com/gpu"
    return ""


def _check_name(page: Page, position: int) -> None:
    name = page.value[position].get("name")
    for before, entry in enumerate(page.value[:position]):
        if name is not None and isinstance(entry, dict) and entry.get("name") == name:
            text = f"the name {name!r} is that of line {page.lines[(before,)]}, too."
            page.problem((position, "name"), text)
            return


def _check_device(page: Page, position: int) -> None:
    """GPUs go with the device cuda, and only with it."""
    entry = page.value[position]
    for name in _FOR_GPUS:
        if entry.get("device") == "cuda" and name not in entry:
            page.problem((position,), f"the pool has no {name}, which the device cuda needs.")
        if entry.get("device") == "cpu" and name in entry:
            page.problem((position, name), f"{name} goes with the device cuda only.")


def _check_memory(page: Page, position: int) -> None:
    """What is asked for, and what /dev/shm may take, lies within the limit."""
    entry = page.value[position]
    sizes = {}
    for name in ("memory", "memory_request", "shm"):
        if isinstance(entry.get(name), str) and not _value_problems(name, entry[name]):
            sizes[name] = size(entry[name])
    if sizes.get("memory_request", 0) > sizes.get("memory", float("inf")):
        text = f"memory_request {entry['memory_request']} is more than memory {entry['memory']}."
        page.problem((position, "memory_request"), text)
    if sizes.get("shm", 0) >= sizes.get("memory", float("inf")):
        text = f"shm {entry['shm']} is part of memory {entry['memory']}: it must be less."
        page.problem((position, "shm"), text)

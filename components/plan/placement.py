"""Where the pods of a run may go: GPUs, tolerations, node selector; read and checked."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.study.page import unknown

_OPERATORS = ("Equal", "Exists")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TOLERATION = ("key", "operator", "value", "effect", "tolerationSeconds")
_EXAMPLE = {"key": "nvidia.com/gpu", "operator": "Exists"}
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
RESOURCE = re.compile(r"[a-z0-9.-]{1,253}/[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Placement:
    """GPUs of a training pod, their name as a resource, and the values of its nodes' labels."""

    gpus: int
    gpu_type: str
    node_labels: tuple[str, ...]


def read_placement(
    gpus: str, gpu_type: str, tolerations: str, node_selector: str, problems: list[str]
) -> Placement:
    """The placement that texts describe (empty: not given); mistakes go to `problems`."""
    count = _gpus(gpus, problems)
    if gpu_type and not RESOURCE.fullmatch(gpu_type):
        problems.append(
            f"gpu_type {gpu_type!r} is no resource of Kubernetes: use one such as nvidia.com/gpu, "
            "and choose the kind of GPU by a label in node_selector."
        )
    for position, item in enumerate(read_json("tolerations", tolerations, list, problems)):
        problems += [f"tolerations[{position}]: {text}" for text in toleration_problems(item)]
    labels = read_json("node_selector", node_selector, dict, problems)
    problems += [f"node_selector: {text}" for text in label_problems(labels)]
    return Placement(count, gpu_type, tuple(str(value) for value in labels.values()))


def read_json(name: str, text: str, kind: type, problems: list[str]) -> Any:
    """The list or mapping that the JSON `text` holds, an empty one for an empty text."""
    if not text.strip():
        return kind()
    wanted = "list" if kind is list else "mapping"
    try:
        value = json.loads(text)
    except ValueError as error:
        problems.append(f"{name} is no JSON ({error}): {text[:80]!r}.")
        return kind()
    if not isinstance(value, kind):
        problems.append(f"{name} must be a JSON {wanted}, not {text[:80]}.")
        return kind()
    return value


def read_count(name: str, text: str, problems: list[str]) -> int:
    """The whole number, 1 or more, that a text gives; an empty one is 1."""
    if not text.strip() or (text.isdecimal() and int(text)):
        return int(text.strip() or 1)
    problems.append(f"{name} {text!r} must be a whole number, 1 or more.")
    return 1


def processes_problems(
    params: Mapping[str, Any], placement: Placement, nodes: int = 1
) -> list[str]:
    """Training runs whose processes do not fit the GPUs of their nodes, one text per number."""
    wanted: dict[int, list[str]] = {}
    for phase in ("intermediate", "finetune"):
        for key, entry in params[phase].items():
            wanted.setdefault(entry["training"].get("processes", 1), []).append(f"{phase}@{key}")
    found = (
        sharing_problem(names[0], count, nodes, placement.gpus)
        for count, names in sorted(wanted.items())
    )
    return [problem for problem in found if problem]


def nodes_for(processes: int, nodes: int) -> int:
    """On how many of `nodes` nodes a stage trains: one process takes one, several take all."""
    return 1 if processes == 1 else nodes


def sharing_problem(stage: str, processes: int, nodes: int, gpus: int) -> str:
    """What hinders `nodes` nodes, each with `gpus`, to share a stage's processes; '' if nothing."""
    nodes = nodes_for(processes, nodes)
    if nodes == 1 and processes > gpus > 0:
        return (
            f"{stage} trains in {processes} processes, but its pod gets gpus: {gpus}; "
            f"set gpus to {processes}, or processes in the study to {gpus}."
        )
    if processes % nodes:
        return (
            f"{stage} trains in {processes} processes, which {nodes} nodes cannot share evenly: "
            "set processes in the study to a multiple of the nodes."
        )
    if processes // nodes > gpus > 0:
        return (
            f"{stage} trains in {processes} processes on {nodes} nodes, but each node gets gpus: "
            f"{gpus}; set gpus to {processes // nodes}, or use more nodes."
        )
    return ""


def _gpus(text: str, problems: list[str]) -> int:
    if re.fullmatch(r"[0-9]{1,3}", text.strip()):
        return int(text)
    if text.strip():
        problems.append(f"gpus {text!r} must be a whole number, 0 for none.")
    return 0


def toleration_problems(item: Any) -> Iterator[str]:
    """What is wrong with a toleration, each a sentence."""
    if not isinstance(item, dict):
        yield f"must be a mapping such as {json.dumps(_EXAMPLE)}, not {json.dumps(item)}."
        return
    for name in item:
        if name not in _TOLERATION:
            yield unknown("field", name, _TOLERATION)
    operator = item.get("operator", "Equal")
    for name, known in (("operator", _OPERATORS), ("effect", _EFFECTS)):
        if name in item and item[name] not in known and item[name] != "":
            yield unknown(name, item[name], known)
    for name in ("key", "value"):
        if not isinstance(item.get(name, ""), str):
            yield f"{name} must be a text, not {item[name]!r}."
    if operator == "Exists" and item.get("value"):
        yield f"operator Exists has no value, but it is {item['value']!r}."
    if operator == "Equal" and not item.get("key"):
        yield "key is missing: only the operator Exists does without."
    yield from _seconds(item)


def _seconds(item: Mapping[str, Any]) -> Iterator[str]:
    if "tolerationSeconds" not in item:
        return
    seconds = item["tolerationSeconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds % 1:
        yield f"tolerationSeconds must be a whole number, not {seconds!r}."
    if item.get("effect") != "NoExecute":
        yield "tolerationSeconds goes only with the effect NoExecute."


def label_problems(labels: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with labels of nodes, each a sentence."""
    for name, value in labels.items():
        if not isinstance(name, str) or not _LABEL_KEY.fullmatch(name):
            yield f"{name!r} is no label's name."
        if not isinstance(value, str):
            yield f"the value of {name} must be a text, not {json.dumps(value)}; put it in quotes."
        elif not _LABEL_VALUE.fullmatch(value):
            yield f"{value!r} (of {name}) is no label's value."

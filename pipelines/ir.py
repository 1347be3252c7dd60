"""What a compiled pipeline says: the images it runs, and whether all it refers to is there.

Neither KFP's compiler nor its parser look: a name that leads nowhere shows when a pod starts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_INPUT = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
_CHANNEL = "pipelinechannel--"
# Inputs of a task that its component does not declare: they are for the pod, not the program
_FOR_THE_POD = (
    *("accelerator_count", "accelerator_type"),
    *("cpu_request", "memory_request", "memory_limit"),
)


@dataclass(frozen=True)
class Node:
    """A task in its graph: `inputs` are those of the graph, `siblings` its tasks by name."""

    where: str
    task: Json
    component: Json
    inputs: frozenset[str]
    siblings: Json

    @property
    def given(self) -> dict[str, Json]:
        """The sources of the task's inputs."""
        found = self.task.get("inputs", {})
        return {**found.get("parameters", {}), **found.get("artifacts", {})}


def images(specification: Json) -> set[str]:
    """The images of all executors."""
    return {executor["container"]["image"] for executor in _executors(specification).values()}


def problems(specification: Json, platform: Json) -> list[str]:
    """Every name in the specification, or in its Kubernetes part, that leads nowhere."""
    executors = _executors(specification)
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    found = [
        f"settings are for {name}, which is no executor" for name in settings.keys() - executors
    ]
    used = set()
    for where, graph in _graphs(specification):
        found += _outputs(specification, where, graph)
        for name, task in graph["dag"]["tasks"].items():
            reference = task["componentRef"]["name"]
            if reference not in specification["components"]:
                found.append(f"{where}.{name}: there is no component {reference}")
                continue
            component = specification["components"][reference]
            tasks = graph["dag"]["tasks"]
            node = Node(f"{where}.{name}", task, component, frozenset(_inputs(graph)), tasks)
            found += _links(specification, node)
            if label := component.get("executorLabel"):
                used.add(label)
                found += _pod(node, executors.get(label), settings.get(label, {}))
    return found + [f"no task uses {name}" for name in executors.keys() - used]


def _executors(specification: Json) -> Json:
    found: Json = specification["deploymentSpec"]["executors"]
    return found


def _graphs(specification: Json) -> Iterator[tuple[str, Json]]:
    yield "root", specification["root"]
    for name, component in specification["components"].items():
        if "dag" in component:
            yield name, component


def _inputs(component: Json) -> dict[str, Json]:
    found = component.get("inputDefinitions", {})
    return {**found.get("parameters", {}), **found.get("artifacts", {})}


def _has_output(specification: Json, task: Json, name: str) -> bool:
    component = specification["components"].get(task["componentRef"]["name"], {})
    found = component.get("outputDefinitions", {})
    return name in found.get("parameters", {}) or name in found.get("artifacts", {})


def _outputs(specification: Json, where: str, graph: Json) -> Iterator[str]:
    """Outputs of a graph: each from an output of one of its tasks."""
    tasks = graph["dag"]["tasks"]
    outputs = graph["dag"].get("outputs", {})
    chosen = [item["valueFromParameter"] for item in outputs.get("parameters", {}).values()]
    for item in outputs.get("artifacts", {}).values():
        chosen += item["artifactSelectors"]
    for source in chosen:
        name = source.get("outputParameterKey") or source["outputArtifactKey"]
        task = tasks.get(source["producerSubtask"])
        if task is None or not _has_output(specification, task, name):
            yield f"{where}: no task has the output {source['producerSubtask']}.{name}"


def _links(specification: Json, node: Node) -> Iterator[str]:
    """What a task refers to in its graph, and whether its component gets what it needs."""
    for other in node.task.get("dependentTasks", []):
        if other not in node.siblings:
            yield f"{node.where} waits for {other}, which is no task beside it"
    for name, source in node.given.items():
        yield from _source(specification, node, name, source)
    declared = _inputs(node.component)
    iterator = node.task.get("parameterIterator")
    item = {iterator["itemInput"]} if iterator else set()
    if iterator and iterator["items"]["inputParameter"] not in node.given:
        yield f"{node.where} loops over {iterator['items']['inputParameter']}, which is no input"
    for name in declared.keys() - node.given.keys() - item:
        if not declared[name].get("isOptional"):
            yield f"{node.where} does not give {name}"
    for name in (node.given.keys() | item) - declared.keys():
        if not name.startswith(_CHANNEL) and name not in _FOR_THE_POD:
            yield f"{node.where} gives {name}, which its component does not have"


def _source(specification: Json, node: Node, name: str, source: Json) -> Iterator[str]:
    outer = source.get("componentInputParameter") or source.get("componentInputArtifact")
    if outer and outer not in node.inputs:
        yield f"{node.where}.{name} is taken from {outer}, which its graph does not have"
    output = source.get("taskOutputParameter") or source.get("taskOutputArtifact")
    if output:
        producer = output["producerTask"]
        key = output.get("outputParameterKey") or output["outputArtifactKey"]
        task = node.siblings.get(producer)
        if task is None or not _has_output(specification, task, key):
            yield f"{node.where}.{name} is taken from {producer}.{key}, which there is not"
        elif producer not in node.task.get("dependentTasks", []):
            yield f"{node.where}.{name} is taken from {producer}, but does not wait for it"
    for inner in _placeholders(source):
        if inner not in node.given:
            yield f"{node.where}.{name} is taken from {inner}, which the task does not get"


def _pod(node: Node, executor: Json | None, settings: Json) -> Iterator[str]:
    """What the pod of a task refers to: inputs of its component, and of the graph it is in."""
    if executor is None:
        yield f"{node.where}: there is no executor {node.component['executorLabel']}"
        return
    known = node.given.keys() | _inputs(node.component).keys()
    for name in _placeholders(executor):
        if name not in known:
            yield f"{node.where} uses the input {name}, which it does not get"
    for name in _values(settings, "componentInputParameter"):
        if name not in node.inputs:
            yield f"{node.where}: Kubernetes settings use {name}, which its graph does not have"


def _placeholders(value: Any) -> Iterator[str]:
    """The inputs that placeholders anywhere in a value name."""
    if isinstance(value, str):
        yield from _INPUT.findall(value)
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _placeholders(item)


def _values(value: Any, key: str) -> Iterator[str]:
    """The texts of a key anywhere in a value."""
    for name, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        if name == key:
            yield item
        elif isinstance(item, Mapping | list):
            yield from _values(item, key)

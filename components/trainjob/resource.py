"""The TrainJob (Kubeflow Trainer v2) that runs one stage on several nodes."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.plan.placement import nodes_for, sharing_problem
from xstilts.errors import raise_if_any
from xstilts.store.location import Location
from xstilts.study.plan import Stage

Json = dict[str, Any]
GROUP = "trainer.kubeflow.org/v1alpha1"
KIND = "trainjobs"
RUNTIME = "xstilts"  # k8s/base/training-runtime.yaml
NODE = "node"  # the runtime's only job and its only container; Trainer knows them by this name
DIGEST = "XSTILTS_IMAGE_DIGEST"  # goes into the provenance of what is published
QUEUE = "kueue.x-k8s.io/queue-name"
STAGE, RUN = "xstilts.dev/stage", "xstilts.dev/run"  # annotations
SPEC = "xstilts.dev/spec"  # annotation: what a job was made of, to know it again
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_MANAGER = "xstilts.dev/pool"  # who patches the runtime, for Trainer's records
HOUR = 3600
WAIT = 24  # hours that a job may wait for its nodes
_SLUG = 30  # characters of a stage's name; JobSet adds to it, and a host's name ends at 63


@dataclass(frozen=True)
class Order:
    """Where and with what a stage is trained; quantities are Kubernetes' own texts.

    A stage takes at most `nodes`, and of each at most `gpus`, 0 for none. `memory` is the limit,
    `memory_request` what a node asks for. `hours` ends a training that runs longer.
    """

    image: str
    nodes: int
    gpus: int
    gpu_type: str
    cpu: str
    memory: str
    memory_request: str
    shm: str
    scratch: str
    hours: int
    tolerations: list[Any]
    node_selector: Mapping[str, str]
    s3_secret: str = ""
    queue: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)  # environment variables


def trainjob(order: Order, stage: Stage, run: Location) -> Json:
    """The TrainJob for a stage of the run at `run`; equal orders give equal objects.

    Every node runs `xstilts-stage`: the first brings the stage up to date, the others help it
    to train. Raises `UserError` if its processes cannot be shared evenly by the nodes.
    """
    problem = sharing_problem(stage.name, stage.slots, order.nodes, order.gpus)
    raise_if_any([problem] if problem else [])
    nodes = nodes_for(stage.slots, order.nodes)
    spec = {
        "runtimeRef": {"apiGroup": GROUP.partition("/")[0], "kind": "TrainingRuntime",
                       "name": RUNTIME},
        "trainer": {
            "image": order.image,
            "command": ["xstilts-stage"],
            "args": [stage.name, "--run", str(run)],
            "env": _environment(order),
            "numNodes": nodes,
            "numProcPerNode": stage.slots // nodes,
            "resourcesPerNode": _resources(order, stage.slots // nodes),
        },
        "runtimePatches": [_patch(order)],
        "activeDeadlineSeconds": order.hours * HOUR,
    }  # fmt: skip
    return {
        "apiVersion": GROUP,
        "kind": "TrainJob",
        "metadata": {
            "name": job_name(stage.name, run),
            "labels": _labels(order),
            "annotations": {STAGE: stage.name, RUN: run.url, SPEC: _digest(spec)},
        },
        "spec": spec,
    }  # fmt: skip


def job_name(stage: str, run: Location) -> str:
    """The name of the TrainJob of a stage in a run: always the same, and a name for DNS."""
    slug = re.sub(r"[^a-z0-9]+", "-", stage.lower())[:_SLUG].strip("-")
    return f"{slug}-{hashlib.sha256(f'{run.url} {stage}'.encode()).hexdigest()[:8]}"


def _labels(order: Order) -> Json:
    labels = {"app.kubernetes.io/name": "xstilts", "app.kubernetes.io/component": "training"}
    return labels | ({QUEUE: order.queue} if order.queue else {})


def _environment(order: Order) -> list[Json]:
    """The image's digest, which it cannot know itself, and the keys of the store, if any."""
    found: list[Json] = [{"name": name, "value": text} for name, text in order.settings.items()]
    if digest := order.image.partition("@")[2]:
        found.append({"name": DIGEST, "value": digest})
    for name in _KEYS if order.s3_secret else ():
        key = {"name": order.s3_secret, "key": name, "optional": True}
        found.append({"name": name, "valueFrom": {"secretKeyRef": key}})
    return found


def _resources(order: Order, processes: int) -> Json:
    """What a node gets: of its GPUs one for each of its processes, and no more."""
    gpus = {order.gpu_type: str(processes)} if order.gpus else {}
    return {
        "requests": {"cpu": order.cpu, "memory": order.memory_request} | gpus,
        "limits": {"memory": order.memory} | gpus,
    }


def _patch(order: Order) -> Json:
    """What the pool changes of the runtime: sizes of volumes, and to which nodes the pods go."""
    scratch = {"emptyDir": {"sizeLimit": order.scratch}}
    shm = {"emptyDir": {"medium": "Memory", "sizeLimit": order.shm}}
    volumes = {"shm": shm, "scratch": scratch, "tmp": scratch}
    pod: Json = {"volumes": [{"name": name, **volume} for name, volume in volumes.items()]}
    if order.tolerations:
        pod["tolerations"] = list(order.tolerations)
    if order.node_selector:
        pod["nodeSelector"] = dict(order.node_selector)
    job = {"name": NODE, "template": {"spec": {"template": {"spec": pod}}}}
    return {
        "manager": _MANAGER,
        "trainingRuntimeSpec": {"template": {"spec": {"replicatedJobs": [job]}}},
    }


def _digest(spec: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]

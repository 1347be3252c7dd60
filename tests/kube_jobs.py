"""A job for tests, and what a cluster's controllers make of it."""

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from kube_api import KubeApi

from components import pod
from components.dvc_steps import StageFailed
from components.trainjob import cluster as kube
from components.trainjob import logs, submit, watch
from components.trainjob.resource import Order, trainjob
from xstilts.store.location import Location
from xstilts.study.plan import Stage

RUN = Location("bucket", "place/studies/small/first", endpoint="https://s3.example.com")
STAGE = Stage("finetune@mini-none-xnli-0", "finetune", "mini-none-xnli-0", "models/x", (), slots=8)
IMAGE = "registry.example.com/xstilts@sha256:" + "0" * 64
ORDER = Order(
    image=IMAGE,
    nodes=2,
    gpus=4,
    gpu_type="nvidia.com/gpu",
    cpu="4",
    memory="64Gi",
    memory_request="16Gi",
    shm="8Gi",
    scratch="100Gi",
    hours=48,
    tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}],
    node_selector={"xstilts.dev/pool": "a100"},
    s3_secret="xstilts-s3",
    queue="xstilts",
    settings={"XSTILTS_LOGS": "json", "XSTILTS_METRICS_PORT": "9464"},
)
JOB = trainjob(ORDER, STAGE, RUN)
NAME = JOB["metadata"]["name"]
RUNNING = {"running": {}}
PATIENCE = 100.0  # seconds
Controller = Callable[[KubeApi], None]


def hurry(monkeypatch) -> None:
    """Have all that waits wait a hundredth of a second."""
    monkeypatch.setattr(kube, "PAUSE", 0.001)
    monkeypatch.setattr(kube, "TRIES", 3)
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    monkeypatch.setattr(watch, "TICK", 1.0)
    monkeypatch.setattr(submit, "POLL", 0.01)
    monkeypatch.setattr(logs, "POLL", 0.01)
    pod.configure()


@contextmanager
def controlled(api: KubeApi, controller: Controller):
    """Have `controller` act on the server at the same time; what it raises is raised here."""
    raised: list[BaseException] = []

    def act() -> None:
        try:
            controller(api)
        except BaseException as error:
            raised.append(error)
            api.objects["trainjobs"] = {}  # ends whoever waits

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


def start(api: KubeApi, name: str = NAME) -> list[str]:
    """Wait for the job, and have its pods run."""
    api.wait_for(lambda: name in api.jobs() and api.watched())
    return [api.pod(name, node, RUNNING) for node in range(2)]


def complete(api: KubeApi, name: str = NAME) -> None:
    """Have the job end well."""
    api.condition(name, "Complete", "AllJobsCompleted", "jobset completed successfully")


def end(api: KubeApi, pods: list[str], *codes: int, name: str = NAME) -> None:
    """Let the pods end with these exit codes, and their logs with them."""
    for node, (own, code) in enumerate(zip(pods, codes, strict=True)):
        api.pod(name, node, {"terminated": {"exitCode": code, "reason": "Error"}})
        api.write(own, end=True)


def follow(api: KubeApi, controller: Controller, order: Order = ORDER, patience=PATIENCE) -> None:
    """Have a job run, and `controller` act on it at the same time."""
    with controlled(api, controller):
        watch.run(api.cluster, trainjob(order, STAGE, RUN), patience)


def failure(
    api: KubeApi, controller: Controller, kind: type[Exception] = StageFailed, **more
) -> str:
    """The text of the error that `follow` ends with."""
    with pytest.raises(kind) as caught:
        follow(api, controller, **more)
    return str(caught.value)


def well(api: KubeApi) -> None:
    """A training in which nothing happens."""
    pods = start(api)
    end(api, pods, 0, 0)
    complete(api)

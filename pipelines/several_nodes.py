"""Training on several nodes: a pod that has Kubeflow Trainer run a TrainJob, and waits for it."""

from collections.abc import Callable, Mapping
from typing import Any

from kfp.dsl import PipelineTask

from components.trainjob.component import trainjob
from components.trainjob.resource import WAIT
from pipelines.placement import Nodes, Parameter
from pipelines.pools import Pool


def order(
    pool: Pool, count: int, nodes: Nodes, images: Mapping[str, str], s3_secret: Parameter
) -> dict[str, Any]:
    """The arguments of the component `trainjob` that say where it trains: on `count` nodes.

    What the nodes get is the pool's, unless the run's plan, which `nodes` come from, says more.
    """
    return {
        "image": images[pool.device],
        "nodes": str(count),
        "hours": str(pool.hours),
        "queue": pool.queue,
        "shm": pool.shm,
        "scratch": pool.scratch,
        "s3_secret": s3_secret,
        **vars(nodes),
    }


def waiting(pool: Pool) -> Pool:
    """What the pod that waits gets: it asks the store and Kubernetes, and computes nothing.

    It stays until the nodes were found and have trained, as long as they may.
    """
    return Pool("waiting", "cpu", cpu="100m", memory="2Gi", memory_request="512Mi", shm="64Mi",
                scratch="2Gi", hours=pool.hours + WAIT + 1)  # fmt: skip


def train_on_nodes(
    on: Callable[..., PipelineTask],
    pool: Pool,
    where: Mapping[str, Any],
    _component: Callable[..., PipelineTask],
    stages: Parameter,
    run: Parameter,
    title: str,
) -> PipelineTask:
    """The task that trains in place of a component's own; `where` is an `order`."""
    task = trainjob(stages=stages, run=run, **where)
    return on(waiting(pool), task, title, retried=False)  # the nodes start again by themselves

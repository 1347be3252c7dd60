"""What runs of a schedule, or of the command line, ask of a cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from components.plan.placement import Placement, nodes_for
from pipelines.graph import NOTIFY_SECRET, PARALLELISM, SECRET
from pipelines.placement import STEPS
from pipelines.pools import Pool
from pipelines.quantities import amount, written
from pipelines.schedule.file import Schedule
from pipelines.several_nodes import waiting
from xstilts.study.fanout import Pods, pods
from xstilts.study.plan import Stage, stages

_TRAINING = ("intermediate", "finetune")


@dataclass(frozen=True)
class Demand:
    """A run: `source` is what asks for it, `parameters` those of the pipeline that were given.

    `params` is the resolved study; empty where none is known. `pool` is what a pod gets after the
    run's own parameters; where `is_placed` is false, its pool is not known. `nodes` train a
    model together.
    """

    source: str
    pool: Pool
    params: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    service_account: str = ""
    nodes: int = 1
    parallelism: int = PARALLELISM
    is_placed: bool = True

    @cached_property
    def plan(self) -> list[Stage]:
        """All stages of the study; none where none is named."""
        return stages(self.params) if self.params else []

    @cached_property
    def pods(self) -> Pods:
        """The pods of a run whose store has nothing yet."""
        return pods(self.plan, ())

    @property
    def placement(self) -> Placement:
        """Where a training pod may go."""
        return Placement(self.pool.gpus, self.pool.gpu_type, tuple(self.pool.selector.values()))

    @property
    def processes(self) -> int:
        """In how many processes a model of the study trains at most; without one, on all GPUs."""
        own = [stage.slots for stage in self.plan if stage.phase in _TRAINING]
        return max(own, default=self.nodes * max(1, self.pool.gpus))

    @property
    def trains_on(self) -> int:
        """How many nodes train a model together: one where the study has one process."""
        return nodes_for(self.processes, self.nodes)

    @property
    def at_once(self) -> int:
        """How many models train side by side at most."""
        if not self.params:
            return self.parallelism
        loops = (self.pods.intermediate, self.pods.trained)
        return max(1, min(self.parallelism, max(map(len, loops))))

    @property
    def s3_secret(self) -> str:
        """The secret with the store's keys."""
        return str(self.parameters.get("s3_secret") or SECRET)

    @property
    def notify_secret(self) -> str:
        """The secret with the webhook."""
        return str(self.parameters.get("notify_secret") or NOTIFY_SECRET)


@dataclass(frozen=True)
class Need:
    """Pods that are alike and can only start together, each with what `pool` says."""

    what: str
    count: int
    pool: Pool

    @property
    def amounts(self) -> dict[str, Fraction]:
        """What one of the pods asks for, by resource: cores, bytes, pieces."""
        gpus = {self.pool.gpu_type: Fraction(self.pool.gpus)} if self.pool.gpus else {}
        return {"cpu": amount(self.pool.cpu), "memory": amount(self.pool.memory_request), **gpus}

    def __str__(self) -> str:
        """Such as `a training pod of the pool l4 (6 cpu, 24Gi memory, 1 nvidia.com/gpu)`."""
        parts = ", ".join(written(name, value) for name, value in self.amounts.items())
        return f"{self.what} ({parts}{' on each' if self.count > 1 else ''})"


def of_schedule(schedule: Schedule, params: Mapping[str, Any]) -> Demand:
    """What a schedule's runs ask for; `params` is its study, resolved."""
    pool = with_parameters(schedule.pool, schedule.parameters)
    return Demand(schedule.name, pool, params, schedule.parameters, schedule.service_account)


def with_parameters(pool: Pool, parameters: Mapping[str, Any]) -> Pool:
    """The pool after what the run's own parameters, which are right, change of it."""
    changes: dict[str, Any] = {}
    if gpus := parameters.get("gpus"):
        changes["gpus"] = int(gpus)
    if gpu_type := parameters.get("gpu_type"):
        changes["gpu_type"] = gpu_type
    if labels := parameters.get("node_selector"):
        changes["selector"] = labels
    if tolerations := parameters.get("tolerations"):
        changes["tolerations"] = tuple(tolerations)
    return replace(pool, **changes)


def training(demand: Demand) -> Need:
    """The pods that train one model: one, or a TrainJob's, with a GPU for each process."""
    pool, nodes = demand.pool, demand.trains_on
    if demand.nodes == 1:
        return Need(f"a training pod of the pool {pool.name}", 1, pool)
    each = replace(pool, gpus=demand.processes // nodes if pool.gpus else 0)
    whose = f"{nodes} nodes" if nodes > 1 else "one node"
    return Need(f"a training on {whose} of the pool {pool.name}", nodes, each)


def needs(demand: Demand) -> Iterator[Need]:
    """All kinds of pods of a run, what trains first."""
    train = training(demand)
    yield train
    if demand.nodes > 1:
        yield Need(f"an evaluating pod of the pool {demand.pool.name}", 1, demand.pool)
        yield Need("the pod that waits for a training", 1, waiting(demand.pool))
    yield Need("a step that trains nothing", 1, STEPS)

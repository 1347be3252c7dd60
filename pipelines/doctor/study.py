"""What a run's study asks of its pool: processes, hours, memory and disk of what it trains."""

from collections.abc import Iterator, Sequence

from components.plan.device import device_notes, device_of
from components.plan.placement import processes_problems
from components.plan.summary import memory_notes
from pipelines.doctor.demand import Demand
from pipelines.placement import STEPS
from pipelines.quantities import amount
from xstilts.study.devices import CPU
from xstilts.study.estimate import Estimate, estimate, stage_cost
from xstilts.study.findings import NOTE, Finding

_HOUR = 3600


def study(demand: Demand) -> Iterator[Finding]:
    """What the study takes on the pool if the store has nothing, and what does not fit."""
    if not demand.params:
        return
    pool, placement = demand.pool, demand.placement
    for problem in processes_problems(demand.params, placement, demand.nodes):
        yield Finding("study", problem, "change the study (processes), the pool or --nodes")
    if demand.nodes > 1 and demand.trains_on == 1:
        text = f"every model trains in one process, so --nodes {demand.nodes} changes nothing."
        yield Finding("study", text, "set processes in the study, or leave --nodes out", NOTE)
    plan, every, device = demand.plan, demand.pods, device_of(placement)
    cost = estimate(demand.params, plan, every, device, pool.gpus, demand.nodes)
    unit = "core-hours" if device.name == CPU else f"GPU-hours of {device.name}"
    name, models = demand.params["study"]["name"], len(every.trained) + len(every.intermediate)
    text = (f"{name}: {len(plan)} stages, {models} trainings, about {sum(cost.hours.values()):.1f} "
            f"{unit} if the store has nothing of it.")  # fmt: skip
    yield Finding("study", text)
    for note in (*memory_notes(cost), *device_notes(placement), *_limits(demand, cost)):
        yield Finding("study", note, state=NOTE)


def _limits(demand: Demand, cost: Estimate) -> Iterator[str]:
    """Where the estimate is more than what the pool gives; as an estimate it makes notes."""
    pool, device = demand.pool, cost.device
    scratch = pool if cost.disk_stage.partition("@")[0] in cost.hours else STEPS
    if cost.disk > amount(scratch.scratch):
        yield (f"{cost.disk_stage} needs about {cost.disk / 1e9:.0f} GB of disk, and its pod has "
               f"{scratch.scratch} of scratch: raise scratch of the pool.")  # fmt: skip
    if device == CPU and cost.memory > amount(pool.memory):
        yield (f"{cost.memory_stage} needs about {cost.memory / 1e9:.0f} GB of memory, and a pod "
               f"of the pool {pool.name} has {pool.memory}: raise its memory.")  # fmt: skip
    stages, seconds = _longest(demand)
    if seconds > pool.hours * _HOUR:
        yield (f"{stages[0]} takes about {seconds / _HOUR:.0f} hours, and the pool {pool.name} "
               f"ends pods after {pool.hours}: raise hours, or take more GPUs.")  # fmt: skip


def _longest(demand: Demand) -> tuple[Sequence[str], float]:
    """The stages of the training pod, or TrainJob, that lasts longest, and its seconds."""
    device, known = device_of(demand.placement), {stage.name: stage for stage in demand.plan}
    together: list[Sequence[str]] = [(name,) for name in demand.pods.intermediate]
    for item in demand.pods.trained:
        together += [item.finetune] if demand.nodes == 1 else [(name,) for name in item.finetune]
    most = max(1, demand.pool.gpus) * demand.nodes

    def seconds(names: Sequence[str]) -> float:
        parts = (known[name] for name in names)
        return sum(stage_cost(demand.params, part, device).seconds / min(part.slots, most)
                   for part in parts)  # fmt: skip

    longest: Sequence[str] = max(together, key=seconds, default=())
    return longest, seconds(longest)

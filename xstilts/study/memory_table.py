"""What `xstilts plan --device` says: why a ZeRO stage, for the hungriest training run."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from xstilts.study.devices import CPU, Device
from xstilts.study.estimate import choice, load_of
from xstilts.study.plan import Stage
from xstilts.training.memory import LADDER, USABLE, Choice, Load, Zero, choose, needed

_TRAINED = ("intermediate", "finetune")
_OFFLOAD = {"none": "", "optimizer": "optimizer on the CPU", "parameters": "all on the CPU"}


def memory_table(params: Mapping[str, Any], plan: Sequence[Stage], device: Device) -> Group:
    """Gigabytes on each device at every ZeRO stage, and which one the run takes."""
    runs = {s.name: params[s.phase][s.key] for s in plan if s.phase in _TRAINED}
    if not runs:
        return Group("Nothing is trained in this study.")
    name = max(runs, key=lambda run: needed(load_of(params, runs[run]), Zero(0)).total)
    training, load = runs[name]["training"], load_of(params, runs[name])
    found = choice(load, training, device)
    frozen = "" if load.trained == load.parameters else f" {load.trained / 1e6:,.1f} of its"
    return Group(
        f"GB on each of {load.processes} {device.name} "
        f"({device.memory / 1e9:.0f} GB, {USABLE:.0%} of it usable) for {name}, which trains"
        f"{frozen or ' all'} {load.parameters / 1e6:,.1f} million parameters:",
        _table(load, found.zero, device),
        words(load, found, training, device),
    )


def _table(load: Load, taken: Zero, device: Device) -> Table:
    table = Table(
        "ZeRO", "offload", "weights", "gradients", "optimizer", "activations", "all", "", box=None
    )
    for step in dict.fromkeys((*LADDER, taken)):
        found = needed(load, step)
        parts = (found.weights, found.gradients, found.optimizer, found.activations, found.total)
        fits = "fits" if found.total <= USABLE * device.memory else "too much"
        table.add_row(
            str(step.stage),
            _OFFLOAD[step.offload],
            *(f"{part / 1e9:.1f}" for part in parts),
            f"{fits}, taken" if step == taken else fits,
        )
    return table


def words(load: Load, found: Choice, training: Mapping[str, Any], device: Device) -> str:
    """The run's ZeRO stage, who chose it, and what to do when it does not fit.

    What a study says itself is compared with what would be chosen otherwise.
    """
    fits = device.name == CPU or needed(load, found.zero).total <= USABLE * device.memory
    if training.get("zero_stage") is None:
        text = (
            "zero_stage is not set: the run chooses when it starts, by this estimate stage "
            f"{found.zero}, because {found.reason}."
        )
        return text if fits else f"{text} {_larger(load, device)}"
    best = choose(load, None if device.name == CPU else device.memory).zero
    own = f"The study says stage {found.zero}, which"
    if not fits:
        if needed(load, best).total > USABLE * device.memory:
            return f"{own} does not fit, and no other does. {_larger(load, device)}"
        return f"{own} does not fit; leave zero_stage out, and the run takes stage {best}."
    if best != found.zero:
        return f"{own} fits, and so does stage {best}, which is faster."
    return f"{own} fits, and is the fastest that does."


def _larger(load: Load, device: Device) -> str:
    several = "" if load.processes > 1 else "several processes, "
    return (
        f"If it does not fit into {device.name} indeed, take {several}more accumulation, "
        "lora_rank, or a larger device."
    )

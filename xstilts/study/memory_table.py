"""What `xstilts plan --device` says: why a ZeRO stage, for the hungriest training run."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from xstilts.study.devices import Device
from xstilts.study.estimate import micro_batch, shape_of
from xstilts.study.memory import STAGES, USABLE, advice, lowest_stage, training_memory
from xstilts.study.plan import Stage

_TRAINED = ("intermediate", "finetune")


def memory_table(params: Mapping[str, Any], plan: Sequence[Stage], device: Device) -> Group:
    """Gigabytes on each device at every ZeRO stage, and which to take."""
    runs = {s.name: params[s.phase][s.key] for s in plan if s.phase in _TRAINED}
    if not runs:
        return Group("Nothing is trained in this study.")
    name = max(runs, key=lambda run: _memory(params, runs[run]))
    entry = runs[name]
    training: Mapping[str, Any] = entry["training"]
    shape, tokens = shape_of(params, entry["init"]), micro_batch(params, entry)
    table = Table("ZeRO", "weights", "gradients", "optimizer", "activations", "all", "", box=None)
    for stage in STAGES:
        found = training_memory(shape, training, tokens, stage)
        parts = (found.weights, found.gradients, found.optimizer, found.activations, found.total)
        fits = "fits" if found.total <= USABLE * device.memory else "too much"
        table.add_row(str(stage), *(f"{part / 1e9:.1f}" for part in parts), fits)
    lowest = lowest_stage(shape, training, tokens, device)
    return Group(
        f"GB on each of {training.get('processes', 1)} {device.name} "
        f"({device.memory / 1e9:.0f} GB, {USABLE:.0%} of it usable) for {name}:",
        table,
        advice(lowest, training, device),
    )


def _memory(params: Mapping[str, Any], entry: Mapping[str, Any]) -> float:
    shape = shape_of(params, entry["init"])
    return training_memory(shape, entry["training"], micro_batch(params, entry)).total

"""Which accelerator a run trains on, as far as the names of its nodes tell."""

from components.plan.placement import Placement
from xstilts.study.devices import CPU, DEFAULT, DEVICES, Device, device_named


def device_of(placement: Placement) -> Device:
    """The accelerator that the nodes' labels name; where they name none, what is assumed."""
    if placement.gpus == 0:
        return DEVICES[CPU]
    return _named(placement) or DEVICES[DEFAULT]


def device_notes(placement: Placement) -> list[str]:
    """A note if the accelerator is assumed."""
    if placement.gpus == 0 or _named(placement):
        return []
    return [
        f"neither gpu_type {placement.gpu_type!r} nor the node selector names a GPU that is known "
        f"({', '.join(name for name in DEVICES if name != CPU)}): {DEFAULT} is assumed."
    ]


def _named(placement: Placement) -> Device | None:
    return device_named(placement.gpu_type, *placement.node_labels)

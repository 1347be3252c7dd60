"""What a study took, beside what it was estimated to take.

The estimate reads the entries of all stages in params.yaml, on which the publish stage does not
depend: whoever changes one runs its stage again, and the evaluations say how long that took.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.models.backbones import BACKBONES
from xstilts.publish.board.evaluations import Cell, Params
from xstilts.publish.board.trainings import FINETUNE, INTERMEDIATE, all_trainings
from xstilts.study.devices import CPU, DEVICES, Device, device_named
from xstilts.study.estimate import stage_cost
from xstilts.study.plan import Stage, stages

EVALUATE = "evaluate"
HOURS = ("planned_hours", "used_hours")
_PHASES = (INTERMEDIATE, FINETUNE, EVALUATE)
_SECTIONS = ("prepare", "backbone", *_PHASES, "shortcuts")  # of params.yaml, for an estimate
_CPU = "cpu"  # as a device calls itself


@dataclass(frozen=True)
class _Used:
    """A stage that ran: on which device (as it calls itself), on how many, for how long."""

    stage: str
    phase: str
    device: str | None
    devices: int
    seconds: float


def cost(params: Params, cells: Sequence[Cell]) -> dict[str, Any]:
    """Device-hours of the stages that ran, used and as `study.estimate` plans them, by phase.

    A training on two devices takes two hours in one. Planned is the bare work of the same
    stages on the same device; null where the device is not in the table or nobody wrote it
    down, or where the size of a backbone is not known.
    """
    used = list(_used(params, cells))
    plan = {stage.name: stage for stage in stages(params)} if _is_known(params) else {}
    found = {phase: _of(phase, used, params, plan) for phase in _PHASES}
    devices = dict.fromkeys(_called(own.device) for own in used if own.device)
    return {
        "device": ", ".join(devices) or None,
        "phases": {phase: own for phase, own in found.items() if own["stages"]},
        **{name: _sum(own[name] for own in found.values()) for name in HOURS},
    }


def _used(params: Params, cells: Sequence[Cell]) -> Iterator[_Used]:
    for own in all_trainings(params["study"], cells):
        device, devices = own.record.get("device"), own.record.get("world_size", 1)
        yield _Used(own.stage, own.phase, device, devices, own.record["seconds"])
    for cell in cells:
        yield _Used(f"{EVALUATE}@{cell.key}", EVALUATE, cell.device, 1, cell.seconds)


def _is_known(params: Params) -> bool:
    """Whether all is there that an estimate takes: the size of a backbone of one's own is not."""
    if any(section not in params for section in _SECTIONS):
        return False
    return all("like" in own or own["name"] in BACKBONES for own in params["backbone"].values())


def _of(
    phase: str, used: Sequence[_Used], params: Params, plan: Mapping[str, Stage]
) -> dict[str, Any]:
    stages_of = [own for own in used if own.phase == phase]
    return {
        "planned_hours": _sum(_planned(own, params, plan) for own in stages_of),
        "used_hours": _sum(own.seconds * own.devices / 3600 for own in stages_of),
        "stages": len(stages_of),
    }


def _planned(used: _Used, params: Params, plan: Mapping[str, Stage]) -> float | None:
    """Device-hours of one stage; None where they cannot be estimated."""
    device = _device(used.device)
    if device is None or used.stage not in plan:
        return None
    return stage_cost(params, plan[used.stage], device).seconds / 3600


def _device(name: str | None) -> Device | None:
    """What a device is in the table of estimates; a CPU is one core."""
    if name is None:
        return None
    return DEVICES[CPU] if name == _CPU else device_named(name)


def _called(name: str) -> str:
    return CPU if name == _CPU else name


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum; None where a part is not known."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if len(known) == len(found) else None

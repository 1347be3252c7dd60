"""What fills a device's memory in training, and the lowest ZeRO stage with which it fits.

Rajbhandari et al. 2020 (https://arxiv.org/abs/1910.02054, section 3 and figure 1), for
training in fp32 as it is done here: 4 bytes of weight, 4 of gradient and 8 of Adam's two
moments per parameter. Stage 1 shares the moments among the processes, stage 2 also the
gradients, stage 3 also the weights. bf16 adds a rounded copy of the weights, and halves the
activations (34 bytes per token, layer and unit of width in 16 bits, Korthikanti et al. 2022,
https://arxiv.org/abs/2205.05198, without the attention's own).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from xstilts.models.backbones import Shape
from xstilts.study.devices import Device

STAGES = (0, 1, 2, 3)
USABLE = 0.9  # share of a device's memory that is left by the driver, the libraries and gaps
_WEIGHT, _GRADIENT, _MOMENTS, _COPY = 4, 4, 8, 2  # bytes per parameter
_ACTIVATION = 34


@dataclass(frozen=True)
class Memory:
    """Bytes on each device."""

    weights: float
    gradients: float
    optimizer: float
    activations: float

    @property
    def total(self) -> float:
        """All of them."""
        return sum(float(getattr(self, item.name)) for item in fields(self))


def training_memory(
    shape: Shape, training: Mapping[str, Any], tokens: float, stage: int | None = None
) -> Memory:
    """What a training run needs on each device, at its own ZeRO stage or at `stage`.

    `tokens` are those of one micro-batch of one process.
    """
    processes = training.get("processes", 1)
    stage = training.get("zero_stage", 0) if stage is None else stage
    halved = training.get("precision") == "bf16"

    def part(size: int, shared_from: int) -> float:
        return shape.parameters * size / (processes if stage >= shared_from else 1)

    return Memory(
        weights=part(_WEIGHT, 3) + shape.parameters * _COPY * halved,
        gradients=part(_GRADIENT, 2),
        optimizer=part(_MOMENTS, 1),
        activations=tokens * shape.layers * shape.width * _ACTIVATION * (1 if halved else 2),
    )


def lowest_stage(
    shape: Shape, training: Mapping[str, Any], tokens: float, device: Device
) -> int | None:
    """The lowest ZeRO stage that fits into the device; None if none does.

    The lowest, because every stage sends more between the processes than the one before.
    """
    for stage in STAGES:
        if training_memory(shape, training, tokens, stage).total <= USABLE * device.memory:
            return stage
    return None


def advice(stage: int | None, training: Mapping[str, Any], device: Device) -> str:
    """What to do, in words, when `stage` is the lowest that fits."""
    processes, now = training.get("processes", 1), training.get("zero_stage", 0)
    if stage is None:
        more = "more accumulation" if processes > 1 else "several processes, more accumulation"
        return f"No ZeRO stage fits into one {device.name}: take {more}, or a larger device."
    if stage > now:
        return f"zero_stage: {now} does not fit into one {device.name}; set zero_stage: {stage}."
    if stage < now:
        return f"zero_stage: {now} fits, and so does {stage}, which sends less between processes."
    return f"zero_stage: {now} fits into one {device.name}, and is the lowest that does."

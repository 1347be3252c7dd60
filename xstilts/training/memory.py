"""What fills a device's memory in training, and the ZeRO stage that follows from it.

Rajbhandari et al. 2020 (https://arxiv.org/abs/1910.02054, section 3 and figure 1), for
training in fp32 as it is done here: 4 bytes of weight per parameter, and for each that is
trained 4 of gradient and 8 of Adam's two moments. Stage 1 shares the moments among the
processes, with the copy of the weights that DeepSpeed updates from there on; stage 2 also
the gradients, stage 3 also the weights. Offload keeps the optimizer with its gradients in the
CPU's memory (Ren et al. 2021, https://arxiv.org/abs/2101.06840), or the weights, too
(Rajbhandari et al. 2021, https://arxiv.org/abs/2104.07857). bf16 adds a rounded copy of the
weights, and halves the activations (34 bytes per token, layer and unit of width in 16 bits,
Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, without the attention's own).
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

USABLE = 0.9  # share of a device's memory that is left by the driver, the libraries and gaps
LIVE = 250_000_000  # parameters that are on a device at a time when they lie in the CPU's memory
ZERO_STAGES = (0, 1, 2, 3)
OFFLOADS = ("none", "optimizer", "parameters")
_SAID = {
    "none": "",
    "optimizer": " with the optimizer on the CPU",
    "parameters": " with all weights on the CPU",
}
_WEIGHT, _GRADIENT, _MOMENTS, _UPDATED, _COPY = 4, 4, 8, 4, 2  # bytes per parameter
_ACTIVATION = 34


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a training run has to hold; `tokens` are those of one micro-batch of one process."""

    parameters: int
    trained: int  # of them
    layers: int
    width: int
    tokens: float
    processes: int = 1
    precision: str = "fp32"


class Zero(NamedTuple):
    """A ZeRO stage, and what of it lies in the CPU's memory."""

    stage: int
    offload: str = "none"

    def __str__(self) -> str:
        return f"{self.stage}{_SAID[self.offload]}"


# From the fastest to the one that needs least: every stage sends more between the processes
# than the one before, and between CPU and device more goes back and forth than between those.
LADDER = (
    Zero(0),
    Zero(1),
    Zero(2),
    Zero(3),
    Zero(2, "optimizer"),
    Zero(3, "optimizer"),
    Zero(3, "parameters"),
)


class Choice(NamedTuple):
    """A ZeRO stage, and why it is taken."""

    zero: Zero
    reason: str


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


def needed(load: Load, zero: Zero) -> Memory:
    """What a training run needs on each device."""
    halved = load.precision == "bf16"

    def shared(size: float, first: int) -> float:
        return size / (load.processes if zero.stage >= first else 1)

    on_device = zero.offload == "none"
    updated = _UPDATED if zero.stage else 0
    live = load.parameters if zero.offload != "parameters" else min(load.parameters, LIVE)
    weights = live if zero.offload == "parameters" else shared(load.parameters, 3)
    return Memory(
        weights=_WEIGHT * weights + load.parameters * _COPY * halved,
        gradients=shared(load.trained * _GRADIENT, 2) * on_device,
        optimizer=shared(load.trained * (_MOMENTS + updated), 1) * on_device,
        activations=load.tokens * load.layers * load.width * _ACTIVATION * (1 if halved else 2),
    )


def choose(
    load: Load, memory: float | None, stage: int | None = None, offload: str | None = None
) -> Choice:
    """The first step of the ladder that fits into devices of `memory` bytes; None: no devices.

    What is given of `stage` and `offload` is taken as it is. If nothing fits, the choice is
    what needs least: the estimate may be too high.
    """
    if stage is not None:
        return Choice(Zero(stage, offload or "none"), "as the study says")
    steps = [step for step in LADDER if offload in (None, step.offload)]
    if memory is None:
        return Choice(steps[0], "there is no GPU whose memory could be short")
    usable = USABLE * memory
    fitting = [step for step in steps if needed(load, step).total <= usable]
    if not fitting:
        least = min(steps, key=lambda step: needed(load, step).total)
        return Choice(least, f"it needs {_compared(load, least, usable)}, and nothing needs less")
    found = fitting[0]
    reason = f"it needs {_compared(load, found, usable)}"
    if faster := steps[: steps.index(found)]:
        best = min(faster, key=lambda step: needed(load, step).total)
        reason += f"; stage {best} would need {needed(load, best).total / 1e9:.1f} GB"
    return Choice(found, reason)


def _compared(load: Load, zero: Zero, usable: float) -> str:
    each = "the GPU" if load.processes == 1 else f"each of {load.processes} GPUs"
    return f"{needed(load, zero).total / 1e9:.1f} GB of the {usable / 1e9:.1f} GB usable on {each}"


def contradiction(stage: int | None, offload: str | None) -> str | None:
    """Why a given stage cannot be trained with a given offload; None where it can."""
    if offload == "optimizer" and stage == 0:
        return "offload: optimizer needs zero_stage 1, 2 or 3, or null; 0 has nothing to offload."
    if offload == "parameters" and stage not in (None, 3):
        return f"offload: parameters needs zero_stage 3, or null, not {stage}."
    return None

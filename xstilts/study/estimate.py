"""What a study will cost, before it runs: GPU-hours, memory and disk.

Work of a training run in floating-point operations, for n tokens of inputs of s tokens each:

    6 · P · n  +  12 · L · d · s · n

P are the parameters of the body's layers, L the number of layers, d their width: two
operations per parameter forward and four backward (Kaplan et al. 2020,
https://arxiv.org/abs/2001.08361, section 2.1), then the attention scores; embeddings are
look-ups. Evaluation is the forward third. Of a body that is frozen but for adapters there are
no gradients of weights: two thirds. The time is that work at the device's peak times
`UTILISATION`, plus what AdamW moves per step at the device's memory bandwidth, which counts
with small batches; plus `POD_START` per pod. Everything is an estimate: it is for choosing
a node pool and for seeing that a study costs days and not hours, not for bills.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.models.architecture import ENCODER_DECODER
from xstilts.models.backbones import BACKBONES, Backbone, Shape
from xstilts.study.devices import CPU, Device
from xstilts.study.fanout import Pods
from xstilts.study.plan import Stage
from xstilts.study.rows import assumed, candidates, rows, total
from xstilts.training.memory import Choice, Load, choose, needed

UTILISATION = 0.3  # share of the peak that training and evaluation reach
POD_START = 30.0  # seconds of a pod that no work is done in: start, imports, pull and push
ON_GPU = ("intermediate", "finetune", "evaluate")
# Sub-words of one English input: of real data, and of the world. A row of multiple choice has
# as many inputs as choices.
LENGTHS = {
    "classification": (46, 20),
    "regression": (30, 32),
    "tagging": (35, 15),
    "parsing": (35, 15),
    "span_qa": (190, 35),
    "multiple_choice": (80, 18),
    "retrieval": (15, 9),
    "mining": (30, 6),
    "dual_encoder": (220, 45),  # of a candidate, to which its question is padded
    "entity_linking": (64, 20),
    "mlm": (120, 60),
}
_TWO_SIDED = ("dual_encoder", "entity_linking")
_MIXTURE_CAP = 2**17  # rows of one task that a mixture counts (Phang et al. 2020)
_ADAMW_BYTES = 30  # read and written per trained parameter and step
_COPIES = 2  # of what a pod reads or writes: in DVC's cache and in the workspace
_WORKSPACE = 100e6  # bytes: code, DVC's own files, logs
# Of an encoder-decoder's decoder, for each of its encoder: it has one attention more.
_DECODER = 4 / 3
# Inputs and outputs of the matrices of a BERT layer, in units of its width: of four of
# attention 1 + 1 each, of two of the MLP 1 + 4. A gated MLP has about as many.
_SIDES = 18
_ROW_BYTES = 600  # of a data set
_PREDICTION_BYTES = 60  # of a row's prediction and score


@dataclass(frozen=True)
class Cost:
    """Of one stage: seconds on one device, bytes in the device's memory, bytes on disk."""

    seconds: float = 0.0
    memory: float = 0.0
    disk: float = _WORKSPACE


@dataclass(frozen=True)
class Estimate:
    """Of all stages that have to run; `hours` of a device per phase.

    `memory` and `disk` (bytes) are those of the stage that needs most, which is named.
    """

    device: str
    hours: dict[str, float]
    memory: float
    memory_stage: str
    disk: float
    disk_stage: str
    assumptions: str


def estimate(
    params: Mapping[str, Any],
    plan: Sequence[Stage],
    pods: Pods,
    device: Device,
    gpus: int,
    nodes: int = 1,
) -> Estimate:
    """The cost of the stages that `pods` runs, each pod with `gpus` devices (0: one core).

    With several `nodes`, each training holds a device for each of its processes, wherever those
    are, and no more; what nodes say to each other is taken to cost no time.
    """
    stale = _names(pods)
    costs = {s.name: stage_cost(params, s, device) for s in plan if s.name in stale}
    each = max(1, gpus)
    hours = {}
    for phase in ON_GPU:
        own = [s for s in plan if s.phase == phase and s.name in stale]
        if nodes > 1 and phase != "evaluate":
            hours[phase] = sum(costs[s.name].seconds + POD_START * s.slots for s in own) / 3600
            continue
        # A pod holds all its devices as long as it lasts, whether the stage uses them or not
        busy = sum(costs[s.name].seconds / min(s.slots, each) for s in own)
        hours[phase] = (busy + POD_START * pods.count(phase)) * each / 3600
    memory = max(costs, key=lambda name: costs[name].memory)
    disk = max(costs, key=lambda name: costs[name].disk)
    return Estimate(
        device=device.name,
        hours=hours,
        memory=costs[memory].memory,
        memory_stage=memory,
        disk=costs[disk].disk,
        disk_stage=disk,
        assumptions=_assumptions(params, device),
    )


def _names(pods: Pods) -> set[str]:
    trained = [name for item in pods.trained for name in (*item.finetune, *item.evaluate)]
    evaluated = [name for item in pods.evaluate for name in item]
    alone = (*pods.prepare, *pods.backbone, *pods.shortcuts, *pods.intermediate)
    return {*alone, *trained, *evaluated, "publish"}


def _assumptions(params: Mapping[str, Any], device: Device) -> str:
    text = (
        f"An estimate: {UTILISATION:.0%} of the peak of one {device.name}, {POD_START:.0f} s per "
        "pod besides the work, inputs as long as English ones, no early stop."
    )
    if unknown := assumed(params):
        text += f" Rows of {', '.join(unknown)} are a guess."
    return text


def stage_cost(params: Mapping[str, Any], stage: Stage, device: Device) -> Cost:
    """The cost of one stage; `params` are those of `params.yaml`."""
    if stage.phase in ("intermediate", "finetune"):
        return _training(params, params[stage.phase][stage.key], device)
    if stage.phase == "evaluate":
        return _evaluation(params, params["evaluate"][stage.key], device)
    if stage.phase == "backbone":
        weights = 4 * shape_of(params, f"models/backbone/{stage.key}").parameters
        return Cost(disk=_WORKSPACE + (_COPIES + 1) * weights)  # once more as it is downloaded
    if stage.phase == "prepare":
        return Cost(disk=_WORKSPACE + (_COPIES + 1) * _ROW_BYTES * total(params, stage.key))
    if stage.phase == "shortcuts":
        return Cost(disk=_WORKSPACE + _COPIES * _data_bytes(params, params["shortcuts"][stage.key]))
    predictions = sum(_tested(params, entry) for entry in params["evaluate"].values())
    return Cost(disk=_WORKSPACE + _COPIES * _PREDICTION_BYTES * predictions)


def _training(params: Mapping[str, Any], entry: Mapping[str, Any], device: Device) -> Cost:
    shape, training = shape_of(params, entry["init"]), entry["training"]
    tasks = entry.get("tasks") or [entry["task"]]
    sizes = [rows(params, entry["data"], task["name"], "train") for task in tasks]
    if limit := training.get("train_limit"):
        spoken = [len(task["languages"]) for task in tasks]
        sizes = [min(size, limit * n) for size, n in zip(sizes, spoken, strict=True)]
    if len(tasks) > 1:
        sizes = [min(size, _MIXTURE_CAP) for size in sizes]
    batches = [_batch_size(training, task) for task in tasks]
    steps = training["epochs"] * sum(n / own for n, own in zip(sizes, batches, strict=True))
    share = min(1.0, (training.get("max_steps") or steps) / steps) if steps else 0.0
    trained = [steps * n / max(1, sum(sizes)) * own for n, own in zip(sizes, batches, strict=True)]
    load = load_of(params, entry)
    passes = 2 if training.get("lora_rank") else 3
    work = sum(
        passes * forward(shape, examples * inputs(task), _length(params, task))
        for examples, task in zip(trained, tasks, strict=True)
    )
    bf16 = training.get("precision") == "bf16"
    optimizer = steps * _ADAMW_BYTES * load.trained / device.bandwidth
    seconds = work / ((device.bf16 if bf16 else device.fp32) * UTILISATION) + optimizer
    disk = _COPIES * (2 * 4 * shape.parameters + _data_bytes(params, entry))
    memory = needed(load, choice(load, training, device).zero).total
    return Cost(seconds=seconds * share, memory=memory, disk=_WORKSPACE + disk)


def load_of(params: Mapping[str, Any], entry: Mapping[str, Any]) -> Load:
    """What the training run of an entry has to hold, as far as the plan knows."""
    training, backbone = entry["training"], backbone_of(params, entry["init"])
    shape = backbone.shape
    rank = training.get("lora_rank")
    adapters = _SIDES * shape.width * shape.layers * (rank or 0)
    halves = 1 + _DECODER if backbone.reading.architecture == ENCODER_DECODER else 1
    trained = shape.parameters
    if training.get("freeze_embeddings"):
        trained = round(shape.body * halves)
    return Load(
        parameters=shape.parameters + adapters,
        trained=adapters if rank else trained,
        layers=shape.layers,
        width=shape.width,
        tokens=micro_batch(params, entry),
        processes=training.get("processes", 1),
        precision=training.get("precision", "fp32"),
    )


def choice(load: Load, training: Mapping[str, Any], device: Device) -> Choice:
    """The ZeRO stage that the run of these settings will take on such devices, and why."""
    memory = None if device.name == CPU else device.memory
    return choose(load, memory, training.get("zero_stage"), training.get("offload"))


def micro_batch(params: Mapping[str, Any], entry: Mapping[str, Any]) -> float:
    """Sub-words of one micro-batch of one process of a training entry, at its longest task."""
    training, tasks = entry["training"], entry.get("tasks") or [entry["task"]]
    parts = training.get("processes", 1) * training.get("accumulation", 1)
    return max(
        max(1.0, _batch_size(training, task) / parts) * inputs(task) * _length(params, task)
        for task in tasks
    )


def _batch_size(training: Mapping[str, Any], task: Mapping[str, Any]) -> int:
    """Of the run, or of one task in a mixture."""
    return int(training.get("batch_size") or task["hparams"]["batch_size"])


def _evaluation(params: Mapping[str, Any], entry: Mapping[str, Any], device: Device) -> Cost:
    shape, task = shape_of(params, entry["model_dir"]), entry["task"]
    sequences = _tested(params, entry) * inputs(task)
    sequences += candidates(params, entry["data"], task["name"])
    work = forward(shape, sequences, _length(params, task))
    predictions = _PREDICTION_BYTES * _tested(params, entry)
    disk = _COPIES * (4 * shape.parameters + _data_bytes(params, entry) + predictions)
    return Cost(
        seconds=work / (device.fp32 * UTILISATION),
        memory=2 * 4 * shape.parameters,
        disk=_WORKSPACE + disk,
    )


def _tested(params: Mapping[str, Any], entry: Mapping[str, Any]) -> int:
    name = entry["task"]["name"]
    return sum(rows(params, entry["data"], name, split) for split in _test_splits(entry))


def _test_splits(entry: Mapping[str, Any]) -> Collection[str]:
    return ("dev", "test") if entry["task"]["format"] == "mining" else ("test",)


def _data_bytes(params: Mapping[str, Any], entry: Mapping[str, Any]) -> float:
    folders: Iterable[str] = {entry[name] for name in ("data", "train_data") if name in entry}
    return sum(_ROW_BYTES * total(params, folder) for folder in folders)


def forward(shape: Shape, sequences: float, tokens: float) -> float:
    """Floating-point operations of a forward pass over sequences of that many tokens each."""
    attention = 4 * shape.layers * shape.width * tokens
    return (2 * shape.body + attention) * sequences * tokens


def inputs(task: Mapping[str, Any]) -> int:
    """Inputs of the model that a row of a task becomes."""
    return 2 if task["format"] in _TWO_SIDED else int(task.get("choices") or 1)


def _length(params: Mapping[str, Any], task: Mapping[str, Any]) -> float:
    """The assumed number of sub-words of an input, cut where the study cuts it."""
    real, world = LENGTHS[task["format"]]
    mean = world if params["study"]["source"]["kind"] == "world" else real
    return float(min(mean, task["hparams"]["max_length"]))


def shape_of(params: Mapping[str, Any], folder: str) -> Shape:
    """The size of the model in a folder: that of the backbone which it comes from."""
    return backbone_of(params, folder).shape


def backbone_of(params: Mapping[str, Any], folder: str) -> Backbone:
    """The backbone that the model in a folder comes from; a control's is that of its model."""
    _, kind, key = folder.split("/")
    if kind != "backbone":
        return backbone_of(params, params[kind][key]["init"])
    entry = params["backbone"][key]
    if "like" in entry:
        return backbone_of(params, entry["like"])
    return BACKBONES[entry["name"]]

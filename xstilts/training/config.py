"""The settings of a training run."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.tasks.record import Task
from xstilts.training.memory import OFFLOADS, ZERO_STAGES, contradiction

PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train; defaults are Phang et al. 2020, appendix A, where it says."""

    learning_rate: float
    epochs: float
    batch_size: int  # examples of one optimizer step, over all processes; of a mixture its first
    warmup: float = 0.1  # share of all steps
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    seed: int = 0
    precision: str = "fp32"
    zero_stage: int | None = None  # None: the lowest that fits into the devices
    offload: str | None = None  # what lies in the CPU's memory; None: as little as fits
    processes: int = 1
    accumulation: int = 1  # micro-batches that each process makes of its share
    eval_limit: int = 500  # dev examples of each language for selection
    train_limit: int | None = None  # training rows per task and language; None: all
    evals: int = 10  # evaluations over the whole run
    patience: int = 5  # evaluations without improvement before the run stops
    freeze_embeddings: bool = False
    lora_rank: int | None = None  # None: the whole body is trained, and no adapter
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    max_steps: int | None = None

    @classmethod
    def of(cls, training: dict[str, Any], task: Task, seed: int) -> "TrainConfig":
        """`training` completed by the hyper-parameters of `task`; `None` means "as there".

        Settings of the encoding, which the task's record holds, are passed over.

        Raises:
            UserError: a setting is unknown or its value impossible; all are named at once.
        """
        names = {field.name for field in fields(cls)} - {"seed"}
        hparams = vars(task.hparams)
        given = {name: value for name, value in training.items() if value is not None}
        unknown = given.keys() - names - hparams.keys()
        raise_if_any(
            f"training of {task.name}: unknown setting {name!r}; "
            f"use one of {', '.join(sorted(names))}."
            for name in sorted(unknown)
        )
        values = {n: v for n, v in {**hparams, **given}.items() if n in names}
        config = cls(**values, seed=seed)
        raise_if_any(f"training of {task.name}: {problem}" for problem in _problems(config))
        return config


def _problems(config: TrainConfig) -> Iterator[str]:
    if config.zero_stage not in (None, *ZERO_STAGES):
        yield f"zero_stage {config.zero_stage!r} does not exist; use 0, 1, 2 or 3."
    if config.offload not in (None, *OFFLOADS):
        yield f"offload {config.offload!r} does not exist; use {', '.join(OFFLOADS)}."
    if problem := contradiction(config.zero_stage, config.offload):
        yield problem
    if config.precision not in PRECISIONS:
        yield f"precision {config.precision!r} does not exist; use fp32 or bf16."
    for name in ("learning_rate", "epochs", "max_grad_norm"):
        if not getattr(config, name) > 0:
            yield f"{name} is {getattr(config, name)!r}; it must be greater than 0."
    at_least_one = ("batch_size", "processes", "accumulation", "eval_limit", "evals", "patience")
    for name in (*at_least_one, "lora_alpha"):
        if getattr(config, name) < 1:
            yield f"{name} is {getattr(config, name)!r}; it must be at least 1."
    if not 0 <= config.warmup <= 1:
        yield f"warmup is {config.warmup!r}; it is a share of all steps between 0 and 1."
    if not 0 <= config.lora_dropout < 1:
        yield f"lora_dropout is {config.lora_dropout!r}; it is a share between 0 and 1."
    if config.weight_decay < 0:
        yield f"weight_decay is {config.weight_decay!r}; it must not be negative."
    for name in ("train_limit", "max_steps", "lora_rank"):
        if (value := getattr(config, name)) is not None and value < 1:
            yield f"{name} is {value!r}; it must be at least 1, or null."

"""The training loop: from features to the best weights on the English dev set.

Imports deepspeed: only what trains may import it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xstilts.models.body import device_name
from xstilts.models.heads import TaskModel
from xstilts.observe.figures import Figures
from xstilts.observe.metrics import served
from xstilts.observe.work import Work, peak, work_of
from xstilts.tasks import mlm
from xstilts.tasks.formats import Feature, Row, format_of
from xstilts.tasks.record import Task
from xstilts.training import engine as zero
from xstilts.training.adapters import merged
from xstilts.training.batching import Batch, Part, largest_share, schedule, shares
from xstilts.training.config import TrainConfig
from xstilts.training.log import RunLog
from xstilts.training.memory import Choice, Load, choose
from xstilts.training.predict import predict
from xstilts.training.progress import Progress

DevScore = Callable[[Task, list[Any], list[Row]], float]


@dataclass(frozen=True)
class TrainingSet:
    """One task's training features, and its dev rows of one language with their features."""

    task: Task
    features: list[Feature]
    dev_rows: list[Row] = field(default_factory=list)
    dev_features: list[Feature] = field(default_factory=list)
    batch_size: int | None = None  # None: the run's
    also: tuple["TrainingSet", ...] = ()  # the task's dev rows in further languages
    interface: str = "heads"

    def part(self, config: TrainConfig) -> Part:
        """What the schedule has to know of the task."""
        lengths = (feature["length"] for feature in self.features)
        return Part(
            lengths=np.fromiter(lengths, np.int64, len(self.features)),
            batch_size=self.batch_size or config.batch_size,
            examples=len({feature["row"] for feature in self.features}),
        )


@dataclass(frozen=True)
class Trained:
    """The best weights (a state dict on the CPU, adapters merged) and how the run went."""

    weights: dict[str, Tensor]
    summary: dict[str, Any]


@dataclass
class _Run:
    """What the steps of one run share."""

    engine: Any
    data: dict[str, TrainingSet]
    config: TrainConfig
    pad_id: int
    dev_score: DevScore
    log: RunLog
    progress: Progress
    rank: int
    world: int
    work: Work
    best_score: float = float("-inf")
    best_step: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    failures: int = 0  # evaluations since the best one


def train(
    model: TaskModel,
    data: dict[str, TrainingSet],
    config: TrainConfig,
    folder: Path,
    *,
    pad_id: int,
    dev_score: DevScore,
    title: str = "training",
) -> Trained:
    """Train `model` on `data` (by task name; several are mixed) and select on the dev rows.

    `dev_score(task, predictions, rows)` says how good predictions are; the mean over the
    tasks, each the mean over its languages, decides. Without dev rows the last weights are
    kept. `steps.csv` and `evals.csv` go to `folder`. Under `torchrun` every process calls this
    with the same arguments. Where `config` leaves the ZeRO stage open, it follows from the
    devices' memory.
    """
    rank, world = zero.connect()
    torch.manual_seed(config.seed * world + rank)
    work = work_of(model.body, adapters=config.lora_rank is not None)
    parts = {name: own.part(config) for name, own in data.items()}
    batches = schedule(parts, config.epochs, config.seed, config.max_steps)
    zero.restrict(model, config)
    load = zero.load_of(model, config, largest_share(parts, batches, world * config.accumulation))
    choice = choose(load, zero.device_memory(), config.zero_stage, config.offload)
    config = replace(config, zero_stage=choice.zero.stage, offload=choice.zero.offload)
    engine = zero.start(model, config, len(batches))
    figures = Figures(len(batches), _peak(config, world))
    log = RunLog(folder, figures, writes=rank == 0)
    with (
        Progress(title, len(batches), shown=rank == 0) as progress,
        _metrics(figures, config, rank, world),
    ):
        progress.say(_said(load, choice))
        run = _Run(engine, data, config, pad_id, dev_score, log, progress, rank, world, work)
        steps = _train_steps(run, batches)
    engine.destroy()
    facts = _summary(run, steps, len(batches)) | _placed(load, choice)
    return Trained(merged(run.best_weights, config), facts)


def _peak(config: TrainConfig, world: int) -> float | None:
    """Of all devices of the run together; of CPUs every thread has a core."""
    each = 1 if torch.cuda.is_available() else torch.get_num_threads()
    return peak(device_name(), config.precision, world * each)


def _metrics(
    figures: Figures, config: TrainConfig, rank: int, world: int
) -> AbstractContextManager[None]:
    """The first process serves the figures, if anybody is."""
    facts = {
        "device": device_name(),
        "precision": config.precision,
        "processes": str(world),
        "zero_stage": str(config.zero_stage),
    }
    return served(figures, facts) if rank == 0 else nullcontext()


def _said(load: Load, choice: Choice) -> str:
    trained = f"{load.trained:,} of {load.parameters:,} parameters are trained"
    return f"{trained}, at ZeRO stage {choice.zero}: {choice.reason}"


def _placed(load: Load, choice: Choice) -> dict[str, Any]:
    return {
        "parameters": load.parameters,
        "trained_parameters": load.trained,
        "zero_stage": choice.zero.stage,
        "offload": choice.zero.offload,
        "zero_reason": choice.reason,
    }


def _train_steps(run: _Run, batches: list[Batch]) -> int:
    """Run until the end or until patience is lost; returns the number of steps done."""
    has_dev = any(part.dev_rows for part in run.data.values())
    due = _evaluation_steps(len(batches), run.config.evals if has_dev else 0)
    for step, batch in enumerate(batches, start=1):
        _train_step(run, step, batch)
        run.progress.update(step, run.log.last_loss, run.log.tokens)
        if step in due:
            run.log.flush()
            _evaluate(run, step)
            if run.failures >= run.config.patience:
                run.progress.say(f"no better for {run.failures} evaluations: stopped at {step}")
                break
    run.log.flush()
    if not has_dev:
        run.best_step, run.best_weights = step, zero.snapshot(run.engine, run.config)
    return step


def _evaluation_steps(steps: int, evaluations: int) -> set[int]:
    return {round(steps * (i + 1) / evaluations) for i in range(evaluations)} - {0}


def _train_step(run: _Run, step: int, batch: Batch) -> None:
    """One optimizer step on the exact mean loss of the global batch.

    The engine averages over micro-batches and processes; each micro-batch is weighted so
    that the mean of means becomes the mean over all predictions of the batch.
    """
    part, config = run.data[batch.task], run.config
    task_format = format_of(part.task, part.interface)
    lr = run.engine.get_lr()[0]
    total = task_format.count([part.features[i] for i in batch.indices])
    parts = shares(batch.indices, run.world * config.accumulation)
    run.engine.train()
    losses: list[Tensor] = []
    for indices in parts[run.rank :: run.world]:
        # A process without an example computes one for nothing, to keep in step.
        used = indices if len(indices) else batch.indices[:1]
        features = [_drawn(part, i, step, config.seed) for i in used]
        share = task_format.count(features) / total if len(indices) else 0.0
        tensors = task_format.collate(features, run.pad_id)
        tensors = {name: t.to(run.engine.device) for name, t in tensors.items()}
        loss = task_format.loss(run.engine(tensors, batch.task), tensors) * share
        run.engine.backward(loss * len(parts))
        norm = zero.apply_gradients(run.engine, config)
        losses.append(loss.detach().float())
    lengths = [part.features[i]["length"] for i in batch.indices]
    operations = run.work.of(lengths)
    run.log.step(step, torch.stack(losses).sum(), lr, norm, sum(lengths), operations)


def _drawn(part: TrainingSet, index: int, step: int, seed: int) -> Feature:
    feature = part.features[index]
    if part.task.format == "mlm":
        return mlm.mask(feature, (seed, step, int(index)))
    return feature


def _evaluate(run: _Run, step: int) -> None:
    """Score the dev rows; keep the weights if they are the best so far.

    Every process predicts all of them: they are few, and at ZeRO stage 3 all processes
    must make the same calls. The first one's score counts for all.
    """
    scores = [
        np.mean([_dev_score(run, name, own) for own in (part, *part.also)])
        for name, part in run.data.items()
        if part.dev_rows
    ]
    score = torch.tensor(float(np.mean(scores)), device=run.engine.device)
    torch.distributed.broadcast(score, src=0)
    if score.item() > run.best_score:
        run.best_score, run.best_step, run.failures = score.item(), step, 0
        run.best_weights = zero.snapshot(run.engine, run.config)
    else:
        run.failures += 1
    run.log.evaluation(step, score.item(), run.best_score)
    run.progress.say(
        f"step {step}/{run.progress.steps} · dev {score.item():.2f} · best {run.best_score:.2f} "
        f"at {run.best_step}",
        step=step,
        dev_score=round(score.item(), 4),
        best_dev_score=round(run.best_score, 4),
    )


def _dev_score(run: _Run, name: str, part: TrainingSet) -> float:
    return run.dev_score(part.task, _dev_predictions(run, name, part), part.dev_rows)


def _dev_predictions(run: _Run, name: str, part: TrainingSet) -> list[Any]:
    logits = predict(
        run.engine, name, part.task, part.dev_features, run.pad_id, interface=part.interface
    )
    task_format = format_of(part.task, part.interface)
    return task_format.decode(logits, part.dev_features, part.dev_rows, part.task)


def _summary(run: _Run, steps: int, planned: int) -> dict[str, Any]:
    seconds = run.log.seconds()
    return {
        "steps": steps,
        "planned_steps": planned,
        "best_step": run.best_step,
        "dev_score": run.best_score if run.best_weights and np.isfinite(run.best_score) else None,
        "tokens": run.log.tokens,
        "seconds": round(seconds, 2),
        "tokens_per_second": round(run.log.tokens / seconds, 1),
        "world_size": run.world,
    }

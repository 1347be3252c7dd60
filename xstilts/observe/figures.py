"""What a training in progress says of itself in numbers, and under which names."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from xstilts.observe.subject import waited


@dataclass
class Figures:
    """Of one training run. None, or not a number: not known, or not yet.

    `peak` and `operations` are floating-point operations, per second and since the start; scores
    are in points; times are seconds, those that begin with `at` since 1970. A restart goes back
    to `at_checkpoint`.
    """

    planned_steps: int
    peak: float | None = None
    waited: float | None = field(default_factory=waited)
    at_start: float = field(default_factory=time.time)
    at_checkpoint: float = field(default_factory=time.time)  # the start: there is none yet
    steps: int = 0
    tokens: int = 0
    operations: float = 0.0
    tokens_per_second: float | None = None
    utilisation: float | None = None
    loss: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    dev_score: float | None = None
    best_score: float | None = None
    _since: float = field(default_factory=time.monotonic, init=False)

    def progress(
        self, tokens: Sequence[int], operations: float, loss: float, rate: float, norm: float
    ) -> None:
        """Take in steps since the last call: sub-words of each, the last one's loss and rate."""
        now = time.monotonic()
        seconds, self._since = max(now - self._since, 1e-9), now
        self.steps += len(tokens)
        self.tokens += sum(tokens)
        self.operations += operations
        self.loss, self.learning_rate, self.gradient_norm = loss, rate, norm
        self.tokens_per_second = sum(tokens) / seconds
        if self.peak:
            self.utilisation = operations / seconds / self.peak

    def evaluated(self, score: float, best: float) -> None:
        """Take in a dev score; the time it took is no training's."""
        self.dev_score, self.best_score = score, best
        self._since = time.monotonic()


class Metric(NamedTuple):
    """A number for Prometheus; `field` is the attribute of `Figures` it comes from."""

    name: str
    kind: str  # counter or gauge
    field: str
    help: str


COUNTER, GAUGE = "counter", "gauge"
METRICS = (
    Metric("xstilts_training_steps_total", COUNTER, "steps", "Optimizer steps done."),
    Metric("xstilts_training_planned_steps", GAUGE, "planned_steps", "Steps without early stop."),
    Metric("xstilts_training_tokens_total", COUNTER, "tokens", "Sub-words, without padding."),
    Metric(
        "xstilts_training_operations_total",
        COUNTER,
        "operations",
        "Floating-point operations that the model needed.",
    ),
    Metric(
        "xstilts_training_tokens_per_second",
        GAUGE,
        "tokens_per_second",
        "Sub-words per second of the last steps, without evaluations.",
    ),
    Metric(
        "xstilts_training_mfu_ratio",
        GAUGE,
        "utilisation",
        "Model FLOPs utilisation of the last steps, 0 to 1; missing for unknown devices.",
    ),
    Metric("xstilts_training_loss", GAUGE, "loss", "Mean loss of the last step's batch."),
    Metric("xstilts_training_learning_rate", GAUGE, "learning_rate", "Of the last step."),
    Metric(
        "xstilts_training_gradient_norm",
        GAUGE,
        "gradient_norm",
        "Norm of the last step's gradient before clipping.",
    ),
    Metric("xstilts_training_dev_score", GAUGE, "dev_score", "Last score on the dev set, points."),
    Metric("xstilts_training_best_dev_score", GAUGE, "best_score", "Best one so far, points."),
    Metric(
        "xstilts_training_start_time_seconds",
        GAUGE,
        "at_start",
        "Start, Unix time.",
    ),
    Metric(
        "xstilts_training_checkpoint_time_seconds",
        GAUGE,
        "at_checkpoint",
        "Time that a restart goes back to, Unix time: the last checkpoint, else the start.",
    ),
    Metric(
        "xstilts_training_queue_wait_seconds",
        GAUGE,
        "waited",
        "Time from when all inputs were there until a pod began with the stage.",
    ),
)


def values(figures: Figures) -> dict[Metric, float]:
    """The metrics that have a value now."""
    found = {metric: getattr(figures, metric.field) for metric in METRICS}
    return {m: float(v) for m, v in found.items() if v is not None and not math.isnan(v)}

"""The metrics of a run: `steps.csv` and `evals.csv`.

Losses stay on the device until a batch of them is written, so that no step waits for one.
Loads torch: import it only where a model is trained.
"""

import csv
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xstilts.errors import UserError
from xstilts.observe.figures import Figures

STEP_COLUMNS = ("step", "loss", "lr", "grad_norm", "tokens", "seconds")
EVAL_COLUMNS = ("step", "score", "best", "seconds")
FLUSH_EVERY = 20  # steps


class RunLog:
    """Collects what each step and each evaluation gave; the first process writes it.

    `figures` learn of it when it is written.

    `seconds` count from the start of the run, `tokens` are the sub-words of one step without
    padding, `loss` is the mean over the global batch.
    """

    def __init__(self, folder: Path, figures: Figures, *, writes: bool) -> None:
        self._folder, self._figures, self._writes = folder, figures, writes
        self._started = time.monotonic()
        self._waiting: list[tuple[int, Tensor, float, Tensor | float, int, float]] = []
        self._operations = 0.0  # of the waiting steps
        self.tokens = 0
        self.last_loss = float("nan")
        self._append("steps.csv", [STEP_COLUMNS])
        self._append("evals.csv", [EVAL_COLUMNS])

    def seconds(self) -> float:
        """Since the start of the run."""
        return time.monotonic() - self._started

    def step(
        self,
        step: int,
        loss: Tensor,
        lr: float,
        grad_norm: Tensor | float,
        tokens: int,
        operations: float,
    ) -> None:
        """Note one step; `loss` is this process's part of the sum over all processes."""
        self._waiting.append((step, loss, lr, grad_norm, tokens, self.seconds()))
        self._operations += operations
        self.tokens += tokens
        if len(self._waiting) >= FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the waiting steps; every process must call it at the same step.

        Raises:
            UserError: a loss is not a finite number.
        """
        if not self._waiting:
            return
        steps, parts, rates, norms, tokens, seconds = zip(*self._waiting, strict=True)
        total = torch.stack(parts)
        torch.distributed.all_reduce(total)
        losses = total.tolist()
        for step, loss in zip(steps, losses, strict=True):
            if not math.isfinite(loss):
                raise UserError(
                    f"The loss of step {step} is {loss}: training has diverged; use a lower "
                    "learning_rate."
                )
        table = zip(
            steps,
            (f"{loss:.6f}" for loss in losses),
            (f"{lr:.4g}" for lr in rates),
            (f"{float(norm):.5f}" for norm in norms),
            tokens,
            (f"{second:.3f}" for second in seconds),
            strict=True,
        )
        self._append("steps.csv", table)
        self.last_loss = losses[-1]
        self._figures.progress(tokens, self._operations, losses[-1], rates[-1], float(norms[-1]))
        self._waiting, self._operations = [], 0.0

    def evaluation(self, step: int, score: float, best: float) -> None:
        """Note one evaluation on the dev set."""
        self._append("evals.csv", [(step, f"{score:.4f}", f"{best:.4f}", f"{self.seconds():.3f}")])
        self._figures.evaluated(score, best)

    def _append(self, name: str, lines: Any) -> None:
        if self._writes:
            with (self._folder / name).open("a", encoding="utf-8", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerows(lines)

"""The learning curve of a run: what `steps.csv` and `evals.csv` say, in a few points."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

LOSSES, EVALUATIONS = 60, 40  # points, at most
Value = TypeVar("Value")


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """The `curve` of the run whose files lie in `folder`."""
    losses = [float(row["loss"]) for row in _rows(folder / "steps.csv")]
    scores = [(int(row["step"]), float(row["score"])) for row in _rows(folder / "evals.csv")]
    return curve(losses, scores)


def curve(
    losses: Sequence[float], evaluations: Sequence[tuple[int, float]]
) -> list[dict[str, Any]]:
    """Points of a learning curve: `step`, mean `loss` since the point before, `dev` score.

    `losses` are those of the steps from 1 on, `evaluations` pairs of step and score. Of many
    steps a few are taken, of the same distance, the last one among them; of many evaluations
    too, and always the first of the best. `dev` is None at a point that is no evaluation.
    """
    scores = dict(_spread(evaluations, EVALUATIONS - 1))
    if evaluations:
        best, score = max(evaluations, key=lambda own: own[1])
        scores[best] = score
    steps = sorted({*_spread(range(1, len(losses) + 1), LOSSES), *scores})
    return [
        {
            "step": step,
            "loss": round(sum(losses[before:step]) / (step - before), 5),
            "dev": round(scores[step], 4) if step in scores else None,
        }
        for before, step in zip([0, *steps], steps, strict=False)
    ]


def _spread(values: Sequence[Value], most: int) -> list[Value]:
    """At most `most` values, as evenly as they can be, the last one among them."""
    count = min(most, len(values))
    return [values[round((place + 1) * len(values) / count) - 1] for place in range(count)]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))

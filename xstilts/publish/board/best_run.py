"""The run that a study's model card and submission are of."""

from collections.abc import Mapping, Sequence
from typing import Any


def best_run(summary: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> dict[str, Any] | None:
    """Model, recipe and lowest seed of the best average; None where there is no average.

    `summary` is that of `scores.json`. Controls take no part. No seed is chosen by its score:
    that would be another selection on test sets.
    """
    scored = [
        record
        for record in summary
        if record["control_of"] is None and record["average"]["value"] is not None
    ]
    if not scored:
        return None
    best = max(scored, key=lambda record: record["average"]["value"])
    return {"model": best["model"], "recipe": best["recipe"], "seed": min(seeds)}

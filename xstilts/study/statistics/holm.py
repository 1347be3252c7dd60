"""Many comparisons at once: Holm's correction."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """The p-values of a family of comparisons, corrected for its size, in their order.

    The smallest of m is multiplied by m, the next by m − 1 and so on; none falls below the
    one before it, none exceeds 1. Claiming what stays below 0.05 claims anything false in the
    family with a chance of at most 5 %, however the comparisons depend on each other (Holm
    1979, Scandinavian Journal of Statistics 6).
    """
    corrected: dict[Key, float] = {}
    floor = 0.0
    for place, key in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        floor = max(floor, min(1.0, (len(p_values) - place) * p_values[key]))
        corrected[key] = floor
    return {key: corrected[key] for key in p_values}

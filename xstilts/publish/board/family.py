"""A family of comparisons as `scores.json` has them."""

from collections.abc import Hashable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from xstilts.study.statistics.holm import holm
from xstilts.study.statistics.interval import CONFIDENCE, Interval

Key = TypeVar("Key", bound=Hashable)
Record = dict[str, Any]


def corrected(family: Mapping[Key, Interval]) -> dict[Key, Record]:
    """Every interval as a record, in points, with its direction and with Holm's correction."""
    p_holm = holm({key: own.p for key, own in family.items()})
    return {
        key: asdict(own)
        | {"levels": list(own.levels), "confidence": CONFIDENCE, "direction": own.direction}
        | {"p_holm": p_holm[key]}
        for key, own in family.items()
    }

"""What a new run must show before it takes the champion's place: `gate` of a study."""

from dataclasses import dataclass
from typing import Any

from xstilts.study import reading
from xstilts.study.page import Keys, Page
from xstilts.study.settings import Setting, read_settings


@dataclass(frozen=True)
class Gate:
    """In points: what the gain's whole interval must exceed, and how far a task may fall."""

    margin: float = 0.0
    fall: float = 1.0


USUAL = Gate()  # where a study says nothing
_POINTS = Setting(float, 0, 100)
_SETTINGS = {"margin": _POINTS, "fall": _POINTS}


def read_gate(page: Page, value: Any) -> Gate:
    """The gate of a study; what it does not say has its default."""
    keys: Keys = ("gate",)
    return Gate(**read_settings(page, keys, reading.mapping(page, keys, value), _SETTINGS))

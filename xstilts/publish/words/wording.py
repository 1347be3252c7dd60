"""Numbers and lists as people read them."""

from collections.abc import Iterable, Mapping
from typing import Any

MOST = 6  # differences that a sentence names one by one, with an interval each
_SMALL = 0.001


def points(value: float) -> str:
    """A score with one decimal."""
    return f"{value:.1f}".replace("-", "−")


def decimals(value: float) -> str:
    """A correlation with two decimals."""
    return f"{value:.2f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference with its sign; a true minus, and no sign on zero."""
    text = f"{value:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def claimed(delta: Mapping[str, Any]) -> int:
    """+1 or -1 where a difference is clear of 0 after Holm's correction, else 0."""
    return int(delta["direction"]) if delta["p_holm"] <= 1 - delta["confidence"] + 1e-9 else 0


def reach(deltas: Iterable[Mapping[str, Any]]) -> str:
    """From the lowest to the highest of differences, as measured; of one, its value."""
    values = [delta["value"] for delta in deltas]
    ends = signed(min(values)), signed(max(values))
    return ends[0] if len(values) == 1 else " to ".join(ends)


def span(delta: Mapping[str, Any], spelled_out: bool = True) -> str:
    """The ends of an interval, and on demand which interval it is."""
    label = f"{delta['confidence']:.0%} interval ".replace("%", " %") if spelled_out else ""
    return f"{label}{points(delta['low'])} to {points(delta['high'])}"


def chance(p: float) -> str:
    """A p-value, small ones as a bound."""
    return f"p < {_SMALL}" if p < _SMALL else f"p = {p:.2g}"


def named(recipe: str) -> str:
    """A recipe within a sentence; that with this name does nothing."""
    return "no intermediate training" if recipe == "none" else recipe


def sentence(text: str) -> str:
    """With a capital letter, whatever the text starts with."""
    return text[:1].upper() + text[1:]


def listed(names: Iterable[str], link: str = "and") -> str:
    """One, one and two, one, two and three."""
    *first, last = names
    return f"{', '.join(first)} {link} {last}" if first else last

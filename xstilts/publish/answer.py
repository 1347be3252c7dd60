"""The study's answer in one sentence, from its numbers alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
TARGETS = "targets"  # a total of the study's own targets, none of them of its benchmark
_VERBS = {1: "gains", -1: "loses"}


def answer(summary: Sequence[Record], baseline: str, total: Record) -> str:
    """One sentence: which recipes changed the average, by how much, and on how many tasks.

    A change is claimed only where the interval is clear of 0. `total` says what the average
    is the mean of; tasks outside it are counted apart.
    """
    compared = [record for record in summary if record["average"] and record["average"]["delta"]]
    if not compared:
        scored = [record for record in summary if record["average"]]
        values = _listed(f"{points(r['average']['value'])} for {r['model']}" for r in scored)
        mean = f"a mean over {_targets(total)} of" if _is_own(total) else "an average of"
        return f"Nothing is compared here: {baseline} is the only recipe, with {mean} {values}."
    models = list(dict.fromkeys(record["model"] for record in compared))
    opening = f"Against {_named(baseline)}, on {_mean_of(total)}"
    clauses = []
    for model in models:
        place = f"with {model}: " if len(models) > 1 else ""
        clauses.append(place + _clause([r for r in compared if r["model"] == model]))
    counts = _by_task(compared, total["tasks"])
    beyond = [task for task in compared[0]["tasks"] if task not in total["tasks"]]
    if beyond:
        counts += f"; beyond {total['of'].upper()}, {_by_task(compared, beyond)}"
    return f"{opening}: {'; '.join(clauses)}; {counts}."


def points(value: float) -> str:
    """A score with one decimal."""
    return f"{value:.1f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference with its sign; a true minus, and no sign on zero."""
    text = f"{value:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def _clause(records: Sequence[Record]) -> str:
    """Gains first, then losses, then what the data cannot tell."""
    parts: list[str] = []
    for direction, verb in _VERBS.items():
        for record in _by_size(records, direction):
            delta = record["average"]["delta"]
            size = points(abs(delta["value"]))
            parts.append(f"{record['recipe']} {verb} {size} points ({_range(delta, not parts)})")
    unclear = _by_size(records, 0)
    if unclear:
        named = [
            f"{r['recipe']} ({signed(r['average']['delta']['value'])}; "
            f"{_range(r['average']['delta'], not parts and r is unclear[0])})"
            for r in unclear
        ]
        parts.append(f"no evidence that {_listed(named, 'or')} changes it")
    return ", ".join(parts)


def _by_size(records: Sequence[Record], direction: int) -> list[Record]:
    chosen = [r for r in records if r["average"]["delta"]["direction"] == direction]
    return sorted(chosen, key=lambda r: -abs(r["average"]["delta"]["value"]))


def _by_task(records: Sequence[Record], tasks: Sequence[str]) -> str:
    directions = [r["tasks"][task]["delta"]["direction"] for r in records for task in tasks]
    pairs = "pair" if len(directions) == 1 else "pairs"
    gained, fell = directions.count(1), directions.count(-1)
    return (
        f"of {len(directions)} {pairs} of recipe and task {gained or 'none'} gained and "
        f"{fell or 'none'} fell with an interval clear of 0"
    )


def _range(delta: Record, spelled_out: bool) -> str:
    label = f"{delta['confidence']:.0%} interval ".replace("%", " %") if spelled_out else ""
    return f"{label}{points(delta['low'])} to {points(delta['high'])}"


def _named(baseline: str) -> str:
    return "no intermediate training" if baseline == "none" else f"the recipe {baseline}"


def _is_own(total: Record) -> bool:
    """Whether the mean is over targets outside the study's benchmark."""
    return bool(total["of"] == TARGETS)


def _mean_of(total: Record) -> str:
    count = len(total["tasks"])
    if _is_own(total):
        return f"{'its target' if count == 1 else 'the mean of its targets'} {_targets(total)}"
    return f"the average of {'one task' if count == 1 else f'{count} tasks'}"


def _targets(total: Record) -> str:
    return _listed(total["tasks"])


def _listed(names: Iterable[str], link: str = "and") -> str:
    *first, last = names
    return f"{', '.join(first)} {link} {last}" if first else last

"""The study's answer in words, from its numbers alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.publish.findings import findings
from xstilts.publish.total import is_own
from xstilts.publish.wording import claimed, listed, points, signed, span

Record = Mapping[str, Any]
_VERBS = {1: "gains", -1: "loses"}


def answer(
    summary: Sequence[Record], baseline: str, total: Record, statistics: Record | None
) -> str:
    """All `sentences` as one paragraph."""
    return " ".join(sentences(summary, baseline, total, statistics))


def sentences(
    summary: Sequence[Record], baseline: str, total: Record, statistics: Record | None
) -> list[str]:
    """Which recipes changed the average, by how much, and on how many tasks; then what follows.

    A change is claimed only where it is clear of 0 after Holm's correction. `summary`, `total`
    and `statistics` are those of `scores.json`; tasks outside the total are counted apart.
    """
    compared = [record for record in summary if record["average"] and record["average"]["delta"]]
    if statistics is None:
        scored = [record for record in summary if record["average"]]
        values = listed(f"{points(r['average']['value'])} for {r['model']}" for r in scored)
        mean = f"a mean over {listed(total['tasks'])}" if is_own(total) else "an average"
        return [
            f"Nothing is compared here: {baseline} is the only recipe, with {mean} of {values}."
        ]
    models = list(dict.fromkeys(record["model"] for record in compared))
    opening = f"Against {_named(baseline)}, on {_mean_of(total)}"
    clauses = []
    for model in models:
        place = f"with {model}: " if len(models) > 1 else ""
        clauses.append(place + _clause([r for r in compared if r["model"] == model]))
    counts = f"{_by_task(compared, total['tasks'])}, after Holm's correction"
    beyond = [task for task in compared[0]["tasks"] if task not in total["tasks"]]
    if beyond:
        others = f"{_by_task(compared, beyond)}, after a correction of their own"
        counts += f"; beyond {total['of'].upper()}, {others}"
    return [f"{opening}: {'; '.join(clauses)}; {counts}.", *findings(statistics, total)]


def _clause(records: Sequence[Record]) -> str:
    """Gains first, then losses, then what the data cannot tell."""
    parts: list[str] = []
    for direction, verb in _VERBS.items():
        for record in _by_size(records, direction):
            delta = record["average"]["delta"]
            size = points(abs(delta["value"]))
            parts.append(f"{record['recipe']} {verb} {size} points ({span(delta, not parts)})")
    unclear = _by_size(records, 0)
    if unclear:
        named = [
            f"{r['recipe']} ({signed(r['average']['delta']['value'])}; "
            f"{span(r['average']['delta'], not parts and r is unclear[0])})"
            for r in unclear
        ]
        parts.append(f"no evidence that {listed(named, 'or')} changes it")
    return ", ".join(parts)


def _by_size(records: Sequence[Record], direction: int) -> list[Record]:
    chosen = [r for r in records if claimed(r["average"]["delta"]) == direction]
    return sorted(chosen, key=lambda r: -abs(r["average"]["delta"]["value"]))


def _by_task(records: Sequence[Record], tasks: Sequence[str]) -> str:
    directions = [claimed(r["tasks"][task]["delta"]) for r in records for task in tasks]
    pairs = "pair" if len(directions) == 1 else "pairs"
    gained, fell = directions.count(1), directions.count(-1)
    return (
        f"of {len(directions)} {pairs} of recipe and task {gained or 'none'} gained and "
        f"{fell or 'none'} fell"
    )


def _named(baseline: str) -> str:
    return "no intermediate training" if baseline == "none" else f"the recipe {baseline}"


def _mean_of(total: Record) -> str:
    count = len(total["tasks"])
    if is_own(total):
        mean = "its target" if count == 1 else "the mean of its targets"
        return f"{mean} {listed(total['tasks'])}"
    return f"the average of {'one task' if count == 1 else f'{count} tasks'}"

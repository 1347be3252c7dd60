"""The declared comparisons in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.board.statistics import AVERAGE
from xstilts.publish.board.total import mean_of
from xstilts.publish.words.wording import (
    MOST,
    claimed,
    listed,
    named,
    points,
    reach,
    sentence,
    signed,
    span,
)

Record = Mapping[str, Any]


def comparison_sentences(records: Sequence[Record], total: Record) -> Iterator[str]:
    """A sentence on each comparison, in the study's order; of many, those alone that are clear.

    A difference is claimed only where it is clear of 0 after Holm's correction.
    """
    pairs = list(dict.fromkeys((own["first"], own["second"]) for own in records))
    told: set[str] = set()  # sides that were spoken of
    unclear: list[Record] = []
    for pair in pairs:
        own = [record for record in records if (record["first"], record["second"]) == pair]
        average = [record for record in own if record["of"] == AVERAGE]
        if len(pairs) > MOST and not any(map(claimed, average)):
            unclear += average
            continue
        tasks = [record for record in own if record["of"] in total["tasks"]]
        place = "" if told else f"On {mean_of(total)}: "
        yield sentence(f"{place}{_clauses(average, told)}{_by_task(tasks)}.")
    if unclear:
        yield (
            f"No evidence of a difference in the {len(unclear)} declared comparisons that remain "
            f"({reach(unclear)})."
        )


def _clauses(records: Sequence[Record], told: set[str]) -> str:
    """One clause per model; `told` are the sides that were spoken of before."""
    clauses: list[str] = []
    for own in records:
        place = f"with {own['model']}, " if len(records) > 1 else ""
        first, second = (_side(own, which, told) for which in (0, 1))
        clauses.append(place + _clause(own, first, second, spelled_out=not clauses))
    return "; ".join(clauses)


def _clause(own: Record, first: str, second: str, *, spelled_out: bool) -> str:
    if direction := claimed(own):
        where = "higher" if direction > 0 else "lower"
        size = points(abs(own["value"]))
        return f"{first} scores {size} points {where} than {second} ({span(own, spelled_out)})"
    found = f"{signed(own['value'])}; {span(own, spelled_out)}"
    return f"there is no evidence that {first} and {second} differ ({found})"


def _side(own: Record, which: int, told: set[str]) -> str:
    """A recipe, or a group with its recipes when it is first spoken of."""
    name, recipes = own[("first", "second")[which]], own["recipes"][which]
    known = recipes == [name] or name in told
    told.add(name)
    return named(name) if known else f"{name} ({listed(map(named, recipes))})"


def _by_task(records: Sequence[Record]) -> str:
    """On how many of several tasks the first side is clearly ahead or behind."""
    if len({own["of"] for own in records}) < 2:
        return ""
    directions = [claimed(own) for own in records]
    pairs = "pairs of model and task" if len({own["model"] for own in records}) > 1 else "tasks"
    ahead, behind = directions.count(1), directions.count(-1)
    return (
        f"; of {len(records)} {pairs} the first side is clearly higher on {ahead or 'none'} and "
        f"lower on {behind or 'none'}"
    )

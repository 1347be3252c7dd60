"""What each recipe changed on the average, in a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.board.total import mean_of
from xstilts.publish.words.wording import MOST, claimed, listed, points, reach, signed, span

Record = Mapping[str, Any]
_VERBS = {1: "gains", -1: "loses"}


def gain_sentence(summary: Sequence[Record], baseline: str, total: Record) -> str:
    """Which recipes changed the average, by how much, and on how many tasks.

    A change is claimed only where it is clear of 0 after Holm's correction. Of many recipes
    those that change nothing are counted. Tasks outside the total are counted apart.
    """
    compared = [record for record in summary if record["average"] and record["average"]["delta"]]
    models = list(dict.fromkeys(record["model"] for record in compared))
    clauses = []
    for model in models:
        place = f"with {model}: " if len(models) > 1 else ""
        clauses.append(place + _clause([r for r in compared if r["model"] == model]))
    counts = f"{_by_task(compared, total['tasks'])}, after Holm's correction"
    beyond = [task for task in compared[0]["tasks"] if task not in total["tasks"]]
    if beyond:
        others = f"{_by_task(compared, beyond)}, after a correction of their own"
        counts += f"; beyond {total['of'].upper()}, {others}"
    opening = f"Against {_against(baseline)}, on {mean_of(total)}"
    return f"{opening}: {'; '.join(clauses)}; {counts}."


def _clause(records: Sequence[Record]) -> str:
    """Gains first, then losses, then what the data cannot tell."""
    return ", ".join(_few(records) if len(records) <= MOST else _many(records))


def _few(records: Sequence[Record]) -> Iterator[str]:
    """Every recipe with its interval."""
    first = True
    for direction, verb in _VERBS.items():
        for record in _by_size(records, direction):
            delta = record["average"]["delta"]
            yield f"{record['recipe']} {verb} {points(abs(delta['value']))} points " + (
                f"({span(delta, first)})"
            )
            first = False
    unclear = _by_size(records, 0)
    if unclear:
        recipes = [
            f"{r['recipe']} ({signed(r['average']['delta']['value'])}; "
            f"{span(r['average']['delta'], first and r is unclear[0])})"
            for r in unclear
        ]
        yield f"no evidence that {listed(recipes, 'or')} changes it"


def _many(records: Sequence[Record]) -> Iterator[str]:
    """The recipes that change the average by name, the others by number and reach."""
    for direction, verb in _VERBS.items():
        clear = _by_size(records, direction)
        for place, record in enumerate(clear):
            size = points(abs(record["average"]["delta"]["value"]))
            yield f"{record['recipe']} " + (size if place else f"{verb} {size} points")
    unclear = _by_size(records, 0)
    if unclear:
        found = reach(record["average"]["delta"] for record in unclear)
        yield f"no evidence that {_any(unclear, len(records))} changes it ({found})"


def _any(unclear: Sequence[Record], count: int) -> str:
    if len(unclear) == 1:
        return str(unclear[0]["recipe"])
    return f"any of the {len(unclear)} " + ("recipes" if len(unclear) == count else "others")


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


def _against(baseline: str) -> str:
    return "no intermediate training" if baseline == "none" else f"the recipe {baseline}"

"""May a challenger take the champion's place? A pure function of two published runs.

It may if the whole interval of its gain in the average exceeds the margin, and no task falls by
more than it may. The fall of a task is its point estimate, without an interval: a task falls too
far as soon as it was measured to, not only when that is certain.
"""

from dataclasses import dataclass

from xstilts.registry import words
from xstilts.registry.comparable import obstacles, unfit
from xstilts.registry.comparison import compare
from xstilts.registry.entrant import Entrant
from xstilts.study.gate import Gate

FIRST = "There was no champion before it."


@dataclass(frozen=True)
class Decision:
    """`reason` is what to remember; `details` are the numbers task by task. All are sentences."""

    promoted: bool
    reason: str
    details: tuple[str, ...] = ()


def decide(challenger: Entrant, champion: Entrant | None) -> Decision:
    """The gate's decision, by the challenger's own `gate`.

    Refused as well: a run without an average, another benchmark, and what lacks tasks, languages
    or items of the champion.
    """
    if problem := unfit(challenger):
        return Decision(False, problem)
    if champion is None:
        return Decision(True, FIRST)
    if problems := list(obstacles(challenger, champion)):
        return Decision(False, " ".join(problems))
    gate = Gate(**challenger.board["gate"])
    found = compare(challenger, champion)
    clear = found.average.low > gate.margin
    stands = min(own.value for own in found.tasks.values()) >= -gate.fall
    reason = f"{words.average(found, gate)} {words.worst(found, gate)}"
    return Decision(clear and stands, reason, tuple(words.details(challenger, champion, found)))

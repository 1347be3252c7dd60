"""The champion of a name in the store: one object, changed only by who has seen what it holds.

`models/<name>/champion.json` has the champion and all before it. A run that the gate refuses is
written down in `models/<name>/candidates/`, with the reason. A run has its chance once: one that
was champion before comes back by a rollback alone, so that publishing it again does not undo one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from xstilts.errors import UserError
from xstilts.registry import record
from xstilts.registry.candidates import keep
from xstilts.registry.entrant import Entrant
from xstilts.registry.gate import Decision, decide
from xstilts.registry.place import CHAMPION, MODELS, checked, now, where
from xstilts.registry.published import published_entrant
from xstilts.registry.record import Entry, History
from xstilts.store import conditional, objects
from xstilts.store.location import Location

Load = Callable[[str, str], Entrant]  # of study and run


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on a challenger, `champion` being whom it met.

    `entry` is the challenger as champion, None for a candidate. A run that was champion before is
    `known`: nothing is decided about it.
    """

    decision: Decision
    champion: Entry | None
    entry: Entry | None = None
    known: bool = False


def read_history(location: Location, name: str) -> History:
    """All champions of a name. Raises `UserError` if the object is damaged."""
    return record.from_bytes(
        objects.read(location, MODELS, checked(name), CHAMPION), where(location, name)
    )


def consider(location: Location, name: str, challenger: Entrant) -> Verdict:
    """What `propose` would do now; nothing is written."""
    history = read_history(location, name)
    return _verdict(name, history, challenger, partial(published_entrant, location))


def propose(location: Location, name: str, challenger: Entrant) -> Verdict:
    """Make a published run champion if the gate lets it, else write it down as a candidate.

    If another publisher is faster, the gate decides again, on its champion. Proposing the same run
    again never moves the champion. Raises `UserError` if the record of champions is damaged or the
    champion's own run cannot be read; nothing is then written.
    """
    found: list[Verdict] = []
    load = cache(partial(published_entrant, location))

    def edit(before: bytes | None) -> bytes | None:
        history = record.from_bytes(before, where(location, name))
        if found and found[-1].entry in history:  # written, but the answer was lost
            return None
        found.append(_verdict(name, history, challenger, load))
        entry = found[-1].entry
        return record.to_bytes([*history, entry]) if entry else None

    conditional.change(location, edit, MODELS, checked(name), CHAMPION)
    verdict = found[-1]
    if verdict.entry is None and not verdict.known:
        keep(location, name, challenger, verdict.decision, verdict.champion)
    return verdict


def _verdict(name: str, history: History, challenger: Entrant, load: Load) -> Verdict:
    champion = history[-1] if history else None
    for past in reversed(history):
        if (past.study, past.run) == (challenger.study, challenger.run):
            return Verdict(Decision(False, _known(name, past, history)), champion, known=True)
    decision = decide(challenger, _loaded(name, champion, load) if champion else None)
    if not decision.promoted:
        return Verdict(decision, champion)
    best = challenger.board["best"]
    entry = Entry(
        number=len(history) + 1,
        study=challenger.study,
        run=challenger.run,
        **{field: best[field] for field in ("model", "recipe", "seed")},
        average=challenger.best["average"]["value"],
        at=now(),
        reason=decision.reason,
    )
    return Verdict(decision, champion, entry)


def _known(name: str, past: Entry, history: History) -> str:
    if past is history[-1]:
        return f"It is champion already (number {past.number}); nothing changes."
    return (
        f"It was champion before (number {past.number}) and was replaced; only "
        f"`xstilts champion rollback {name} --to {past.number}` brings it back."
    )


def _loaded(name: str, champion: Entry, load: Load) -> Entrant:
    try:
        return load(champion.study, champion.run)
    except UserError as error:
        raise UserError(
            [
                *error.problems,
                f"So nothing can be compared with {champion.name}, the champion of {name}: bring "
                f"its run back, or choose another (xstilts champion rollback {name} --to NUMBER).",
            ]
        ) from error

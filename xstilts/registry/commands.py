"""What `xstilts champion` does, and what `xstilts publish --champion NAME` says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.publish.words.wording import decimals
from xstilts.registry import rollback as rolling
from xstilts.registry.candidates import candidates
from xstilts.registry.champion import Verdict, consider, read_history
from xstilts.registry.champion import propose as propose_to
from xstilts.registry.entrant import Entrant, read_entrant
from xstilts.registry.place import names
from xstilts.registry.published import published_entrant
from xstilts.registry.record import Entry, History
from xstilts.registry.words import introduced
from xstilts.store.commands import configured_store
from xstilts.store.location import Location


def propose(location: Location, name: str, study: str, run: str, dry_run: bool) -> int:
    """Have the gate decide on a published run, and say how; `dry_run` writes nothing.

    A refusal is no failure: the run is then a candidate.
    """
    challenger = published_entrant(location, study, run)
    verdict = (consider if dry_run else propose_to)(location, name, challenger)
    _say(name, challenger, verdict, dry_run)
    return 0


def propose_local(location: Location, name: str, folder: Path, study: str, run: str) -> int:
    """What the gate would say of results that are not published yet; nothing is written."""
    challenger = read_entrant(folder, study, run)
    _say(name, challenger, consider(location, name, challenger), dry_run=True)
    return 0


def show(name: str | None) -> int:
    """Print the champion of a name, since when and why; without a name all names."""
    location = configured_store()
    if name is None:
        print("\n".join(names(location)) or f"{location.url} has no champions.")
        return 0
    champions, refused = _known(location, name)
    if champions:
        print(f"The champion of {name} is {_described(champions[-1])}")
    else:
        print(f"{name} has no champion yet.")
    if refused:
        count = f"{len(refused)} candidate{'s' * (len(refused) > 1)}"
        print(f"{count} beside it: `xstilts champion history {name}` has the reasons.")
    return 0


def history(name: str) -> int:
    """Print every champion of a name, the newest last, then the candidates with their reasons."""
    champions, refused = _known(configured_store(), name)
    for entry in champions:
        print(f"{entry.number}  {_described(entry)}")
    for own in refused:
        run = f"{own['study']}, run {own['run']}" if own["study"] else str(own["run"])
        print(f"candidate  {run} ({own['at'] or 'no date'}): {own['reason']}")
    return 0


def rollback(name: str, to: str | None) -> int:
    """Bring an earlier champion back: the one before the current one, or `to`."""
    entry = rolling.rollback(configured_store(), name, to)
    print(f"The champion of {name} is now {_described(entry)}")
    return 0


def _say(name: str, challenger: Entrant, verdict: Verdict, dry_run: bool) -> None:
    print(f"Challenger for {name}: {introduced(challenger)}.")
    if verdict.champion:
        print(f"Champion: {_entry(verdict.champion)}.")
    for line in verdict.decision.details:
        print(f"  {line}")
    if verdict.known:
        print(verdict.decision.reason)
        return
    would = "would become" if dry_run else "is now"
    kind = "the champion" if verdict.decision.promoted else "a candidate"
    print(f"It {would} {kind}. {verdict.decision.reason}")


def _entry(entry: Entry) -> str:
    return (
        f"{entry.study}, run {entry.run}: {entry.model} with recipe {entry.recipe}, average "
        f"{decimals(entry.average)}"
    )


def _described(entry: Entry) -> str:
    return f"{_entry(entry)}, since {entry.at}. {entry.reason}"


def _known(location: Location, name: str) -> tuple[History, list[dict[str, Any]]]:
    """All champions, and the candidates that never became one; `UserError` if there are neither."""
    champions, refused = read_history(location, name), candidates(location, name)
    if not champions and not refused:
        raise UserError(f"{location.url} has no champion {name!r}; {_there(names(location))}.")
    runs = {(entry.study, entry.run) for entry in champions}
    return champions, [own for own in refused if (own["study"], own["run"]) not in runs]


def _there(known: Sequence[str]) -> str:
    return f"there is {', '.join(known)}" if known else "there is none yet"

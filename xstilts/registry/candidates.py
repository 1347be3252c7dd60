"""Runs that the gate refused, each written down with the reason."""

import json
from typing import Any

from xstilts.registry import record
from xstilts.registry.entrant import Entrant
from xstilts.registry.gate import Decision
from xstilts.registry.place import CANDIDATES, MODELS, checked, now
from xstilts.registry.record import Entry
from xstilts.store import conditional, objects
from xstilts.store.location import Location
from xstilts.store.manifest import as_json


def candidates(location: Location, name: str) -> list[dict[str, Any]]:
    """The candidates of a name, the newest last; what cannot be read says so as its reason."""
    files = objects.names(location, MODELS, checked(name), CANDIDATES)
    texts = objects.together(
        lambda file: objects.read(location, MODELS, name, CANDIDATES, file), files
    )
    found = [_candidate(file, text) for file, text in zip(files, texts, strict=True)]
    return sorted(found, key=lambda own: str(own["at"]))


def keep(
    location: Location,
    name: str,
    challenger: Entrant,
    decision: Decision,
    against: Entry | None,
) -> None:
    """Write down a refusal; the same one again leaves the object as it is."""
    best = challenger.board["best"]
    own = {
        "schema": record.SCHEMA,
        "study": challenger.study,
        "run": challenger.run,
        "best": best,
        "average": challenger.best["average"]["value"] if best else None,
        "against": {"number": against.number, "name": against.name} if against else None,
        "reason": decision.reason,
        "details": list(decision.details),
    }
    file = f"{challenger.study}.{challenger.run}.json"

    def edit(before: bytes | None) -> bytes | None:
        there = _json(before)
        is_same = isinstance(there, dict) and there | own == there
        return None if is_same else as_json(own | {"at": now()})

    conditional.change(location, edit, MODELS, name, CANDIDATES, file)


def _candidate(file: str, text: bytes | None) -> dict[str, Any]:
    found = _json(text)
    if isinstance(found, dict) and {"study", "run", "average", "reason", "at"} <= set(found):
        return found
    unknown = dict.fromkeys(("study", "run", "average", "at"))
    return {**unknown, "run": file, "at": "", "reason": "This object is no candidate's record."}


def _json(text: bytes | None) -> Any:
    try:
        return json.loads(text or b"null")
    except ValueError:
        return None

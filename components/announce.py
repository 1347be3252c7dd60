"""The end of a run: its lock, report and scores in the store, and its challenge to a champion."""

import json
from typing import Any

from components import dvc_steps
from components.desk import Desk
from xstilts.errors import raise_if_any
from xstilts.registry.champion import Verdict, propose
from xstilts.registry.entrant import Entrant
from xstilts.registry.published import published_entrant
from xstilts.store import fragments, objects
from xstilts.store.lookup import Entry
from xstilts.store.publication import publish_results
from xstilts.study.plan import Stage


def announce(desk: Desk, publish: Stage, entry: Entry) -> dict[str, Any] | None:
    """Publish the run: its results with lock and parameters, complete or not at all.

    `entry` is the lock entry of the publish stage. If the plan names a champion, the run then
    challenges it; returns what was decided, None without a champion. Raises `UserError`, and
    announces nothing, if a stage of the study has not finished in this run.
    """
    upstream = [name for name in desk.plan if name != publish.name]
    entries = fragments.read_all(desk.run, upstream)
    raise_if_any(
        f"{name} has not finished in this run ({desk.run.url}): run it before publishing."
        for name in upstream
        if name not in entries
    )
    lock = fragments.lock_text(entries | {publish.name: entry})
    extra = {
        fragments.LOCK: lock.encode(),
        fragments.PARAMS: fragments.read_params(desk.run).encode(),
    }
    if desk.data:
        extra[fragments.DATA] = fragments.data_text(desk.data)
    folder = dvc_steps.results(desk, publish, entry)
    study, run = desk.params["study"]["name"], desk.run.prefix.rpartition("/")[2]
    publish_results(desk.store, study, run, folder, extra)
    champion = _champion(desk)
    if not champion:
        return None
    challenger = published_entrant(desk.store, study, run)
    return _decision(champion, challenger, propose(desk.store, champion, challenger))


def _champion(desk: Desk) -> str:
    """The champion that the run was planned to challenge; empty for none."""
    text = objects.read(desk.run, fragments.PLAN)
    return str(json.loads(text).get("champion", "")) if text else ""


def _decision(champion: str, challenger: Entrant, verdict: Verdict) -> dict[str, Any]:
    """What the gate decided, for the receipt of the run. A pod that comes again meets itself."""
    met = verdict.champion
    is_itself = met is not None and (met.study, met.run) == (challenger.study, challenger.run)
    return {
        "name": champion,
        "promoted": verdict.decision.promoted or is_itself,
        "reason": verdict.decision.reason,
        "against": met.name if met and not is_itself else None,
    }

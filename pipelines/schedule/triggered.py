"""A run of a schedule that is started now, because there is new data.

It is made as Kubeflow makes the schedule's own runs: as a run of the recurring run. Kubeflow then
counts it among those that go on, so that a run that is due meanwhile waits for its end. The name
of the run says what it is made from, and a run of that name is started once.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pipelines import api, data
from pipelines.schedule import recurring as kubeflow
from pipelines.schedule.recurring import Newest, Server, Wanted
from xstilts.errors import UserError

Json = dict[str, Any]
TRIGGERED = "Started by `xstilts schedule trigger`"  # how the descriptions of such runs begin
_AGAIN = ("FAILED", "CANCELED", "CANCELING")  # states after which the same may be tried again
_FIELDS = ("runtime_config", "experiment_id", "service_account")  # which both kinds of run have
_SHORT = 12  # characters of a version's name


@dataclass(frozen=True)
class Started:
    """A run of a schedule; `new` if it was not there before."""

    id: str
    name: str
    new: bool


def title(wanted: Wanted, version: Newest) -> str:
    """What a run is called that is made from these parameters by this version of the pipeline.

    The last word is of all that it is made from; the others are for people.
    """
    parameters = wanted.body["runtime_config"]["parameters"]
    revisions = parameters.get("data", {}).values()
    read = "+".join(own["md5"][:8] for own in revisions)
    made_from = [parameters, version.version, wanted.body.get("service_account", "")]
    content = json.dumps(made_from, sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    words = [wanted.name, *(["data", read] if read else []), "code", version.name[-_SHORT:], digest]
    return " ".join(words)


def earlier(server: Server, name: str) -> Started | None:
    """The run of this name that was started before, unless it failed; else None."""
    return _find(server, name)[0]


def start(server: Server, wanted: Wanted, version: Newest, name: str) -> Started:
    """Start a run of a schedule, which has to be there, unless it was started before.

    If several people do so at the same time, one run stays.
    """
    found, free = _find(server, name)
    if found:
        return found
    own = next(reversed(kubeflow.recurring(server, wanted.name)), None)
    if own is None or own.digest != wanted.digest:
        raise UserError(
            f"somebody else changed the schedule {wanted.name} at the same time: trigger it again."
        )
    reference = {"pipeline_id": version.pipeline, "pipeline_version_id": version.version}
    body = {field: wanted.body[field] for field in _FIELDS if field in wanted.body}
    body |= {
        "display_name": free,
        "description": _description(wanted),
        "recurring_run_id": own.id,
        "pipeline_version_reference": reference,
    }
    made = api.start(server.endpoint, body)
    first, *others = _named(server, free)
    for other in others:
        path = f"v2beta1/runs/{quote(str(other['run_id']))}:terminate"
        api.call(server.endpoint, path, {})
    return Started(str(first["run_id"]), free, first["run_id"] == made)


def _description(wanted: Wanted) -> str:
    revisions = wanted.body["runtime_config"]["parameters"].get("data", {})
    return f"{TRIGGERED}{f' with {data.short(revisions)}' if revisions else ''}."


def _find(server: Server, name: str) -> tuple[Started | None, str]:
    """The run that was started before, if it may not be started again; and a name that is free.

    Newer servers give back the run that there is when a name comes again, however it ended.
    """
    free, attempt = name, 1
    while runs := _named(server, free):
        for run in runs:
            if run.get("state") not in _AGAIN:
                return Started(str(run["run_id"]), free, new=False), free
        attempt += 1
        free = f"{name} try {attempt}"
    return None, free


def _named(server: Server, name: str) -> list[Json]:
    """The runs of a name; the first one comes first, the same for everybody who asks."""
    query = {"page_size": "100"} | api.in_namespace(server.namespace)
    query |= api.equals("display_name", name)
    answer = api.call(server.endpoint, f"v2beta1/runs?{urlencode(query)}")
    return sorted(answer.get("runs", []), key=lambda run: (run["created_at"], run["run_id"]))


def hindrance(server: Server, name: str) -> str:
    """The id of a run that goes on of the schedule; '' if none does.

    Raises `UserError` if the schedule is paused, which is to stay so until it is applied.
    """
    found = kubeflow.recurring(server, name)
    if found and not found[-1].enabled:
        raise UserError(
            f"{name} is paused, so nothing is started: apply it to go on, then trigger it."
        )
    return next((run for own in found if (run := kubeflow.running(server, own))), "")

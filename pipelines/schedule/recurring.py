"""Schedules in Kubeflow Pipelines: one recurring run each, known by its name.

KFP cannot change a recurring run, allows several of one name, and ends the runs of one that is
deleted. So a changed schedule becomes a new recurring run, the newest of a name counts, and
whoever applies a schedule removes the older ones, never a newer one. However many do so at the
same time, the newest of all stays, and only that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from pipelines import api
from xstilts.errors import UserError

Json = dict[str, Any]
_PATH = "v2beta1/recurringruns"
_MARK = re.compile(r"xstilts schedule sha256:([0-9a-f]{64})")  # in the description of ours
_PAGE = 100


@dataclass(frozen=True)
class Server:
    """Where schedules are kept; `namespace` is None where the server has one for all."""

    endpoint: api.Endpoint
    namespace: str | None


@dataclass(frozen=True)
class Newest:
    """The newest version of a pipeline: ids of both, its name, and the parameters that it has."""

    pipeline: str
    version: str
    name: str
    parameters: frozenset[str]


@dataclass(frozen=True)
class Wanted:
    """A schedule as it should be: `body` is the recurring run, `digest` that of what it says."""

    name: str
    digest: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Recurring:
    """A recurring run that a schedule of ours made."""

    id: str
    name: str
    digest: str
    created: datetime
    enabled: bool
    cron: str

    @property
    def age(self) -> tuple[datetime, str]:
        """What says which of two is newer, the same for everybody who asks."""
        return self.created, self.id


def mark(digest: str) -> str:
    """What the description of a recurring run has to hold, to be known again."""
    return f"xstilts schedule sha256:{digest}"


def recurring(server: Server, name: str | None = None) -> list[Recurring]:
    """The recurring runs that schedules made, or those of one name; the newest last."""
    query = {"page_size": str(_PAGE), **api.in_namespace(server.namespace)}
    if name is not None:
        query |= api.equals("display_name", name)
    found, token = [], ""
    while True:
        more = query | ({"page_token": token} if token else {})
        answer = api.call(server.endpoint, f"{_PATH}?{urlencode(more)}")
        found += [own for item in answer.get("recurringRuns", []) if (own := _ours(item))]
        if not (token := str(answer.get("next_page_token", ""))):
            return sorted(found, key=lambda own: own.age)


def pipeline(server: Server, name: str) -> Newest:
    """The newest version of a pipeline.

    Raises `UserError` if the server does not have it.
    """
    query = urlencode(api.in_namespace(server.namespace))
    try:
        answer = api.call(server.endpoint, f"v2beta1/pipelines/names/{name}?{query}")
    except api.Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise UserError(
            f"{server.endpoint.url} has no pipeline {name}, which the schedule would run: upload "
            f"the file of `xstilts compile` under this name, or apply the resources of `xstilts "
            "compile --format resources`."
        ) from error
    own = str(answer["pipeline_id"])
    newest = urlencode({"page_size": "1", "sort_by": "created_at desc"})
    versions = api.call(server.endpoint, f"v2beta1/pipelines/{quote(own)}/versions?{newest}")
    if not versions.get("pipeline_versions"):
        raise UserError(f"the pipeline {name} at {server.endpoint.url} has no version: upload one.")
    (version,) = versions["pipeline_versions"]
    specification = version["pipeline_spec"]
    root = specification.get("pipeline_spec", specification)["root"]
    known = root.get("inputDefinitions", {}).get("parameters", {})
    ids = own, str(version["pipeline_version_id"])
    return Newest(*ids, str(version["display_name"]), frozenset(known))


def last_run(server: Server, own: Recurring) -> Json | None:
    """The newest run of a recurring run, None if it had none."""
    found = _runs(server, own, 1)
    return found[0] if found else None


def put(server: Server, wanted: Wanted) -> str:
    """Make a schedule what is wanted; returns what was done, in a word.

    Raises `UserError` if a run of the old one goes on, which replacing would end, or if somebody
    else applied other settings at the same time.
    """
    found = recurring(server, wanted.name)
    same = bool(found) and found[-1].digest == wanted.digest
    if not same:
        for own in found:
            if run := running(server, own):
                raise UserError(
                    f"{wanted.name} stays as it is: its run {server.endpoint.run(run)} goes on and "
                    "would end with it. Apply it again when that has ended, or end it."
                )
        api.call(server.endpoint, _PATH, wanted.body)
    newest = _keep_newest(server, wanted.name)
    if newest is None or newest.digest != wanted.digest:
        raise UserError(
            f"somebody else changed the schedule {wanted.name} at the same time, and theirs is the "
            "newer one: agree on one file, and apply it again."
        )
    if not newest.enabled:
        set_enabled(server, newest, on=True)
        return "resumed"
    return "unchanged" if same else "replaced" if found else "created"


def pause(server: Server, name: str) -> None:
    """Start no more runs of a schedule; a run that goes on does so."""
    for own in _existing(server, name):
        set_enabled(server, own, on=False)


def delete(server: Server, name: str) -> None:
    """Delete a schedule. Raises `UserError`, and only pauses it, while a run of it goes on."""
    found = _existing(server, name)
    for own in found:
        set_enabled(server, own, on=False)
    for own in found:
        if run := running(server, own):
            raise UserError(
                f"{name} is paused, not deleted: its run {server.endpoint.run(run)} goes on and "
                "would end with it. Delete it again when that has ended, or end it."
            )
    for own in found:
        _remove(server, own)


def set_enabled(server: Server, own: Recurring, *, on: bool) -> None:
    """Let a recurring run start runs, or not; one that is gone is none."""
    action = "enable" if on else "disable"
    _unless_gone(server, f"{_PATH}/{quote(own.id)}:{action}", "POST")


def _keep_newest(server: Server, name: str) -> Recurring | None:
    """Remove all of a name but the newest. One with a run that goes on is only stopped."""
    found = recurring(server, name)
    for own in found[:-1]:
        set_enabled(server, own, on=False)
        if not running(server, own):
            _remove(server, own)
    return found[-1] if found else None


def _existing(server: Server, name: str) -> list[Recurring]:
    found = recurring(server, name)
    if not found:
        known = ", ".join(sorted({own.name for own in recurring(server)})) or "none"
        raise UserError(f"{server.endpoint.url} has no schedule {name}; it has {known}.")
    return found


def running(server: Server, own: Recurring) -> str:
    """The id of a run that goes on, '' if there is none."""
    for run in _runs(server, own, 10):
        if run.get("state") not in api.ENDED:
            return str(run["run_id"])
    return ""


def _runs(server: Server, own: Recurring, count: int) -> list[Json]:
    """The newest runs of a recurring run."""
    query = {"page_size": str(count), "sort_by": "created_at desc"}
    query |= api.in_namespace(server.namespace) | api.equals("recurring_run_id", own.id)
    found: list[Json] = api.call(server.endpoint, f"v2beta1/runs?{urlencode(query)}").get(
        "runs", []
    )
    return found


def _remove(server: Server, own: Recurring) -> None:
    _unless_gone(server, f"{_PATH}/{quote(own.id)}", "DELETE")


def _unless_gone(server: Server, path: str, method: str) -> None:
    """Call what changes a recurring run; somebody else may have removed it just now."""
    try:
        api.call(server.endpoint, path, {} if method == "POST" else None, method)
    except api.Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise


def _ours(item: Mapping[str, Any]) -> Recurring | None:
    """A recurring run of the API's; None if no schedule of ours made it."""
    found = _MARK.search(str(item.get("description", "")))
    if found is None:
        return None
    return Recurring(
        id=str(item["recurring_run_id"]),
        name=str(item["display_name"]),
        digest=found.group(1),
        created=datetime.fromisoformat(item["created_at"]),
        enabled=item.get("status", item.get("mode")) in ("ENABLED", "ENABLE"),
        cron=str(item.get("trigger", {}).get("cron_schedule", {}).get("cron", "")),
    )

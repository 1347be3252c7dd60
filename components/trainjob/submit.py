"""A TrainJob of our name in the cluster: made once, taken over, replaced, and removed."""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from components.trainjob.cluster import TRIES, Cluster, Json, Refused, call
from components.trainjob.resource import GROUP, KIND, SPEC
from components.trainjob.state import failed, is_complete
from xstilts.errors import UserError
from xstilts.observe.logs import LOG, say

PATIENCE = 600.0  # seconds that an old job of our name gets to go
POLL = 2.0
_LAST_TRIES = 2  # when we are told to end, seconds count


def path(cluster: Cluster, name: str = "") -> str:
    """The path of a TrainJob, or of all of them."""
    return cluster.objects(GROUP, KIND, *([name] if name else []))


def read(cluster: Cluster, name: str, tries: int = TRIES) -> Json | None:
    """The TrainJob of this name; None if there is none."""
    try:
        return call(cluster, "GET", path(cluster, name), tries=tries)
    except Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def ensure(cluster: Cluster, wanted: Mapping[str, Any]) -> Json:
    """The TrainJob `wanted`, running: made, or taken over from a waiting pod that was lost.

    One that has ended, or that was made of something else, is replaced. Raises `UserError`
    when the cluster has no Trainer, refuses the job, or an old one does not go away.
    """
    name = wanted["metadata"]["name"]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = read(cluster, name)
        if found is None:
            if made := _create(cluster, wanted):
                say(f"TrainJob {name} made in namespace {cluster.namespace}")
                return made
        elif _goes_on(found, wanted):
            say(f"TrainJob {name} runs already; going on with it")
            return found
        else:
            if "deletionTimestamp" not in found["metadata"]:
                say(f"TrainJob {name} is an old one and is replaced")
                remove(cluster, found)
            time.sleep(POLL)
    raise UserError(
        f"the old TrainJob {name} does not go away (in {PATIENCE:.0f} s): see its finalizers and "
        f"pods, `kubectl -n {cluster.namespace} describe trainjob {name}`."
    )


def remove(cluster: Cluster, job: Mapping[str, Any], tries: int = TRIES) -> None:
    """Delete this very job, its pods first; that it is gone already is fine.

    The job stays until its pods are gone: a new one of the same name would meet them.
    """
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": job["metadata"]["uid"]},
    }
    try:
        call(cluster, "DELETE", path(cluster, job["metadata"]["name"]), body, tries=tries)
    except Refused as error:
        if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise


def ours(cluster: Cluster, wanted: Mapping[str, Any]) -> Json | None:
    """The job in the cluster that is `wanted`, asked for at the end of our own work; if any."""
    name = wanted["metadata"]["name"]
    try:
        found = read(cluster, name, _LAST_TRIES)
    except UserError as error:
        LOG.warning("whether there is a TrainJob %s cannot be read: %s", name, error)
        return None
    return found if found and _goes_on(found, wanted) else None


def clear_away(cluster: Cluster, job: Mapping[str, Any]) -> None:
    """Delete a job at the end of our own work; that this fails is said, and changes nothing."""
    try:
        remove(cluster, job, tries=_LAST_TRIES)
    except UserError as error:
        LOG.warning("TrainJob %s could not be removed: %s", job["metadata"]["name"], error)


def _create(cluster: Cluster, wanted: Mapping[str, Any]) -> Json | None:
    """Make the job; None if somebody else was faster, or we were heard twice."""
    try:
        return call(cluster, "POST", path(cluster), wanted)
    except Refused as error:
        if error.status == HTTPStatus.CONFLICT:
            return None
        if error.status == HTTPStatus.NOT_FOUND:
            raise UserError(
                f"the cluster has no TrainJobs of {GROUP} (or no namespace {cluster.namespace}): "
                f"install Kubeflow Trainer 2, or train on one node. {error}"
            ) from error
        raise


def _goes_on(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    same = found["metadata"].get("annotations", {}).get(SPEC)
    is_ours = same == wanted["metadata"]["annotations"][SPEC]
    has_ended = is_complete(found) or failed(found) is not None
    return is_ours and not has_ended and "deletionTimestamp" not in found["metadata"]

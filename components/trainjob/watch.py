"""A TrainJob in the cluster, followed to its end."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from components.dvc_steps import StageFailed
from components.trainjob import logs, pods, submit
from components.trainjob.cluster import Cluster, Json, Refused, Unreachable, lines
from components.trainjob.resource import STAGE
from components.trainjob.state import failed, is_complete
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.observe.logs import say

TICK = 20.0  # seconds that one watch lasts: after each, what it waits for is looked at anew
PAUSE = 1.0  # seconds between two watches, at least
OUTAGE = 900.0  # seconds without an answer, then we give up


def run(cluster: Cluster, wanted: Mapping[str, Any], patience: float) -> None:
    """Have the cluster run a TrainJob; it is gone when this ends, however this ends.

    Its first node's log is printed as it comes. `patience` is the number of seconds that it
    may wait for its nodes at a time.

    Raises:
        UserError: the stage says that the user made a mistake, or Kubernetes refuses us.
        StageFailed: the job failed otherwise, was deleted by somebody, or waited too long.
    """
    job: Json | None = None
    try:
        job = submit.ensure(cluster, wanted)
        with logs.streamed(cluster, job["metadata"]["name"]) as last:
            problem = _follow(cluster, job, patience)
        if problem:
            _explain(cluster, job, problem, list(last))
    except (SystemExit, KeyboardInterrupt):
        job = job or submit.ours(cluster, wanted)  # we may have been heard, and not the answer
        raise
    finally:
        if job:
            submit.clear_away(cluster, job)


def _follow(cluster: Cluster, job: Json, patience: float) -> str:
    """Watch a job until it ends, and say why it waits; returns what went wrong, if anything."""
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    shown, waits_since = "", time.monotonic()
    for found in _states(cluster, name):
        if found is None or found["metadata"]["uid"] != uid:
            return "it was deleted by somebody else"
        if "deletionTimestamp" in found["metadata"]:
            return "somebody else is deleting it"
        if is_complete(found):
            return ""
        if reason := failed(found):
            return reason
        waiting = _why_waiting(cluster, found, shown)
        if waiting != shown:
            say(f"TrainJob {name}: {f'waits: {waiting}' if waiting else 'all nodes run'}")
            shown = waiting
        if not waiting:
            waits_since = time.monotonic()
        elif time.monotonic() - waits_since > patience:
            return f"it waited for more than {patience / 3600:.2g} hours: {waiting}"
    raise AssertionError("a job has states without end")


def _why_waiting(cluster: Cluster, job: Json, known: str) -> str:
    """Why it waits; as far as `known` while nobody answers."""
    try:
        return pods.why_waiting(cluster, job)
    except Unreachable:
        return known


def _states(cluster: Cluster, name: str) -> Iterator[Json | None]:
    """A job's states as they come, and at least one per `TICK`; None when it is gone.

    Every connection starts from the state that was just read, so that nothing is missed
    however the last one ended: in time, broken, or because its place in the history of the
    cluster is forgotten (410).
    """
    answered = time.monotonic()
    while True:
        try:
            found = submit.read(cluster, name)
            answered = time.monotonic()
            yield found
            if found is not None:
                yield from _changes(cluster, name, found["metadata"]["resourceVersion"])
        except Unreachable:
            if time.monotonic() - answered > OUTAGE:
                raise
        time.sleep(PAUSE)


def _changes(cluster: Cluster, name: str, version: str) -> Iterator[Json]:
    """The states of a job after `version`, until the connection ends or says an error."""
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": version,
        "timeoutSeconds": f"{max(1, round(TICK))}",
    }
    try:
        for line in lines(cluster, submit.path(cluster), query, TICK + 10):
            change = json.loads(line)
            if change["type"] not in ("ADDED", "MODIFIED"):
                return  # DELETED, or ERROR: the state that is read next tells
            yield change["object"]
    except Refused as error:
        if error.status != 410:
            raise


def _explain(cluster: Cluster, job: Json, problem: str, last: list[str]) -> None:
    """Raise what a failed job means, with what its nodes left behind."""
    name = job["metadata"]["name"]
    stage = job["metadata"]["annotations"][STAGE]
    try:
        found = pods.pods_of(cluster, name)
    except (Refused, Unreachable) as error:
        found, problem = [], f"{problem} (its pods cannot be read: {error})"
    text = [f"{stage} failed on its nodes (TrainJob {name}): {problem}", *pods.why_failed(found)]
    for pod in found:
        if pods.node_of(pod) and pods.exit_codes([pod]) - {0}:
            text += [f"The end of node {pods.node_of(pod)}:", *logs.tail(cluster, pod)]
    if last:
        text += ["The end of node 0:", *last]
    if USER_ERROR_EXIT_CODE in pods.exit_codes(found):
        raise UserError("\n".join(text))
    raise StageFailed("\n".join(text))

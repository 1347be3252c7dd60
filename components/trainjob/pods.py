"""The pods of a TrainJob: which run, why the others do not, and how they ended."""

from collections import Counter
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from components.trainjob.cluster import Cluster, Json, Refused, call
from components.trainjob.resource import NODE, QUEUE
from components.trainjob.state import condition

_JOB = "jobset.sigs.k8s.io/jobset-name"  # Trainer gives the JobSet the TrainJob's name
_RANK = "batch.kubernetes.io/job-completion-index"
_WORKLOADS = ("kueue.x-k8s.io/v1beta2", "kueue.x-k8s.io/v1beta1")
_JOB_UID = "kueue.x-k8s.io/job-uid"


def pods_of(cluster: Cluster, name: str) -> list[Json]:
    """The pods of a TrainJob, by node and age."""
    query = {"labelSelector": f"{_JOB}={name}"}
    found = call(cluster, "GET", cluster.objects("v1", "pods"), query=query)
    items: list[Json] = found.get("items") or []
    return sorted(items, key=lambda pod: (node_of(pod), pod["metadata"]["creationTimestamp"]))


def node_of(pod: Mapping[str, Any]) -> int:
    """The number of the node that a pod is; 0 writes the result."""
    return int(pod["metadata"].get("labels", {}).get(_RANK, 0))


def container_state(pod: Mapping[str, Any]) -> Json:
    """The state of the container that trains: `waiting`, `running` or `terminated`, if any."""
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        if status["name"] == NODE:
            return dict(status.get("state") or {})
    return {}


def exit_codes(pods: list[Json]) -> set[int]:
    """The exit codes of the pods that ended."""
    states = [container_state(pod).get("terminated") for pod in pods]
    return {int(state["exitCode"]) for state in states if state}


def why_waiting(cluster: Cluster, job: Mapping[str, Any]) -> str:
    """Why not all nodes of a TrainJob train, for people; empty when all do.

    What this account may not read is named, too.
    """
    if suspended := condition(job, "Suspended"):
        return f"suspended: {_queue(cluster, job) or suspended.get('message')}"
    name = job["metadata"]["name"]
    pods = [pod for pod in pods_of(cluster, name) if "deletionTimestamp" not in pod["metadata"]]
    texts = [text for pod in pods if (text := _why_pod(cluster, pod))]
    nodes = job["spec"]["trainer"]["numNodes"]
    if len(pods) < nodes:
        reason = _warning(cluster, name) or _queue(cluster, job)
        texts.append(f"{len(pods)} of {nodes} pods made" + (f": {reason}" if reason else ""))
    counts = Counter(texts)
    return "; ".join(f"{n} pods: {text}" if n > 1 else text for text, n in counts.items())


def why_failed(pods: list[Json]) -> list[str]:
    """How the pods that did not end well ended, one line each."""
    return [line for pod in pods for line in _end(pod)]


def _why_pod(cluster: Cluster, pod: Mapping[str, Any]) -> str:
    """Why a pod does not run; empty if it does, or did."""
    status = pod.get("status") or {}
    if status.get("phase", "Pending") != "Pending":
        return ""
    if unscheduled := condition(pod, "PodScheduled", "False"):
        return f"no place: {unscheduled.get('message') or unscheduled.get('reason')}"
    waiting = container_state(pod).get("waiting") or {}
    if waiting.get("message"):
        return f"{waiting['reason']}: {waiting['message']}"
    what = waiting.get("reason") or "starting"
    warning = _warning(cluster, pod["metadata"]["name"])
    return f"{what}: {warning}" if warning else what


def _warning(cluster: Cluster, name: str) -> str:
    """The newest warning about an object (a TrainJob's JobSet has its name, too)."""
    query = {"fieldSelector": f"involvedObject.name={name},type=Warning"}
    try:
        found = call(cluster, "GET", cluster.objects("v1", "events"), query=query)
    except Refused as error:
        return f"(events cannot be read: {error})"
    events = sorted(found.get("items") or [], key=_time)
    return str(events[-1].get("message", "")) if events else ""


def _time(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next(filter(None, times), ""))


def _queue(cluster: Cluster, job: Mapping[str, Any]) -> str:
    """What Kueue says of a job in a queue; empty for a job in none."""
    queue = job["metadata"].get("labels", {}).get(QUEUE)
    if not queue:
        return ""
    query = {"labelSelector": f"{_JOB_UID}={job['metadata']['uid']}"}
    for group in _WORKLOADS:
        try:
            found = call(cluster, "GET", cluster.objects(group, "workloads"), query=query)
        except Refused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                continue  # another version of Kueue
            return f"queue {queue} (its state cannot be read: {error})"
        texts = [text for item in found.get("items") or [] for text in _admission(item)]
        return f"queue {queue}: {'; '.join(texts) or 'Kueue has not looked at it yet'}"
    return f"queue {queue}, but the cluster has no Kueue"


def _admission(workload: Mapping[str, Any]) -> Iterator[str]:
    """Why a workload is not admitted."""
    for kind, status in (("Evicted", "True"), ("QuotaReserved", "False"), ("Admitted", "False")):
        found = condition(workload, kind, status)
        if found and found.get("message"):
            yield str(found["message"])


def _end(pod: Mapping[str, Any]) -> Iterator[str]:
    where = f"node {node_of(pod)} (pod {pod['metadata']['name']})"
    status = pod.get("status") or {}
    if lost := condition(pod, "DisruptionTarget"):
        yield f"{where} was taken away: {lost.get('reason')}: {lost.get('message')}"
    elif status.get("message") or status.get("reason"):
        yield f"{where}: {status.get('reason')}: {status.get('message')}"
    ended = container_state(pod).get("terminated")
    if ended and ended["exitCode"]:
        reason = ended.get("reason", "Error")
        yield f"{where} ended with code {ended['exitCode']} ({reason})"

"""The log of a TrainJob's first node, line by line, across broken connections and restarts."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from components.trainjob.cluster import Cluster, Refused, Unreachable, lines
from components.trainjob.pods import container_state, node_of, pods_of
from components.trainjob.resource import NODE
from xstilts.observe.logs import LOG, as_text, relay

LAST = 15  # lines that are kept for an error's text
POLL = 2.0  # seconds between two looks for the pod
PATIENCE = 120.0  # seconds without a line, then the connection is made again
GRACE = 20.0  # seconds for the last lines, when the job has ended
TRIES = 5  # of reading them


@dataclass
class _Seen:
    """How far a pod's log has been read: the time of the last line, and how many have it."""

    time: str = ""
    count: int = 0
    again: int = field(default=0, init=False)  # lines of that time that this connection brought

    def is_new(self, time: str) -> bool:
        """Whether a line of this time has not been seen; counts it."""
        if time < self.time:
            return False
        if time > self.time:
            self.time, self.count, self.again = time, 1, 1
            return True
        self.again += 1
        if self.again <= self.count:
            return False
        self.count += 1
        return True


@contextmanager
def streamed(cluster: Cluster, job: str) -> Iterator[deque[str]]:
    """Print the log of the job's first node as it comes; yields its last lines.

    Ends when the log does, at the latest `GRACE` seconds after the block.
    """
    last: deque[str] = deque(maxlen=LAST)
    ended, left = threading.Event(), threading.Event()
    arguments = (cluster, job, last, ended, left)
    reader = threading.Thread(target=_read, args=arguments, name="log", daemon=True)
    reader.start()
    try:
        yield last
        ended.set()
        reader.join(GRACE)
    finally:
        left.set()
        ended.set()  # it may be waiting for that


def tail(cluster: Cluster, pod: Mapping[str, Any]) -> list[str]:
    """The last lines of a pod's log; none if it is gone."""
    query = {"container": NODE, "tailLines": str(LAST)}
    path = cluster.objects("v1", "pods", pod["metadata"]["name"], "log")
    try:
        return [as_text(line) for line in lines(cluster, path, query, PATIENCE)]
    except (Refused, Unreachable) as error:
        return [f"(its log cannot be read: {error})"]


def _read(
    cluster: Cluster, job: str, last: deque[str], ended: threading.Event, left: threading.Event
) -> None:
    """Follow the first node's newest pod until the job has ended and its log was read.

    When `left` is set nobody wants the rest any more.
    """
    seen: dict[str, _Seen] = {}
    told = ""
    tries = TRIES
    while tries and not left.is_set():
        is_last = ended.is_set()
        try:
            for pod in [pod for pod in pods_of(cluster, job) if node_of(pod) == 0][-1:]:
                if {"running", "terminated"} & container_state(pod).keys():
                    _copy(cluster, pod, seen.setdefault(pod["metadata"]["uid"], _Seen()), last)
            if is_last:
                return
        except (Refused, Unreachable) as error:
            tries -= is_last
            # The training does not depend on it: go on, and say so once
            if str(error) != told and not left.is_set():
                told = str(error)
                LOG.warning("the log is interrupted: %s", error)
        ended.wait(POLL)


def _copy(cluster: Cluster, pod: Mapping[str, Any], seen: _Seen, last: deque[str]) -> None:
    """Print what is new in a pod's log, until the container ends.

    Every line begins with its time, which always has nine digits after the point: texts can be
    compared. Raises `Unreachable` if the connection breaks.
    """
    query = {"container": NODE, "follow": "true", "timestamps": "true"}
    if seen.time:
        query["sinceTime"] = seen.time
    seen.again = 0
    path = cluster.objects("v1", "pods", pod["metadata"]["name"], "log")
    for line in lines(cluster, path, query, PATIENCE):
        time, _, text = line.partition(" ")
        if seen.is_new(time):
            relay(text)
            last.append(as_text(text))

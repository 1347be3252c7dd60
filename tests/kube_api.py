"""What a cluster knows of TrainJobs and their pods, for tests: `kube_server` serves it.

There is no controller: a test says what becomes of a job.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from components.trainjob.cluster import Cluster

NAMESPACE = "team"
PATIENCE = 30.0  # seconds that a test waits for what must come
CREATED = "2026-01-01T00:00:00Z"
DROP, CUT, GONE = "drop", "cut", "gone"  # faults that are no status


@dataclass
class KubeApi:
    """Objects by kind; `log` has the lines of each pod's log with their times."""

    url: str = ""
    objects: dict[str, dict[str, dict]] = field(default_factory=dict)
    log: dict[str, list[str]] = field(default_factory=dict)
    ended_logs: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, dict]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    lingers: bool = False  # a deleted job stays, as long as its pods do
    has_trainer: bool = True
    rules: list[dict] = field(default_factory=list)
    check: Callable[[dict], None] | None = None  # of what is made
    _history: list[tuple[int, dict]] = field(default_factory=list)
    _faults: list[tuple[str, str, object]] = field(default_factory=list)
    _version: int = 100
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _open: int = 0

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.url, NAMESPACE)

    def fail(self, method: str, part: str, *faults: object) -> None:
        """Answer the next requests whose path has `part` with these faults, one each."""
        with self._changed:
            self._faults += [(method, part, fault) for fault in faults]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that a request changes."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), "what was waited for did not come"

    def watched(self) -> bool:
        """Whether somebody watches the jobs now."""
        return self._open > 0

    def jobs(self) -> dict[str, dict]:
        return self.objects.setdefault("trainjobs", {})

    def put(self, kind: str, name: str, content: dict) -> dict:
        """Make or change an object of which only the content matters."""
        with self._changed:
            self._version += 1
            old = self.objects.setdefault(kind, {}).get(name)
            metadata = {"name": name, "uid": f"uid-{self._version}", "creationTimestamp": CREATED}
            if old:
                metadata = old["metadata"]
            new = {**content, "metadata": {**metadata, **content.get("metadata", {})}}
            new["metadata"]["resourceVersion"] = str(self._version)
            self.objects[kind][name] = new
            if kind == "trainjobs":
                change = "MODIFIED" if old else "ADDED"
                copy = json.loads(json.dumps(new))
                self._history.append((self._version, {"type": change, "object": copy}))
            self._changed.notify_all()
            return new

    def condition(
        self, name: str, kind: str, reason: str, message: str, status: str = "True"
    ) -> None:
        """Set a condition of a job."""
        job = self.jobs()[name]
        found = [c for c in job.get("status", {}).get("conditions", []) if c["type"] != kind]
        new = {"type": kind, "status": status, "reason": reason, "message": message,
               "lastTransitionTime": CREATED}  # fmt: skip
        self.put("trainjobs", name, {**job, "status": {"conditions": [*found, new]}})

    def pod(self, job: str, node: int, state: dict | None = None, **content: object) -> str:
        """Make or change a pod of a job; `state` is that of its container."""
        name = f"{job}-node-0-{node}-abcde"
        labels = {
            "jobset.sigs.k8s.io/jobset-name": job,
            "batch.kubernetes.io/job-completion-index": str(node),
        }
        status: dict = {"phase": "Pending"} | content
        if state:
            status["containerStatuses"] = [{"name": "node", "state": state}]
            phase = {"running": "Running", "terminated": "Failed"}
            status["phase"] = next((phase[key] for key in state if key in phase), "Pending")
        self.put("pods", name, {"metadata": {"labels": labels}, "status": status})
        return name

    def write(self, pod: str, *lines: str, end: bool = False) -> None:
        """Add lines, which begin with a time, to a pod's log."""
        with self._changed:
            self.log.setdefault(pod, []).extend(lines)
            if end:
                self.ended_logs.add(pod)
            self._changed.notify_all()

    def has_changed(self, sent: int) -> bool:
        """Whether there are more changes of jobs than were sent."""
        return len(self._history) > sent

    def can_be_read(self, pod: str, sent: int) -> bool:
        """Whether a pod's log has more lines than were sent, or has no more to come."""
        return len(self.log.get(pod, [])) > sent or self.is_over(pod)

    def is_over(self, pod: str) -> bool:
        """Whether a pod writes no more: it has ended, or its job has, which takes it along."""
        found = self.objects["pods"].get(pod)
        if found is None or pod in self.ended_logs:
            return True
        job = self.jobs().get(found["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-name"], {})
        ended = {c["type"] for c in job.get("status", {}).get("conditions", [])}
        is_deleted = not job or "deletionTimestamp" in job["metadata"]
        return is_deleted or bool(ended & {"Complete", "Failed"})

    def remove(self, kind: str, name: str) -> None:
        """Have an object gone."""
        with self._changed:
            old = self.objects[kind].pop(name)
            self._version += 1
            if kind == "trainjobs":
                self._history.append((self._version, {"type": "DELETED", "object": old}))
            self._changed.notify_all()

    def asked(self, method: str, part: str) -> int:
        """How many requests of this kind there were."""
        return sum(m == method and part in path for m, path, _ in self.requests)

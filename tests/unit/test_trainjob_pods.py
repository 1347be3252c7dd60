"""Why the nodes of a TrainJob wait, and how they ended, in words."""

import pytest
from kube_api import CREATED, KubeApi
from kube_jobs import JOB, NAME, RUNNING, hurry
from kube_server import kube_api

from components.trainjob import pods

UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                 "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}  # fmt: skip


@pytest.fixture
def api(monkeypatch):
    hurry(monkeypatch)
    with kube_api() as found:
        found.put("trainjobs", NAME, JOB)
        yield found


def warn(
    api: KubeApi, about: str, message: str, time: str = CREATED, kind: str = "Warning"
) -> None:
    event = {"involvedObject": {"name": about}, "type": kind, "lastTimestamp": time}
    api.put("events", f"e{len(api.objects.get('events', {}))}", {**event, "message": message})


def waiting(api: KubeApi) -> str:
    return pods.why_waiting(api.cluster, api.jobs()[NAME])


def workload(api: KubeApi, *conditions: tuple[str, str, str]) -> None:
    labels = {"kueue.x-k8s.io/job-uid": api.jobs()[NAME]["metadata"]["uid"]}
    status = {"conditions": [{"type": t, "status": s, "message": m} for t, s, m in conditions]}
    api.put("workloads", "w", {"metadata": {"labels": labels}, "status": status})


def test_no_pods_yet(api):
    assert waiting(api) == ("0 of 2 pods made: queue xstilts: Kueue has not looked at it yet")
    warn(api, NAME, "quota exceeded", "2026-01-01T00:00:02Z")
    warn(api, NAME, "an older one", "2026-01-01T00:00:01Z")
    warn(api, NAME, "all is well", "2026-01-01T00:00:03Z", kind="Normal")
    warn(api, "another", "of no interest", "2026-01-01T00:00:04Z")
    assert waiting(api) == "0 of 2 pods made: quota exceeded"


def test_no_place(api):
    api.pod(NAME, 0, conditions=[UNSCHEDULABLE])
    api.pod(NAME, 1, conditions=[UNSCHEDULABLE])
    assert waiting(api) == (
        "2 pods: no place: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    )
    api.pod(NAME, 0, RUNNING)
    assert waiting(api).startswith("no place: 0/3 nodes")


def test_no_image(api):
    api.pod(NAME, 0, RUNNING)
    api.pod(NAME, 1, {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
    assert waiting(api) == "ImagePullBackOff: no such image"


def test_no_secret(api):
    api.pod(NAME, 0, RUNNING)
    name = api.pod(NAME, 1, {"waiting": {"reason": "ContainerCreating"}})
    assert waiting(api) == "ContainerCreating"
    warn(api, name, "MountVolume.SetUp failed")
    assert waiting(api) == "ContainerCreating: MountVolume.SetUp failed"


def test_all_run(api):
    for node in range(2):
        api.pod(NAME, node, RUNNING)
    assert waiting(api) == ""


@pytest.mark.parametrize("version", ["v1beta2", "v1beta1"])
def test_what_the_queue_says(api, version):
    if version == "v1beta1":
        api.fail("GET", "v1beta2", 404)
    api.condition(NAME, "Suspended", "Suspended", "TrainJob is suspended")
    evicted = ("Evicted", "True", "Preempted to accommodate another workload")
    workload(
        api, evicted, ("QuotaReserved", "False", "insufficient quota"), ("Admitted", "True", "")
    )
    assert waiting(api) == (
        "suspended: queue xstilts: Preempted to accommodate another workload; insufficient quota"
    )
    assert api.requests[-1][1].startswith(f"/apis/kueue.x-k8s.io/{version}/")


def test_a_queue_without_kueue(api):
    api.fail("GET", "kueue", 404, 404)
    assert waiting(api).endswith("queue xstilts, but the cluster has no Kueue")


def test_what_may_not_be_read_is_said(api):
    api.rules = [rule for rule in api.rules if "kueue.x-k8s.io" not in rule["apiGroups"]]
    assert "queue xstilts (its state cannot be read: this pod's service account may not" in waiting(
        api
    )
    next(r for r in api.rules if "events" in r["resources"])["resources"].remove("events")
    assert "(events cannot be read: " in waiting(api)


def test_how_pods_ended(api):
    lost = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
            "message": "preempted"}  # fmt: skip
    api.pod(NAME, 0, {"terminated": {"exitCode": 0}})
    api.pod(NAME, 1, {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, conditions=[lost])
    api.pod(NAME, 2, reason="Evicted", message="the node was low on ephemeral-storage")
    found = pods.pods_of(api.cluster, NAME)
    assert pods.why_failed(found) == [
        f"node 1 (pod {NAME}-node-0-1-abcde) was taken away: PreemptionByScheduler: preempted",
        f"node 1 (pod {NAME}-node-0-1-abcde) ended with code 137 (OOMKilled)",
        f"node 2 (pod {NAME}-node-0-2-abcde): Evicted: the node was low on ephemeral-storage",
    ]
    assert pods.exit_codes(found) == {0, 137}

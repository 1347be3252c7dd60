"""A TrainJob followed to its end, whatever the cluster, the network and other people do."""

import os
import signal
from dataclasses import replace

import pytest
from kube_api import CUT, DROP, GONE
from kube_jobs import JOB, NAME, ORDER, complete, end, failure, follow, hurry, start, well
from kube_server import kube_api

from components import pod
from components.trainjob import watch
from components.trainjob.cluster import Unreachable
from xstilts.errors import UserError

AT = "2026-01-01T00:00:{:02}.000000000Z"


@pytest.fixture
def api(monkeypatch):
    hurry(monkeypatch)
    with kube_api() as found:
        yield found


def test_a_job_is_made_followed_and_removed(api, capsys):
    def controller(api):
        pods = start(api)
        api.write(pods[0], f"{AT.format(1)} one", f"{AT.format(2)} two")
        api.write(pods[1], f"{AT.format(1)} not shown")
        end(api, pods, 0, 0)
        complete(api)

    follow(api, controller)
    assert api.jobs() == {}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"TrainJob {NAME} made in namespace team"
    assert [line for line in lines if "TrainJob" not in line] == ["one", "two"]
    assert api.asked("POST", "trainjobs") == 1


def test_it_waits_for_what_comes_without_asking_again_and_again(api):
    def controller(api):
        start(api)
        before = api.asked("GET", NAME)
        for number in range(5):
            api.condition(NAME, "Noted", "Because", str(number))
        assert api.asked("GET", NAME) - before <= 1
        complete(api)

    follow(api, controller)


def test_a_failed_job_says_why(api):
    def controller(api):
        pods = start(api)
        api.write(pods[0], f"{AT.format(1)} peer lost")
        api.write(pods[1], f"{AT.format(1)} out of memory")
        end(api, pods, 1, 137)
        api.condition(NAME, "Failed", "FailedJobs", "jobset failed due to one or more job failures")

    text = failure(api, controller)
    assert "FailedJobs: jobset failed due to one or more job failures" in text
    assert f"node 1 (pod {NAME}-node-0-1-abcde) ended with code 137 (Error)" in text
    assert "The end of node 1:\nout of memory" in text
    assert text.endswith("The end of node 0:\npeer lost")
    assert api.jobs() == {}  # or Trainer would start it again when its JobSet goes


def test_a_mistake_of_the_users_is_one(api):
    def controller(api):
        pods = start(api)
        api.write(pods[0], f"{AT.format(1)} error: data/x is missing.")
        end(api, pods, 2, 1)
        api.condition(
            NAME, "Failed", "FailJobSetFailurePolicyAction", "job failed: PodFailurePolicy"
        )

    assert "error: data/x is missing." in failure(api, controller, UserError)


def test_the_deadline(api):
    def controller(api):
        pods = start(api)
        for name in pods:  # Trainer removes the pods
            api.remove("pods", name)
        api.condition(NAME, "Failed", "DeadlineExceeded", "exceeded its active deadline")

    assert "DeadlineExceeded: exceeded its active deadline" in failure(api, controller)


def test_a_pod_that_was_taken_away(api):
    def controller(api):
        start(api)
        lost = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
                "message": "node was low on memory"}  # fmt: skip
        api.pod(NAME, 1, {"terminated": {"exitCode": 143}}, conditions=[lost])
        api.condition(NAME, "Failed", "FailedJobs", "restarted too often")

    text = failure(api, controller)
    assert "was taken away: TerminationByKubelet: node was low on memory" in text


def test_deleted_under_us(api):
    def controller(api):
        start(api)
        api.remove("trainjobs", NAME)

    assert "it was deleted by somebody else" in failure(api, controller)
    assert api.asked("POST", "trainjobs") == 1


def test_deleted_and_made_anew_by_somebody_else(api):
    def controller(api):
        for name in start(api):
            api.remove("pods", name)
        api.remove("trainjobs", NAME)
        api.put("trainjobs", NAME, JOB)

    assert "it was deleted by somebody else" in failure(api, controller)
    assert NAME in api.jobs()  # that one is not ours


def test_being_deleted(api):
    def controller(api):
        start(api)
        api.put("trainjobs", NAME, {**api.jobs()[NAME], "metadata": {"deletionTimestamp": "now"}})

    assert "somebody else is deleting it" in failure(api, controller)


def test_a_queue_and_a_restart(api, capsys):
    def controller(api):
        api.wait_for(api.watched)
        refused = {"type": "QuotaReserved", "status": "False", "reason": "Pending",
                   "message": "couldn't assign flavors: 8 more needed"}  # fmt: skip
        uid = api.jobs()[NAME]["metadata"]["uid"]
        labels = {"kueue.x-k8s.io/job-uid": uid}
        status = {"conditions": [refused]}
        api.put("workloads", "w", {"metadata": {"labels": labels}, "status": status})
        api.condition(NAME, "Suspended", "Suspended", "TrainJob is suspended")
        api.wait_for(lambda: api.asked("GET", "workloads"))
        api.condition(NAME, "Suspended", "Resumed", "TrainJob is resumed", "False")
        well(api)

    follow(api, controller)
    out = capsys.readouterr().out
    assert "waits: suspended: queue xstilts: couldn't assign flavors: 8 more needed" in out
    assert api.asked("GET", "kueue.x-k8s.io/v1beta2") >= 1


def test_suspended_by_a_person_without_a_queue(api, capsys):
    def controller(api):
        api.wait_for(api.watched)
        api.condition(NAME, "Suspended", "Suspended", "TrainJob is suspended")
        api.wait_for(lambda: api.asked("GET", f"trainjobs/{NAME}") > 2)
        api.condition(NAME, "Suspended", "Resumed", "TrainJob is resumed", "False")
        well(api)

    follow(api, controller, replace(ORDER, queue=""))
    assert "waits: suspended: TrainJob is suspended" in capsys.readouterr().out
    assert not api.asked("GET", "workloads")


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                 "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}  # fmt: skip


def test_it_does_not_wait_for_ever(api):
    def controller(api):
        api.wait_for(api.watched)
        for node in range(2):
            api.pod(NAME, node, conditions=[UNSCHEDULABLE])

    text = failure(api, controller, patience=0.5)
    assert "it waited for more than 0.00014 hours: 2 pods: no place: 0/3 nodes" in text
    assert api.jobs() == {}


@pytest.mark.parametrize("fault", [GONE, CUT, 410, 500, 503])
def test_watches_that_break(api, fault):
    api.fail("GET", "watch=true", fault, fault)
    follow(api, well)
    assert sum("watch" in query for _, _, query in api.requests) >= 3


@pytest.mark.parametrize("fault", [500, 503, 429, DROP])
def test_answers_that_fail(api, fault):
    api.fail("GET", f"trainjobs/{NAME}", fault, fault)
    api.fail("GET", "/pods", fault, fault)
    follow(api, well)


def test_an_end_during_an_interruption_is_not_missed(api):
    def controller(api):
        start(api)
        api.fail("GET", "watch=true", 500)
        api.fail("GET", f"trainjobs/{NAME}", 500)
        api.put("trainjobs", NAME, {**api.jobs()[NAME], "status": {}})
        complete(api)

    follow(api, controller)


def test_a_server_that_is_away_for_good(monkeypatch, api):
    monkeypatch.setattr(watch, "OUTAGE", 0.0)

    def controller(api):
        start(api)
        api.fail("GET", "", *[503] * 1000)
        api.fail("DELETE", "", *[503] * 10)

    text = failure(api, controller, Unreachable)
    assert "(503)" in text
    assert NAME in api.jobs()  # a new waiting pod goes on with it


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whoever_is_told_to_end_before_it_knows_of_the_job_removes_it_too(api, method):
    api.fail(method, "trainjobs", lambda: os.kill(os.getpid(), signal.SIGTERM))
    if method == "GET":  # of one that a waiting pod before us has made
        api.put("trainjobs", NAME, JOB)
    with pod._stoppable(), pytest.raises(SystemExit):
        watch.run(api.cluster, JOB, 100.0)
    assert api.jobs() == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_is_told_to_end_removes_the_job(api, number):
    def controller(api):
        start(api)
        os.kill(os.getpid(), number)

    with pod._stoppable(), pytest.raises(SystemExit) as caught:
        follow(api, controller)
    assert caught.value.code == 128 + number
    assert api.jobs() == {}

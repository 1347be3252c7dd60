"""The plan of a training on several nodes: what the cluster lacks is found before it starts."""

from dataclasses import fields
from pathlib import Path

import pytest
from kube_server import kube_api

from components.plan import checks, nodes
from components.trainjob import cluster
from components.trainjob.resource import GROUP, RUNTIME
from xstilts.errors import UserError

STUDIES = Path(__file__).parents[2] / "pipelines" / "studies"
KEYS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}


@pytest.fixture
def api(monkeypatch):
    """The cluster of this pod, which has what is needed and lets the pod look at it."""
    monkeypatch.setattr(cluster, "PAUSE", 0.01)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with kube_api() as found:
        found.rules = [*found.rules, KEYS]
        found.put("trainingruntimes", RUNTIME, {})
        found.put("secrets", "xstilts-s3", {})
        monkeypatch.setattr(nodes, "in_cluster", lambda: found.cluster)
        yield found


def examine(count: int = 2, secret: str = "xstilts-s3", has_store: bool = True):
    problems: list[str] = []
    notes: list[str] = []
    nodes.examine_nodes(count, secret, has_store, problems, notes)
    return problems, notes


def test_a_cluster_that_has_all(api):
    assert examine() == ([], [])
    assert [path.rsplit("/", 2)[1:] for _, path, _ in api.requests] == [
        ["trainingruntimes", RUNTIME], ["secrets", "xstilts-s3"]
    ]  # fmt: skip
    assert f"apis/{GROUP}/namespaces/team/" in api.requests[0][1]


def test_one_node_needs_nothing(api):
    assert examine(1) == ([], [])
    assert api.requests == []


def test_a_runtime_that_is_missing(api):
    api.remove("trainingruntimes", RUNTIME)
    (problem,), notes = examine()
    assert problem.startswith(
        "the namespace team has no TrainingRuntime xstilts, which training on 2 nodes needs: "
    )
    assert "Kubernetes says: " in problem
    assert notes == []


def test_a_secret_that_is_missing(api, monkeypatch):
    api.remove("secrets", "xstilts-s3")
    problems, (note,) = examine()  # this pod is a role, and the nodes have to be one, too
    assert problems == []
    assert note.startswith("the namespace team has no secret xstilts-s3 with the store's keys. ")
    (problem,), _ = examine(has_store=False)
    assert problem.endswith("make it, or name another one by the parameter s3_secret.")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from elsewhere")
    assert len(examine()[0]) == 1


def test_what_the_pod_may_not_look_at_is_a_note(api):
    api.rules = []
    problems, (first, second) = examine()
    assert problems == []
    assert first.startswith("the TrainingRuntime xstilts was not looked at: this pod's service ")
    assert second.startswith("the secret xstilts-s3 was not looked at: this pod's service account")


def test_a_cluster_that_does_not_answer_is_a_note(api):
    api.fail("GET", "trainingruntimes", *[503] * nodes._TRIES)
    problems, (note,) = examine()
    assert problems == []
    assert note.startswith("the TrainingRuntime xstilts was not looked at: Kubernetes refuses")


def test_a_busy_cluster_is_asked_again(api):
    api.fail("GET", "trainingruntimes", 503)
    assert examine() == ([], [])


def test_a_plan_outside_of_a_cluster_says_that_it_did_not_look(monkeypatch):
    def nowhere():
        raise UserError("this is no pod")

    monkeypatch.setattr(nodes, "in_cluster", nowhere)
    assert examine() == ([], ["what 2 nodes need was not looked at: this is no pod"])


def test_what_nodes_lack_is_told_with_all_else(api):
    api.remove("trainingruntimes", RUNTIME)
    given = {"study": "mina", "s3_url": "http://x", "nodes": "2", "champion": "a/b"}
    asked = checks.Asked(**{field.name: "" for field in fields(checks.Asked)} | given)
    found = checks.examine(asked, STUDIES)
    assert found.nodes == 2
    for part in ("unknown study 'mina'", "http://x", "no TrainingRuntime xstilts", "name 'a/b'"):
        assert sum(part in problem for problem in found.problems) == 1, part

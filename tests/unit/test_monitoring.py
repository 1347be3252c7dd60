"""Alerts, dashboard and what Prometheus reads: they name what the code serves, and are valid."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import promql
import pytest
import yaml
from crds import problems

from xstilts.observe.figures import COUNTER, METRICS
from xstilts.observe.metrics import INFO, USUAL_PORT

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "k8s" / "components" / "monitoring"
DOCS = ROOT / "docs" / "monitoring.md"
# Of kube-state-metrics and of Kueue, with the labels that are used here
OTHERS = {
    "kube_pod_status_phase": {"namespace", "pod", "phase"},
    "kube_pod_status_scheduled": {"namespace", "pod", "condition"},
    "kube_pod_status_unschedulable": {"namespace", "pod"},
    "kube_pod_container_status_terminated_reason": {"namespace", "pod", "container", "reason"},
    "kueue_pending_workloads": {"cluster_queue", "status"},
}
OWN = {INFO, *(metric.name for metric in METRICS)}
COUNTERS = {metric.name for metric in METRICS if metric.kind == COUNTER}
# From the metrics, from their target (Prometheus operator), and from pod-monitor.yaml
LABELS = {"study", "stage", "device", "precision", "processes", "zero_stage"} | {
    "namespace", "pod", "container", "node", "run",
}  # fmt: skip


def _yaml(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


GROUPS = _yaml("rules.yaml")["spec"]["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
BOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
SHOWN = [(panel, target["expr"]) for panel in BOARD["panels"] for target in panel["targets"]]


def _check(query: promql.Query) -> None:
    """Metrics and labels are known, rates are of counters, and counters are not read bare."""
    for name, matchers in query.selectors:
        known = OTHERS.get(name, LABELS)
        assert name in OWN | RECORDED | OTHERS.keys(), name
        assert {label for label, _, _ in matchers} <= known
    assert query.labels <= LABELS
    if query.functions & {"rate", "increase"}:
        assert query.metrics & COUNTERS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_rules_are_promql_of_what_is_served(rule):
    _check(promql.read(rule["expr"]))


@pytest.mark.parametrize(("panel", "expr"), SHOWN, ids=[panel["title"] for panel, _ in SHOWN])
def test_the_dashboard_shows_what_is_served(panel, expr):
    del panel
    _check(promql.read(expr))


def test_everything_that_is_served_is_shown():
    recorded = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
    texts = [expr for _, expr in SHOWN]
    queries = [promql.read(text) for text in texts]
    names = {name for query in queries for name in query.metrics}
    names |= {n for name in names & recorded.keys() for n in promql.read(recorded[name]).metrics}
    assert names >= OWN


def test_an_alert_says_what_to_do_and_names_labels_that_its_value_has():
    text = DOCS.read_text(encoding="utf-8")
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in ("info", "warning")
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{name.lower()}"
        assert f"### {name}\n" in text
        used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        first, _ = promql.read(rule["expr"]).selectors[0]
        assert used <= OTHERS.get(first, LABELS), name
    assert set(re.findall(r"^### (Xstilts\w+)$", text, re.M)) == ALERTS.keys()


def test_the_docs_name_every_metric_with_its_kind():
    rows = re.findall(r"^\| `(xstilts_\w+)` \| (\w+) \| (.+) \|$", DOCS.read_text(), re.M)
    assert rows == [(metric.name, metric.kind, metric.help) for metric in METRICS]


@pytest.mark.parametrize("name", ["pod-monitor.yaml", "rules.yaml"])
def test_resources_are_valid(name, shared):
    resource = _yaml(name)
    assert problems(shared / "crds", resource) == []
    resource["spec"]["nobody_knows"] = 1
    assert problems(shared / "crds", resource) != []


def test_what_is_scraped_is_what_pods_serve():
    (endpoint,) = _yaml("pod-monitor.yaml")["spec"]["podMetricsEndpoints"]
    assert "port" not in endpoint  # a port that no container declares would be looked for in vain
    rules = {rule.get("targetLabel"): rule for rule in endpoint["relabelings"]}
    assert rules["__address__"]["replacement"] == f"$1:{USUAL_PORT}"
    (ingress,) = _yaml("network.yaml")["spec"]["ingress"]
    assert [str(port["port"]) for port in ingress["ports"]] == [USUAL_PORT]
    labels = _yaml("pod-monitor.yaml")["spec"]["selector"]
    assert labels == _yaml("network.yaml")["spec"]["podSelector"]


def test_the_image_can_serve_figures():
    command = [sys.executable, ROOT / "docker" / "requirements.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.startswith("prometheus-client")]


def test_rules_are_about_the_project_s_namespace_and_queues():
    text = (ROOT / "k8s" / "base" / "namespace.yaml").read_text(encoding="utf-8")
    (space,) = [own for own in yaml.safe_load_all(text) if own["kind"] == "Namespace"]
    read = [dict(promql.read(rule["expr"]).selectors) for rule in RULES]
    values = {v for own in read for found in own.values() for k, _, v in found if k == "namespace"}
    assert values == {space["metadata"]["name"]}
    queues = yaml.safe_load_all((ROOT / "k8s/components/kueue/queues.yaml").read_text())
    names = [own["metadata"]["name"] for own in queues if own["kind"] == "ClusterQueue"]
    (pattern,) = [
        v for own in read for found in own.values() for k, _, v in found if k == "cluster_queue"
    ]
    assert names
    assert all(re.fullmatch(pattern, name) for name in names)


def test_the_dashboard_is_one_page_without_overlaps():
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        own = {(place["x"] + dx, place["y"] + dy)
               for dx in range(place["w"]) for dy in range(place["h"])}  # fmt: skip
        assert max(x for x, _ in own) < 24
        assert not own & taken, panel["title"]
        taken |= own
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert {t["datasource"]["uid"] for t in panel["targets"]} == {"${datasource}"}


def test_variables_are_defined_and_read_from_what_is_served():
    defined = {own["name"]: own for own in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(BOARD["panels"])))
    assert used == defined.keys()
    for name, own in defined.items():
        if own["type"] == "query":
            metric, label = re.fullmatch(
                r"label_values\((\w+)\S*.*, (\w+)\)", own["definition"]
            ).groups()
            assert (metric, label) == (INFO, name)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_the_component(tmp_path):
    component = Path("..") / FOLDER.relative_to("/")
    for _ in tmp_path.parts[1:-1]:
        component = ".." / component
    text = f"namespace: xstilts\ncomponents: [{component}]\n"
    (tmp_path / "kustomization.yaml").write_text(text)
    command = ["kubectl", "kustomize", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = {own["kind"]: own for own in yaml.safe_load_all(done.stdout)}
    assert built.keys() == {"ConfigMap", "NetworkPolicy", "PodMonitor", "PrometheusRule"}
    assert json.loads(built["ConfigMap"]["data"]["xstilts.json"]) == BOARD
    assert all(own["metadata"]["namespace"] == "xstilts" for own in built.values())


@pytest.mark.parametrize(
    "text",
    [
        "sum(a", "rate(a)", "rate(a[5m)", "a[5 minutes]", "a{b=c}", 'a{b=="c"}', 'a{b=~"("}', "a b",
        "sum by study (a)", "1 == 2", "a and 1", "nothing(a)", "a[5m] > 1", "sum(time())", "* a",
        "a > ", "a $ b", "time() and a",
    ],
)  # fmt: skip
def test_what_is_no_promql_is_refused(text):
    with pytest.raises((ValueError, re.error)):
        promql.read(text)


def test_promql_is_read():
    query = promql.read(
        'sum by (a) (rate(x_total{s="1", t!~"2|3"}[1h30m])) / on (a) group_left (b) y * 1e3'
        " > bool 2 or vector(0) unless (z - time() >= .5)"
    )
    assert query.metrics == {"x_total", "y", "z"}
    assert query.selectors[0][1] == [("s", "=", "1"), ("t", "!~", "2|3")]
    assert (query.functions, query.labels) == ({"sum", "rate", "vector", "time"}, {"a", "b"})

"""k8s/: every overlay can be built, is what Kubernetes takes, and follows the rules."""

import re
import subprocess
from pathlib import Path

import core_kinds
import crds
import pytest
from overlays import K8S, OVERLAYS, built, containers, of_kind, pods, resources

from pipelines.placement import QUEUE, USER
from pipelines.pools import read_pools
from pipelines.quantities import cores, size

POOLS = list(read_pools().values())
FOR_GPUS = ["eks", "gke"]
CLUSTER_WIDE = {
    "Namespace", "PriorityClass", "ClusterQueue", "Cohort", "ResourceFlavor", "NodePool",
    "EC2NodeClass",
}  # fmt: skip
# Pods that are in no manifest: those that KFP makes, and their labels
RUN = {"workflows.argoproj.io/workflow": "xstilts-abc", "app.kubernetes.io/name": "xstilts"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_resources_are_what_kubernetes_takes(overlay, shared):
    for resource in resources(overlay):
        if core_kinds.is_core(resource):
            assert core_kinds.problems(resource) == []
        else:
            assert crds.problems(shared / "crds", resource) == [], resource["kind"]


DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "x", "labels": {"a": 1}},
    "spec": {"selecter": {}, "template": {"spec": {"containers": [{"image": "x"}]}}},
}


def test_faults_of_core_kinds_are_found():
    assert core_kinds.problems(DEPLOYMENT) == [
        "Deployment.metadata.labels.a: must be of type str, not 1",
        "Deployment.spec: unknown field selecter",
        "Deployment.spec.template.spec.containers[0]: Invalid value for `name`, must not be `None`",
        "Deployment.spec: Invalid value for `selector`, must not be `None`",
    ]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_same_files_give_the_same_bytes(overlay):
    command = ["kubectl", "kustomize", str(K8S / "overlays" / overlay)]
    text = built(overlay)
    assert subprocess.run(command, capture_output=True, text=True).stdout == text


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_there_twice_and_all_is_in_one_namespace(overlay):
    names = [(found["kind"], found["metadata"]["name"]) for found in resources(overlay)]
    assert len(set(names)) == len(names)
    namespaces = {
        found["metadata"].get("namespace")
        for found in resources(overlay)
        if found["kind"] not in CLUSTER_WIDE
    }
    assert namespaces == {"kubeflow" if overlay == "kind" else "xstilts"}
    for found in resources(overlay):
        if found["kind"] in CLUSTER_WIDE:
            assert "namespace" not in found["metadata"]


def test_every_file_is_in_an_overlay():
    used, parts = set(), set()
    for path in K8S.rglob("kustomization.yaml"):
        text = path.read_text(encoding="utf-8")
        names = re.findall(r"^ +- (\S+)$", text, re.MULTILINE)
        used |= {path.parent / name for name in names if name.endswith(".yaml")}
        parts |= {name for name in names if "components/" in name}
    folders = [K8S / name for name in ("base", "components", "overlays")]
    files = {path for folder in folders for path in folder.rglob("*.yaml")}
    assert {path for path in files if path.name != "kustomization.yaml"} == used
    assert {Path(name).name for name in parts} == {
        path.parent.name for path in (K8S / "components").rglob("kustomization.yaml")
    }


# --- pods


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_have_versions(overlay):
    for where, pod in pods(overlay):
        for container in containers(pod):
            name, _, version = container["image"].rpartition("/")[2].partition(":")
            assert version, f"{where}: {name}"
            assert version != "latest", where


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_containers_ask_for_what_they_need_and_have_limits(overlay):
    for where, pod in pods(overlay):
        for container in containers(pod):
            found = container["resources"]
            assert found["requests"].keys() >= {"cpu", "memory"}, where
            assert "memory" in found["limits"], where
        for volume in pod["spec"].get("volumes", []):
            assert volume.get("emptyDir", {"sizeLimit": "1"}).get("sizeLimit"), where


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_may_do_nothing_that_they_need_not(overlay):
    for where, pod in pods(overlay):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, where
        assert spec["securityContext"]["runAsUser"] >= USER, where
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert spec["automountServiceAccountToken"] is False, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), where
        assert not any("hostPath" in volume for volume in spec.get("volumes", [])), where
        for container in containers(pod):
            context = container["securityContext"]
            assert context == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, where


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_refer_to_is_there(overlay):
    claims = of_kind(overlay, "PersistentVolumeClaim")
    for where, pod in pods(overlay):
        assert pod["spec"]["serviceAccountName"] in of_kind(overlay, "ServiceAccount"), where
        priority = pod["spec"].get("priorityClassName")
        assert priority is None or priority in of_kind(overlay, "PriorityClass"), where
        for volume in pod["spec"].get("volumes", []):
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            assert claim is None or claim in claims, where


# --- rights and network


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_rights_are_few_and_bound_to_accounts_that_are_there(overlay):
    roles, accounts = of_kind(overlay, "Role"), of_kind(overlay, "ServiceAccount")
    assert not of_kind(overlay, "ClusterRole")
    for role in roles.values():
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            if rule["resources"] == ["secrets"]:
                assert rule["resourceNames"]
    bound = set()
    for binding in of_kind(overlay, "RoleBinding").values():
        bound.add(binding["roleRef"]["name"])
        for subject in binding["subjects"]:
            account = accounts[subject["name"]]
            assert subject["namespace"] == account["metadata"]["namespace"]
    assert bound == set(roles)


def selects(selector, labels):
    """Whether a label selector matches; the operators that the manifests use."""
    for rule in selector.get("matchExpressions", []):
        wanted = {"Exists": True, "DoesNotExist": False}[rule["operator"]]
        if (rule["key"] in labels) != wanted:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_policies_cover_every_pod(overlay):
    policies = [found["spec"] for found in of_kind(overlay, "NetworkPolicy").values()]
    every = [("a run", RUN), ("a driver", {"workflows.argoproj.io/workflow": "x"})]
    every += [(where, pod["metadata"]["labels"]) for where, pod in pods(overlay)]
    for where, labels in every:
        mine = [policy for policy in policies if selects(policy["podSelector"], labels)]
        for direction in ("Ingress", "Egress"):
            assert any(direction in policy["policyTypes"] for policy in mine), where


def test_kubeflow_s_own_pods_are_left_alone_on_kind():
    labels = {"application-crd-id": "kubeflow-pipelines", "app": "ml-pipeline"}
    for policy in of_kind("kind", "NetworkPolicy").values():
        assert not selects(policy["spec"]["podSelector"], labels), policy["metadata"]["name"]
    assert not of_kind("kind", "Namespace")
    assert not of_kind("kind", "ResourceQuota")
    assert not of_kind("kind", "LimitRange")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_reaches_the_metadata_server(overlay):
    for policy in of_kind(overlay, "NetworkPolicy").values():
        for rule in policy["spec"].get("egress", []):
            assert rule.get("to"), "a rule without `to` opens everything"
            for peer in rule["to"]:
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                    assert "169.254.0.0/16" in peer["ipBlock"]["except"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_in_the_files(overlay):
    assert not of_kind(overlay, "Secret")
    assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", built(overlay))


# --- queues and pools


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_queue_that_is_used_exists(overlay):
    local, cluster = of_kind(overlay, "LocalQueue"), of_kind(overlay, "ClusterQueue")
    flavors, cohorts = of_kind(overlay, "ResourceFlavor"), of_kind(overlay, "Cohort")
    assert {pool.queue for pool in POOLS if pool.queue} <= set(local)
    assert {queue["spec"]["clusterQueue"] for queue in local.values()} == set(cluster)
    used = set()
    for queue in cluster.values():
        assert queue["spec"]["cohortName"] in cohorts
        for group in queue["spec"]["resourceGroups"]:
            used |= {flavor["name"] for flavor in group["flavors"]}
            for flavor in group["flavors"]:
                covered = [resource["name"] for resource in flavor["resources"]]
                assert covered == group["coveredResources"]
        namespace = queue["spec"]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        assert namespace == next(iter(local.values()))["metadata"]["namespace"]
    assert used == set(flavors)
    for resource in resources(overlay):
        name = resource["metadata"].get("labels", {}).get(QUEUE)
        assert name is None or name in local


def tolerates(pool, taint):
    return any(
        item.get("key") in (None, taint["key"])
        and item.get("effect") in (None, "", taint["effect"])
        and (item.get("operator") == "Exists" or item.get("value") == taint.get("value"))
        for item in pool.tolerations
    )


def fitting(overlay, pool):
    """The flavors of the pool's queue that Kueue would let a pod have."""
    queue = of_kind(overlay, "LocalQueue")[pool.queue]["spec"]["clusterQueue"]
    (group,) = of_kind(overlay, "ClusterQueue")[queue]["spec"]["resourceGroups"]
    flavors = {entry["name"]: of_kind(overlay, "ResourceFlavor")[entry["name"]]["spec"]
               for entry in group["flavors"]}  # fmt: skip
    known = {key for flavor in flavors.values() for key in flavor.get("nodeLabels", {})}
    asked = {key: value for key, value in pool.selector.items() if key in known}
    return [
        name
        for name, flavor in flavors.items()
        if asked.items() <= flavor.get("nodeLabels", {}).items()
        and all(tolerates(pool, taint) for taint in flavor.get("nodeTaints", []))
    ]


def share(overlay, flavor):
    """What all queues of a cohort have of a flavor: what one can get at most."""
    total = {"cpu": 0.0, "memory": 0, "nvidia.com/gpu": 0}
    for queue in of_kind(overlay, "ClusterQueue").values():
        for group in queue["spec"]["resourceGroups"]:
            for entry in group["flavors"]:
                for resource in entry["resources"] if entry["name"] == flavor else []:
                    text = resource["nominalQuota"]
                    if text != "0":
                        read = {"cpu": cores, "memory": size}.get(resource["name"], int)
                        total[resource["name"]] += read(text)
    return total


@pytest.mark.parametrize("overlay", FOR_GPUS)
@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_a_pod_of_every_pool_fits_into_its_queue(overlay, pool):
    needs = (cores(pool.cpu), size(pool.memory_request), pool.gpus)
    fits = [
        name
        for name in fitting(overlay, pool)
        if all(need <= had for need, had in zip(needs, share(overlay, name).values(), strict=True))
    ]
    assert fits
    if pool.selector:
        assert fits == [pool.name]


def test_a_pod_on_kind_fits_into_its_queue():
    pool = read_pools()["cpu"]
    assert "cpu" in fitting("kind", pool)
    found = share("kind", "cpu")
    assert cores(pool.cpu) <= found["cpu"]
    assert size(pool.memory_request) <= found["memory"]


@pytest.mark.parametrize("pool", [p for p in POOLS if p.selector], ids=lambda pool: pool.name)
def test_karpenter_makes_the_nodes_of_the_pools(pool):
    found = of_kind("eks", "NodePool")[f"xstilts-{pool.name}"]["spec"]
    template = found["template"]
    assert template["metadata"]["labels"] == pool.selector
    assert all(tolerates(pool, taint) for taint in template["spec"]["taints"])
    assert template["spec"]["nodeClassRef"]["name"] in of_kind("eks", "EC2NodeClass")
    assert int(found["limits"]["nvidia.com/gpu"]) >= pool.gpus
    flavor = of_kind("eks", "ResourceFlavor")[pool.name]["spec"]
    assert flavor["nodeLabels"] == template["metadata"]["labels"]
    assert flavor["nodeTaints"] == template["spec"]["taints"]


def test_the_page_for_gke_makes_nodes_of_the_same_labels():
    text = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
    for pool in POOLS:
        for key, value in pool.selector.items():
            assert f"--node-labels {key}={value}" in text


def test_the_quota_of_the_namespace_is_not_less_than_that_of_its_queue():
    for overlay in FOR_GPUS:
        hard = of_kind(overlay, "ResourceQuota")["xstilts"]["spec"]["hard"]
        names = of_kind(overlay, "ResourceFlavor")
        total = sum(share(overlay, name)["nvidia.com/gpu"] for name in names)
        assert int(hard["requests.nvidia.com/gpu"]) >= total


def test_every_secret_that_a_run_reads_is_fetched():
    from pipelines.graph import NOTIFY_SECRET, SECRET

    found = of_kind("gke", "ExternalSecret")
    assert set(found) == {SECRET, NOTIFY_SECRET}
    for secret in found.values():
        store = secret["spec"]["secretStoreRef"]
        assert store["name"] in of_kind("gke", store["kind"])
    keys = {entry["secretKey"] for entry in found[SECRET]["spec"]["data"]}
    assert keys == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

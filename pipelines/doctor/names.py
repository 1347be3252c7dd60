"""Whether what a run names is there: secrets, its service account, what trains on several nodes."""

from collections.abc import Collection, Iterator

from components.finish.notify import NEVER
from components.trainjob.resource import NODE, RUNTIME
from pipelines.doctor.demand import Demand
from pipelines.doctor.objects import SECRET, Json, Objects
from xstilts.study.findings import NOTE, OK, Finding

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")  # of the store's secret
WEBHOOK_KEYS = ("url",)  # of the webhook's
_ROLE = "eks.amazonaws.com/role-arn"  # annotation of an account whose pods need no keys
_OF_KUBEFLOW = ("pipeline-runner", "default-editor")
_APPLY = "apply an overlay to the namespace: `kubectl apply -k k8s/overlays/NAME`"
_ALWAYS_THERE = ("system-cluster-critical", "system-node-critical")  # priority classes


def secrets(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """The store's keys, and the webhook if the run tells people how it ended."""
    name = demand.s3_secret
    found = _secret(objects, name, KEYS, "the store's keys")
    if found.state != OK and not demand.parameters.get("s3_secret"):
        found = _roles(objects, demand) or found
    yield found
    if demand.parameters.get("notify", NEVER) != NEVER:
        yield _secret(objects, demand.notify_secret, WEBHOOK_KEYS, "the webhook's address")


def _roles(objects: Objects, demand: Demand) -> Finding | None:
    """That pods need no keys, for their accounts are roles of AWS; None if they are not."""
    accounts = [demand.service_account]
    if demand.nodes > 1:
        accounts.append(_pod(objects).get("serviceAccountName", ""))
    found = []
    for name in accounts:
        metadata = objects.of("ServiceAccount").get(name, {}).get("metadata", {})
        found.append(metadata.get("annotations", {}).get(_ROLE))
    if not any(found):
        return None
    if lacking := [name for name, role in zip(accounts, found, strict=True) if not role]:
        text = f"the account {lacking[0]} has no role that may use the store, as others have."
        return Finding("secret", text, f"annotate it with {_ROLE}")
    return Finding("secret", f"no keys for the store are needed: its pods are the role {found[0]}.")


def _secret(objects: Objects, name: str, keys: Collection[str], what: str) -> Finding:
    if name in objects.of(SECRET):
        found = objects.of(SECRET)[name]["keys"]
        if missing := [key for key in keys if key not in found]:
            text = f"the secret {name} ({what}) has no {' and no '.join(missing)}."
            return Finding("secret", text, "add the key: its pods would start without it")
        return Finding("secret", f"{name} has {what}.")
    external = {_target(item): item for item in objects.of("ExternalSecret").values()}
    if name in external:
        return _external(name, external[name], keys, what)
    create = " ".join(f"--from-literal {key}=…" for key in keys)
    command = f"kubectl create secret generic {name} -n {objects.namespace} {create}"
    if objects.is_overlay and external:
        made = ", ".join(sorted(external))
        text = f"the overlay fetches no secret {name} ({what}); it fetches {made}."
        return Finding("secret", text, "correct the name, or add it to the ExternalSecrets")
    if why := objects.why_not(SECRET):
        return Finding("secret", f"{name} ({what}) was not looked at: {why}.", state=NOTE)
    return Finding("secret", f"{objects.place} has no secret {name} ({what}).", command)


def _target(item: Json) -> str:
    """The secret that an ExternalSecret makes."""
    return str(item["spec"].get("target", {}).get("name") or item["metadata"]["name"])


def _external(name: str, item: Json, keys: Collection[str], what: str) -> Finding:
    """A secret that the External Secrets operator makes."""
    own = item["metadata"]["name"]
    for condition in item.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "False":
            text = f"the secret {name} ({what}) is not made: {condition.get('message')}."
            return Finding("secret", text, f"see `kubectl describe externalsecret {own}`")
    listed = [entry["secretKey"] for entry in item["spec"].get("data", [])]
    missing = [key for key in keys if key not in listed]
    if missing and not item["spec"].get("dataFrom"):
        text = f"the ExternalSecret {own} ({what}) gives no {' and no '.join(missing)}."
        return Finding("secret", text, "add the key to its data")
    return Finding("secret", f"{name} ({what}) is made by the ExternalSecret {own}.")


def account(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """The service account of the run's pods."""
    name, known = demand.service_account, objects.of("ServiceAccount")
    if not name:
        text = (f"none is named, so the pods are Kubeflow's own account ({_OF_KUBEFLOW[0]}, or "
                f"{_OF_KUBEFLOW[1]} where each user has a namespace).")  # fmt: skip
        remedy = "name the account of k8s/base: --service-account xstilts, or in the schedule "
        yield Finding("account", text, f"{remedy}service_account: xstilts", NOTE)
    elif why := objects.why_not("ServiceAccount"):
        yield Finding("account", f"{name} was not looked at: {why}.", state=NOTE)
    elif name in known:
        yield Finding("account", f"{name} is there.")
    elif objects.is_overlay and name in _OF_KUBEFLOW:
        text = f"{name} is Kubeflow's own, so the overlay does not tell whether it is there."
        yield Finding("account", text, state=NOTE)
    else:
        text = f"{objects.place} has no service account {name}; it has {_names(known)}."
        yield Finding("account", text, f"name one of these, or {_APPLY}")


def runtime(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """What a training on several nodes needs of the cluster; nothing is said of one on one."""
    if demand.nodes == 1:
        return
    if why := objects.why_not("TrainingRuntime"):
        yield Finding("runtime", f"{RUNTIME} was not looked at: {why}.", state=NOTE)
        return
    if "TrainingRuntime" in objects.uninstalled:
        text = f"the cluster has no Kubeflow Trainer, which trains on {demand.nodes} nodes."
        yield Finding("runtime", text, "install Kubeflow Trainer 2, or leave --nodes out")
        return
    if RUNTIME not in objects.of("TrainingRuntime"):
        text = (f"{objects.place} has no TrainingRuntime {RUNTIME}, which training on "
                f"{demand.nodes} nodes needs.")  # fmt: skip
        yield Finding("runtime", text, f"{_APPLY}, or leave --nodes out")
        return
    yield Finding("runtime", f"the TrainingRuntime {RUNTIME} is there.")
    pod = _pod(objects)
    for field, kind in (
        ("serviceAccountName", "ServiceAccount"),
        ("priorityClassName", "PriorityClass"),
    ):
        yield from _named_by_runtime(objects, kind, pod.get(field, ""))


def _named_by_runtime(objects: Objects, kind: str, name: str) -> Iterator[Finding]:
    if not name or name in _ALWAYS_THERE:
        return
    if why := objects.why_not(kind):
        yield Finding("runtime", f"its {kind} {name} was not looked at: {why}.", state=NOTE)
    elif name not in objects.of(kind):
        text = (f"the TrainingRuntime {RUNTIME} names the {kind} {name}, which does not exist: "
                "the nodes' pods would be refused.")  # fmt: skip
        yield Finding("runtime", text, _APPLY)


def _pod(objects: Objects) -> Json:
    """The specification of the nodes' pods in our runtime, {} if there is none."""
    found = objects.of("TrainingRuntime").get(RUNTIME)
    jobs = found["spec"]["template"]["spec"]["replicatedJobs"] if found else []
    for job in jobs:
        if job["name"] == NODE:
            pod: Json = job["template"]["spec"]["template"]["spec"]
            return pod
    return {}


def _names(known: Collection[str]) -> str:
    return ", ".join(sorted(known)) or "none"

"""Whether the pods of a run fit into their queue of Kueue: at all, and how many side by side.

Kueue lets pods in when one flavor of each group of resources has room for all of them, and takes
only flavors whose labels do not contradict the pods' node selector and whose taints they bear
(https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/). What is in use now is not counted: it is
about whether a pod can ever start.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from pipelines.doctor.demand import Demand, Need, needs, training
from pipelines.doctor.objects import Json, Objects
from pipelines.doctor.quota import sets, side_by_side
from pipelines.doctor.shares import limit
from pipelines.quantities import written
from xstilts.study.findings import NOTE, Finding

_SHARES = ("ClusterQueue", "ResourceFlavor", "Cohort")
_EFFECTS = ("NoSchedule", "NoExecute")  # a taint of another effect keeps no pod away


def queue(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """What is to say of the pool's queue; nothing where the pool has none."""
    name, local = demand.pool.queue, objects.of("LocalQueue")
    if not name:
        return
    if why := objects.why_not("LocalQueue"):
        yield Finding("queue", f"{name} was not looked at: {why}.", state=NOTE)
    elif "LocalQueue" in objects.uninstalled:
        text = f"the cluster has no Kueue: pods wait in no queue, and {name} bounds nothing."
        yield Finding("queue", text, state=NOTE)
    elif name not in local:
        text = (f"{objects.place} has no LocalQueue {name}, in which the pods of the pool "
                f"{demand.pool.name} wait: they would never start. It has "
                f"{', '.join(sorted(local)) or 'none'}.")  # fmt: skip
        yield Finding("queue", text, "name another queue of the pool in k8s/pools.yaml, or make it")
    elif why := objects.why_not(*_SHARES):
        text = f"{name} is there; whether pods fit was not looked at: {why}."
        yield Finding("queue", text, state=NOTE)
    else:
        yield from _share(objects, local[name], demand)


def _share(objects: Objects, local: Json, demand: Demand) -> Iterator[Finding]:
    """What is to say of the share that a LocalQueue is of."""
    if problem := _closed(objects, local):
        yield problem
        return
    for need in needs(demand):
        if need.pool.queue:
            yield from _fits(objects, local["spec"]["clusterQueue"], need, demand)


def _closed(objects: Objects, local: Json) -> Finding | None:
    """Why nothing in a queue ever starts, whatever it asks for."""
    name, own = local["metadata"]["name"], local["spec"]["clusterQueue"]
    found = objects.of("ClusterQueue").get(own)
    if found is None:
        text = f"the LocalQueue {name} belongs to the ClusterQueue {own}, which does not exist."
        return Finding("queue", text, "make it (k8s/components/kueue/queues.yaml)")
    if not _selects(found["spec"].get("namespaceSelector"), _labels(objects)):
        text = f"the ClusterQueue {own} takes no pods of the namespace {objects.namespace}."
        return Finding("queue", text, "change its namespaceSelector")
    for kind, item in (("LocalQueue", local), ("ClusterQueue", found)):
        if why := _stopped(item):
            text = f"the {kind} {item['metadata']['name']} lets nothing in: {why}."
            return Finding("queue", text, f"see `kubectl describe {kind.lower()}`, and resume it")
    return None


def _stopped(item: Json) -> str:
    policy = item["spec"].get("stopPolicy") or "None"
    if policy != "None":
        return f"its stopPolicy is {policy}"
    for condition in item.get("status", {}).get("conditions", []):
        if condition["type"] == "Active" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason"))
    return ""


def _labels(objects: Objects) -> Mapping[str, str]:
    """The labels of the runs' namespace; Kubernetes itself adds its name."""
    found = objects.of("Namespace").get(objects.namespace, {})
    name = {"kubernetes.io/metadata.name": objects.namespace}
    return found.get("metadata", {}).get("labels", {}) | name


def _selects(selector: Json | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; none at all matches nothing, as Kueue has it."""
    if selector is None:
        return False
    for rule in selector.get("matchExpressions", []):
        value, values = labels.get(rule["key"]), rule.get("values", [])
        holds = {"In": value in values, "NotIn": value not in values,
                 "Exists": value is not None, "DoesNotExist": value is None}  # fmt: skip
        if not holds[rule["operator"]]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def _fits(objects: Objects, name: str, need: Need, demand: Demand) -> Iterator[Finding]:
    """Whether there is ever room for the pods, and for how many such sets of them."""
    groups = objects.of("ClusterQueue")[name]["spec"].get("resourceGroups", [])
    covered = {resource for group in groups for resource in group["coveredResources"]}
    asked = need.amounts | ({"pods": Fraction(1)} if "pods" in covered else {})
    if missing := [resource for resource in asked if resource not in covered]:
        text = f"{need} never fits: the ClusterQueue {name} has no {' and no '.join(missing)}."
        yield Finding("queue", text, _remedy(need))
        return
    rooms = []
    for group in groups:
        own = {key: value for key, value in asked.items() if key in group["coveredResources"]}
        if own:
            room, reasons = _room(objects, name, group, need, own)
            rooms.append(room)
            if not room:
                text = f"{need} never fits into the ClusterQueue {name}: {'; '.join(reasons)}."
                yield Finding("queue", text, _remedy(need))
    least = min(rooms, default=0)
    if least and need == training(demand):
        yield side_by_side("queue", name, need, least, demand.at_once)


def _room(
    objects: Objects, name: str, group: Json, need: Need, asked: Mapping[str, Fraction]
) -> tuple[int, list[str]]:
    """How many sets of pods fit into the flavors of a group, and why none into the others."""
    known = {key for flavor in group["flavors"] for key in _nodes(objects, flavor["name"])}
    total, reasons = 0, []
    for flavor in group["flavors"]:
        reason = _foreign(objects, flavor["name"], need, known)
        if reason is None:
            limits = {key: limit(objects, name, flavor["name"], key) for key in asked}
            room = min(sets(limits[key], asked[key] * need.count) for key in asked)
            total += room
            short = [f"{written(key, limits[key])} of {written(key, asked[key] * need.count)}"
                     for key in asked if limits[key] < asked[key] * need.count]  # fmt: skip
            reason = f"has {', '.join(short)}" if not room else ""
        if reason:
            reasons.append(f"flavor {flavor['name']} {reason}")
    return total, reasons


def _foreign(objects: Objects, flavor: str, need: Need, known: Iterable[str]) -> str | None:
    """Why the pods may not go to the nodes of a flavor, None if they may."""
    if flavor not in objects.of("ResourceFlavor"):
        return "does not exist"
    labels, wanted = _nodes(objects, flavor), need.pool.selector
    for key in known:
        if key in wanted and labels.get(key) != wanted[key]:
            return f"is of other nodes than {key}={wanted[key]}"
    spec = objects.of("ResourceFlavor")[flavor].get("spec") or {}
    borne = [*need.pool.tolerations, *spec.get("tolerations", [])]
    for taint in spec.get("nodeTaints", []):
        if taint["effect"] in _EFFECTS and not any(_bears(item, taint) for item in borne):
            return f"has the taint {taint['key']}, which the pool does not tolerate"
    return None


def _nodes(objects: Objects, flavor: str) -> Mapping[str, str]:
    found = objects.of("ResourceFlavor").get(flavor, {})
    labels: Mapping[str, str] = (found.get("spec") or {}).get("nodeLabels", {})
    return labels


def _bears(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Whether a pod with the toleration may go to nodes with the taint."""
    return (
        toleration.get("key") in (None, "", taint["key"])
        and toleration.get("effect") in (None, "", taint["effect"])
        and (toleration.get("operator") == "Exists"
             or toleration.get("value", "") == taint.get("value", ""))
    )  # fmt: skip


def _remedy(need: Need) -> str:
    fewer = "fewer nodes, " if need.count > 1 else ""
    return f"raise nominalQuota in k8s/components/kueue/queues.yaml, or take {fewer}another pool"

"""What a queue of Kueue can have of a resource: its own share, and what its cohort lends."""

from fractions import Fraction

from pipelines.doctor.objects import Json, Objects
from pipelines.quantities import amount


def limit(objects: Objects, name: str, flavor: str, resource: str) -> Fraction:
    """What a ClusterQueue can have of a flavor's resource when nobody else needs anything.

    That is its own share, and in a cohort what all of its root's members lend, up to the
    borrowing limit. Limits of cohorts inside a cohort are not counted, so it may be too much.
    """
    queues = objects.of("ClusterQueue")
    own = _quota(queues[name]["spec"], flavor, resource)
    nominal = amount(own.get("nominalQuota", 0))
    root = _root(objects, queues[name])
    if not root:
        return nominal
    total = nominal
    for other, item in queues.items():
        if other != name and _root(objects, item) == root:
            total += _lends(_quota(item["spec"], flavor, resource))
    for cohort in objects.of("Cohort").values():
        if _root(objects, cohort) == root:
            total += _lends(_quota(cohort.get("spec") or {}, flavor, resource))
    borrowing = own.get("borrowingLimit")
    return total if borrowing is None else min(total, nominal + amount(borrowing))


def _lends(quota: Json) -> Fraction:
    nominal, most = amount(quota.get("nominalQuota", 0)), quota.get("lendingLimit")
    return nominal if most is None else min(nominal, amount(most))


def _quota(spec: Json, flavor: str, resource: str) -> Json:
    """What a ClusterQueue or Cohort says of a flavor's resource, {} for nothing."""
    for group in spec.get("resourceGroups", []):
        for entry in group["flavors"]:
            for item in entry["resources"] if entry["name"] == flavor else []:
                if item["name"] == resource:
                    found: Json = item
                    return found
    return {}


def _root(objects: Objects, item: Json) -> str:
    """The outermost cohort of a ClusterQueue or Cohort, '' for a queue that is in none."""
    spec = item.get("spec") or {}
    name = item["metadata"]["name"] if item["kind"] == "Cohort" else ""
    name = spec.get("cohortName") or spec.get("cohort") or spec.get("parentName") or name
    seen = {name}
    while (found := objects.of("Cohort").get(name)) and (
        above := (found.get("spec") or {}).get("parentName")
    ):
        if above in seen:  # Kueue stops such queues; their status says so
            break
        seen.add(above)
        name = above
    return str(name)

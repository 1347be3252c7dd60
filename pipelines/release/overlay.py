"""An overlay of `k8s/overlays` as a release needs it: its resources, and what can run there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.overlays import built
from pipelines.pools import Pool
from pipelines.schedule.file import Schedule
from xstilts.errors import UserError

Json = dict[str, Any]
IMAGE = "xstilts"  # what manifests call our image; the lock says which one it is


@dataclass(frozen=True)
class Overlay:
    """An overlay that was built; `pools` are those that it has a queue and nodes for."""

    name: str
    namespace: str
    resources: tuple[Json, ...]
    pools: Mapping[str, Pool]

    def schedules(self, known: Sequence[Schedule]) -> list[Schedule]:
        """The schedules that can run here."""
        return [schedule for schedule in known if schedule.pool.name in self.pools]


def read_overlay(folder: Path, pools: Mapping[str, Pool]) -> Overlay:
    """The overlay in a folder of `k8s/overlays`.

    Raises `UserError` if it cannot be built, or if its resources are in several namespaces.
    """
    resources = tuple(sorted(built(folder), key=_order))
    spaces = {space for one in resources if (space := one["metadata"].get("namespace"))}
    if len(spaces) != 1:
        found = ", ".join(sorted(spaces)) or "none"
        raise UserError(f"{folder}: resources must be in one namespace, not in {found}.")
    here = {name: pool for name, pool in pools.items() if _has(resources, pool)}
    return Overlay(folder.name, spaces.pop(), resources, here)


def with_image(resources: Sequence[Json], image: str) -> list[Json]:
    """The resources, with our image in all containers by this reference."""
    return [_replaced(resource, image) for resource in resources]


def _order(resource: Json) -> tuple[bool, str, str]:
    """By kind and name, whatever the order of this kubectl; the namespace before what is in it."""
    return resource["kind"] != "Namespace", resource["kind"], resource["metadata"]["name"]


def _has(resources: Sequence[Json], pool: Pool) -> bool:
    """Whether pods of a pool can start: its queue is there, and shares out what they ask for.

    Without Kueue the manifests do not say what nodes there are, so that every pool may be there.
    """
    queues = _of_kind(resources, "LocalQueue")
    if not queues or not pool.queue:
        return True
    if pool.queue not in queues:
        return False
    shared = _of_kind(resources, "ClusterQueue").get(queues[pool.queue]["spec"]["clusterQueue"])
    groups = shared["spec"]["resourceGroups"] if shared else []
    covered = {name for group in groups for name in group["coveredResources"]}
    return not pool.gpus or pool.gpu_type in covered


def _of_kind(resources: Sequence[Json], kind: str) -> dict[str, Json]:
    return {found["metadata"]["name"]: found for found in resources if found["kind"] == kind}


def _replaced(node: Any, image: str) -> Any:
    if isinstance(node, list):
        return [_replaced(item, image) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: image if key == "image" and _is_ours(value) else _replaced(value, image)
            for key, value in node.items()}  # fmt: skip


def _is_ours(value: Any) -> bool:
    """Whether a container's image is ours: by name, with whatever tag, or by an older digest."""
    return isinstance(value, str) and value.partition("@")[0].partition(":")[0] == IMAGE

"""What is in a cluster, or in an overlay that will be: objects of Kubernetes by kind and name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]
DEFAULT_NAMESPACE = "xstilts"  # that of k8s/base
# Kind -> API group and name in paths. What is in a namespace is looked for in that of the runs.
NAMESPACED = {
    "LocalQueue": ("kueue.x-k8s.io", "localqueues"),
    "ResourceQuota": ("", "resourcequotas"),
    "LimitRange": ("", "limitranges"),
    "ServiceAccount": ("", "serviceaccounts"),
    "ExternalSecret": ("external-secrets.io", "externalsecrets"),
    "TrainingRuntime": ("trainer.kubeflow.org", "trainingruntimes"),
}
CLUSTER_WIDE = {
    "Namespace": ("", "namespaces"),
    "PriorityClass": ("scheduling.k8s.io", "priorityclasses"),
    "ClusterQueue": ("kueue.x-k8s.io", "clusterqueues"),
    "ResourceFlavor": ("kueue.x-k8s.io", "resourceflavors"),
    "Cohort": ("kueue.x-k8s.io", "cohorts"),
}
SECRET = "Secret"  # asked for by name: who may read one need not be allowed to list them


@dataclass(frozen=True)
class Objects:
    """Objects by kind and name. Of a secret there are the names of its keys alone, as `keys`.

    `unread` says why nothing is known of a kind. A kind of `uninstalled` is one that the cluster
    has never heard of. `is_overlay` tells what files say from what a cluster has.
    """

    namespace: str
    found: Mapping[str, Mapping[str, Json]]
    is_overlay: bool
    unread: Mapping[str, str] = field(default_factory=dict)
    uninstalled: frozenset[str] = frozenset()

    def of(self, kind: str) -> Mapping[str, Json]:
        """The objects of a kind by name; none where they could not be read."""
        return self.found.get(kind, {})

    def why_not(self, *kinds: str) -> str:
        """Why one of these kinds is not known, '' if all are."""
        return next((self.unread[kind] for kind in kinds if kind in self.unread), "")

    @property
    def place(self) -> str:
        """What has these objects, for messages."""
        whose = f"namespace {self.namespace}"
        return f"the overlay ({whose})" if self.is_overlay else f"the {whose}"


def by_kind(resources: Iterable[Json], namespace: str) -> dict[str, dict[str, Json]]:
    """Resources of the kinds above by kind and name; those of other namespaces are left out."""
    found: dict[str, dict[str, Json]] = {}
    for resource in resources:
        kind, metadata = resource["kind"], resource["metadata"]
        if kind in NAMESPACED and metadata.get("namespace", namespace) != namespace:
            continue
        if kind in NAMESPACED or kind in CLUSTER_WIDE:
            found.setdefault(kind, {})[metadata["name"]] = resource
    return found

"""The objects that an overlay of `k8s/overlays` will put into a cluster."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pipelines.doctor.objects import DEFAULT_NAMESPACE, SECRET, Json, Objects, by_kind
from pipelines.overlays import OVERLAYS, built
from xstilts.errors import UserError
from xstilts.study.findings import Finding
from xstilts.study.page import unknown

# Of the overlays in this repository, for everybody to replace
_EXAMPLES = re.compile(r"\bmy-(?:bucket|cluster|project)\b|\b111122223333\b")
_NO_SECRETS = "an overlay has no secrets; `xstilts doctor --cluster` looks"


def read_overlay(
    name: str, namespace: str = "", folder: Path = OVERLAYS
) -> tuple[Objects, Finding]:
    """The objects of an overlay, in `namespace` (default: that of its service accounts).

    The finding says which ones; names of the example that nobody replaced make it a problem.
    Raises `UserError` if there is no such overlay, no kubectl, or kustomize cannot build it.
    """
    known = sorted(path.parent.name for path in folder.glob("*/kustomization.yaml"))
    if name not in known:
        raise UserError(unknown("overlay", name, known))
    resources = built(folder / name)
    namespace = namespace or _namespace(resources)
    found = by_kind(resources, namespace)
    objects = Objects(namespace, found, is_overlay=True, unread={SECRET: _NO_SECRETS})
    title = f"{name}, namespace {namespace}"
    if left := sorted(set(_EXAMPLES.findall(json.dumps(resources)))):
        remedy = f"put your own names into k8s/overlays/{name}"
        return objects, Finding("overlay", f"{title}, says {' and '.join(left)}.", remedy)
    return objects, Finding("overlay", title)


def _namespace(resources: Sequence[Json]) -> str:
    """That of the service accounts, which is where runs are."""
    found = [item["metadata"].get("namespace") for item in resources
             if item["kind"] == "ServiceAccount"]  # fmt: skip
    return next(filter(None, found), DEFAULT_NAMESPACE)

"""Custom resources against the schemas that their projects publish, as the API server would."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml


@cache
def schema(crds: Path, kind: str) -> dict[str, Any]:
    """The schema of the newest version of a kind, in strict form: unknown fields are wrong."""
    for path in sorted(crds.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if f"kind: {kind}\n" in text[:4000]:
            found = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            version = found["spec"]["versions"][-1]
            return _strict(version["schema"]["openAPIV3Schema"])
    raise AssertionError(f"{crds} has no schema of {kind}")


def problems(crds: Path, resource: dict[str, Any]) -> list[str]:
    """What is wrong with a custom resource, each with its place."""
    checker = jsonschema.Draft202012Validator(schema(crds, resource["kind"]))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(resource)]


def _strict(node: Any) -> Any:
    """Kubernetes' dialect as JSON Schema."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    new = {name: _strict(value) for name, value in node.items() if not name.startswith("x-")}
    if node.get("x-kubernetes-int-or-string"):
        new["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        new.pop("type", None)
    has_fields = isinstance(node.get("properties"), dict) and node.get("type") == "object"
    if has_fields and "additionalProperties" not in node:
        new["additionalProperties"] = bool(node.get("x-kubernetes-preserve-unknown-fields"))
    return new

"""What `kubectl kustomize` makes of the overlays in k8s/, and the pods in it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

Json = dict[str, Any]
K8S = Path(__file__).parents[1] / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())


@cache
def built(overlay: str) -> str:
    """The YAML of an overlay; skips a test where there is no kubectl, but not in CI."""
    if shutil.which("kubectl") is None:
        message = "kubectl is not installed: overlays cannot be built"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    done = subprocess.run(
        ["kubectl", "kustomize", str(K8S / "overlays" / overlay)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # a warning, such as of a field that is going away
    return done.stdout


@cache
def resources(overlay: str) -> list[Json]:
    """The resources of an overlay; they are shared: change none of them."""
    return list(yaml.load_all(built(overlay), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def of_kind(overlay: str, kind: str) -> dict[str, Json]:
    """The resources of a kind by name."""
    return {
        found["metadata"]["name"]: found for found in resources(overlay) if found["kind"] == kind
    }


def pods(overlay: str) -> Iterator[tuple[str, Json]]:
    """The pod templates of an overlay (`metadata` and `spec`), each with where it is."""
    for resource in resources(overlay):
        name = f"{resource['kind']} {resource['metadata']['name']}"
        if resource["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
            yield name, resource["spec"]["template"]
        elif resource["kind"] == "TrainingRuntime":
            for job in resource["spec"]["template"]["spec"]["replicatedJobs"]:
                yield f"{name}, {job['name']}", job["template"]["spec"]["template"]
        else:
            assert "containers" not in str(resource.get("spec", "")), f"{name} has pods: read them"


def containers(pod: Json) -> list[Json]:
    """The containers of a pod template, those that start before it, too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]

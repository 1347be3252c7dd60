"""What a component hands to Kubeflow Pipelines: parameters, metrics, and files for its pages.

A container component gets its executor input as JSON text: for every output the place where
it has to lie. Writing the files alone is not enough: KFP's local runner forgets artifacts that
the executor output does not name, and metrics are drawn from the metadata there. Only the
standard library is used, for KFP is not in the image.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Parameter = str | list[Any] | dict[str, Any]

_MOUNTS = {"gs://": "/gcs/", "minio://": "/minio/", "s3://": "/s3/"}
_OCI = "oci://"
_WORKSPACE = "/kfp-workspace/.artifacts"


def write_outputs(
    executor_input: str,
    *,
    parameters: Mapping[str, Parameter] | None = None,
    metrics: Mapping[str, Mapping[str, float]] | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Write every output that `executor_input` (JSON text) asks for, then the executor output.

    `parameters` are texts, lists or mappings; `metrics` are the numbers of each Metrics
    artifact; `files` are the texts of HTML and Markdown artifacts.

    Raises:
        ValueError: the text is no executor input, or what is given are not exactly the
            outputs that the component declares. The next task would otherwise fail later
            and less clearly.
    """
    asked = _outputs(executor_input)
    parameters, metrics, files = parameters or {}, metrics or {}, files or {}
    _compare("parameter", asked.get("parameters", {}), parameters)
    _compare("artifact", asked.get("artifacts", {}), [*metrics, *files])
    for name, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        _write(asked["parameters"][name]["outputFile"], text)
    found = {}
    for name, slot in asked.get("artifacts", {}).items():
        artifact = slot["artifacts"][0]
        numbers = _numbers(metrics.get(name, {}))
        _write(local_path(artifact), files[name] if name in files else json.dumps(numbers))
        metadata = artifact.get("metadata", {}) | numbers
        own = {"name": artifact.get("name", name), "uri": artifact["uri"], "metadata": metadata}
        found[name] = {"artifacts": [own]}
    _write(asked["outputFile"], json.dumps({"artifacts": found}, ensure_ascii=False))


def local_path(artifact: Mapping[str, Any]) -> str:
    """Where an artifact lies in the container, as `kfp.dsl.Artifact.path` says.

    `artifact` has a `uri` and may have `metadata`, as in the executor input.
    """
    path = uri = str(artifact["uri"])
    for scheme, mount in _MOUNTS.items():
        if uri.startswith(scheme):
            path = mount + uri.removeprefix(scheme)
    if uri.startswith(_OCI):
        path = "/oci/" + uri.removeprefix(_OCI).replace("/", "_")
    if artifact.get("metadata", {}).get("_kfp_workspace") is True:
        path = f"{_WORKSPACE}/{path.lstrip('/')}"
    return path


def _outputs(executor_input: str) -> dict[str, Any]:
    try:
        outputs = json.loads(executor_input)["outputs"]
        outputs["outputFile"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"no executor input of KFP: {executor_input[:200]!r}") from error
    return dict(outputs)


def _compare(kind: str, asked: Iterable[str], given: Iterable[str]) -> None:
    missing, unknown = sorted(set(asked) - set(given)), sorted(set(given) - set(asked))
    problems = [f"nothing was written to the output {kind} {name!r}" for name in missing]
    problems += [f"the component has no output {kind} {name!r}" for name in unknown]
    if problems:
        raise ValueError("; ".join(problems))


def _numbers(values: Mapping[str, float]) -> dict[str, float | str]:
    """Numbers as they are; JSON has no word for those that are not finite."""
    return {name: v if math.isfinite(v) else str(v) for name, v in values.items()}


def _write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)  # KFP makes no folders
    Path(path).write_text(text, encoding="utf-8")

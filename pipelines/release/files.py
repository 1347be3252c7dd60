"""The files of a release: YAML that is the same on every machine, and `release.json`."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipelines.compile import ROOT
from pipelines.release.overlay import Json, Overlay, with_image
from pipelines.schedule.file import Schedule
from xstilts.files import replaced_folder

MARK = "release.json"  # by which a folder is known to be a release
OVERLAY = "overlay.yaml"
_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"
# Kubeflow refuses a version whose pipeline is not there yet. A pipeline that is made anew has
# another id, which no schedule knows: only a person may have it removed.
_ANNOTATIONS = {
    "Pipeline": {_WAVE: "1", _OPTIONS: "Prune=confirm,Delete=confirm"},
    "PipelineVersion": {_WAVE: "2"},
}


def write_release(
    output: Path,
    revision: str,
    images: Mapping[str, str],
    overlays: Sequence[Overlay],
    schedules: Sequence[Schedule],
    compiled: Mapping[str, Mapping[str, str]],
) -> None:
    """Write a release; `compiled` has the resources of each overlay's pipelines, as YAML."""
    with replaced_folder(output) as folder:
        record: dict[str, Any] = {"revision": revision, "images": images, "overlays": {}}
        for overlay in overlays:
            pipelines = {name: _annotated(text) for name, text in compiled[overlay.name].items()}
            _write(
                folder / overlay.name / OVERLAY,
                with_image(overlay.resources, _own(overlay, images)),
            )
            for name, resources in pipelines.items():
                _write(folder / overlay.name / f"{name}.yaml", resources)
            record["overlays"][overlay.name] = {
                "namespace": overlay.namespace,
                "pipelines": [found["metadata"]["name"] for resources in pipelines.values()
                              for found in resources if found["kind"] == "PipelineVersion"],
                "schedules": [Path(found.file).relative_to(ROOT).as_posix()
                              for found in overlay.schedules(schedules)],
            }  # fmt: skip
        record["files"] = dict(_digests(folder))
        text = json.dumps(record, indent=2, sort_keys=True) + "\n"
        (folder / MARK).write_text(text, encoding="utf-8", newline="\n")


def _own(overlay: Overlay, images: Mapping[str, str]) -> str:
    """The image of manifests, of which the training runtime has one: for GPUs if there are any."""
    devices = {pool.device for pool in overlay.pools.values()}
    return images["cuda" if "cuda" in devices & set(images) else "cpu"]


def _annotated(text: str) -> list[Json]:
    """A pipeline's resources, with what Argo CD has to know of them."""
    found: list[Json] = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    for resource in found:
        resource["metadata"]["annotations"] = dict(_ANNOTATIONS[resource["kind"]])
    return found


def _write(path: Path, resources: Sequence[Json]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)  # whatever the umask
    text = yaml.dump_all(resources, Dumper=_Dumper, sort_keys=True, allow_unicode=True,
                         width=10**6, explicit_start=True)  # fmt: skip
    path.write_text(text, encoding="utf-8", newline="\n")


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.yaml")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield path.relative_to(folder).as_posix(), f"sha256:{digest}"


class _Dumper(yaml.SafeDumper):
    """YAML for people who read the difference of two releases."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)

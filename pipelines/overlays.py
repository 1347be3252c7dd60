"""What `kubectl kustomize` makes of the overlays in `k8s/overlays`."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from pipelines.compile import ROOT
from xstilts.errors import UserError

OVERLAYS = ROOT / "k8s" / "overlays"


def built(folder: Path) -> list[dict[str, Any]]:
    """The resources of an overlay, in kubectl's order.

    Raises `UserError` if there is no kubectl, or if it cannot build the overlay.
    """
    if shutil.which("kubectl") is None:
        raise UserError(
            "kubectl is not installed, which builds the overlays: install version 1.31 or newer."
        )
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise UserError(f"kubectl kustomize {folder} fails: {said}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [found for found in yaml.load_all(done.stdout, loader) if found]

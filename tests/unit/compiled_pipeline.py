"""The pipeline as tests compile it, with images that exist nowhere."""

from functools import cache

from pipelines.compile import Build, compile_ir
from pipelines.pools import ordered, read_pools

IMAGES = {
    flavour: f"registry.example/xstilts@sha256:{digit * 64}"
    for flavour, digit in (("cpu", "0"), ("cuda", "1"))
}
DEVICES = ("cuda", "cpu")
TRAINING = {"intermediate", "finetune", "evaluate"}
PHASES = {"prepare", "backbone", "shortcuts", "publish", *TRAINING}


@cache
def compiled(device, **changes):
    """Specification and Kubernetes part. They are shared: change only a copy of them."""
    return compile_ir(Build(IMAGES, ordered(read_pools(), device=device), **changes))


def tasks(device):
    """Component -> (its task, its container, its Kubernetes settings); `evaluate` has two."""
    specification, platform = compiled(device)
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    found = {}
    for graph in [specification["root"], *specification["components"].values()]:
        for task in graph.get("dag", {}).get("tasks", {}).values():
            name = task["componentRef"]["name"].removeprefix("comp-")
            if f"exec-{name}" in settings:
                container = specification["deploymentSpec"]["executors"][f"exec-{name}"]
                found[name] = (task, container["container"], settings[f"exec-{name}"])
    return found


def phase(name):
    """The component that a task's name is made from: `evaluate` of `evaluate-2`."""
    return name.rstrip("-0123456789")

"""The node pools of `k8s/pools.yaml`: what a pod that trains gets, and on which nodes."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from pipelines.pool_problems import DEVICES, check
from xstilts.errors import UserError, raise_if_any
from xstilts.study.page import read_page, unknown

POOLS = Path(__file__).parents[1] / "k8s" / "pools.yaml"


@dataclass(frozen=True)
class Pool:
    """What a pod gets, as Kubernetes quantities; `hours` end it.

    `shm` is memory: it counts against `memory`, the limit. Kubernetes gives 64 MiB, on which
    processes of one training that share tensors die. `scratch` is space on the node's disk.
    `selector` are labels of the nodes. `queue` is a LocalQueue of Kueue, '' for none.
    """

    name: str
    device: str  # also the flavour of the image
    cpu: str
    memory: str
    shm: str
    scratch: str
    hours: int
    memory_request: str = ""  # as much as `memory` if it is not given
    gpus: int = 0
    gpu_type: str = ""
    queue: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory_request", self.memory_request or self.memory)

    def record(self) -> dict[str, Any]:
        """The pool as the plan reads it. All numbers are texts: KFP makes others of them."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        found |= {"gpus": str(self.gpus), "hours": str(self.hours)}
        found["node_selector"] = dict(found.pop("selector"))
        return found | {"tolerations": [dict(item) for item in self.tolerations]}


def read_pools(path: Path = POOLS) -> dict[str, Pool]:
    """The pools of a file by name, in its order.

    Raises `UserError` with everything that is wrong in the file, each with its line.
    """
    page = read_page(path)
    known = {item.name: item.default is MISSING and item.default_factory is MISSING
             for item in fields(Pool)}  # fmt: skip
    if not isinstance(page.value, list) or not page.value:
        raise UserError(f"{path}: must be a list of pools, each with a name.")
    for position in range(len(page.value)):
        check(page, position, known)
    raise_if_any(page.problems)
    return {entry["name"]: _pool(entry) for entry in page.value}


def ordered(pools: Mapping[str, Pool], name: str = "", device: str = "") -> tuple[Pool, ...]:
    """All pools, and first the one that is asked for: a pipeline is compiled for the first.

    That is the pool of this name, else the first of the device, else the first for GPUs. Raises
    `UserError` for a name that is unknown, a pool of another device, or none for the device.
    """
    if name and name not in pools:
        raise UserError(unknown("pool", name, pools))
    if name and device and pools[name].device != device:
        raise UserError(
            f"the pool {name} is for the device {pools[name].device}, not {device}: "
            f"{_others(pools, device)}."
        )
    wanted = pools[name].device if name else device or DEVICES[0]
    found = next((pool for pool in pools.values()
                  if pool.device == wanted and name in ("", pool.name)), None)  # fmt: skip
    if found is None:
        raise UserError(f"there is no pool for the device {wanted}: {_others(pools, wanted)}.")
    return (found, *(pool for pool in pools.values() if pool is not found))


def _others(pools: Mapping[str, Pool], device: str) -> str:
    names = [pool.name for pool in pools.values() if pool.device == device]
    return f"use {' or '.join(names)}" if names else f"add one with device: {device}"


def _pool(entry: Mapping[str, Any]) -> Pool:
    values = dict(entry) | {"cpu": str(entry["cpu"])}
    return Pool(**values | {"tolerations": tuple(entry.get("tolerations", ()))})

"""The node pool of a run: what the pipeline was compiled with, and what the run changes of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from components.plan.placement import read_json
from xstilts.study.page import unknown

Pool = Mapping[str, Any]
_FIXED = ("shm", "scratch", "hours", "queue")  # KFP takes these from the compiled pipeline only


@dataclass(frozen=True)
class Chosen:
    """What training pods get, as texts; the last two are JSON. An empty one is not known."""

    gpus: str = ""
    gpu_type: str = ""
    cpu: str = ""
    memory: str = ""
    memory_request: str = ""
    tolerations: str = ""
    node_selector: str = ""

    def outputs(self) -> dict[str, Any]:
        """The same as outputs of the plan."""
        found = {f"pod_{name}": value for name, value in asdict(self).items()}
        found["pod_tolerations"] = json.loads(self.tolerations or "[]")
        found["pod_node_selector"] = json.loads(self.node_selector or "{}")
        return found


def chosen(given: Chosen, name: str, pools: str, problems: list[str], notes: list[str]) -> Chosen:
    """What was given (empty texts, lists, mappings: not), and for the rest what a pool says.

    `pools` is a JSON list of what `name` may be; the pipeline was compiled for the first one,
    which is taken for an empty name. Mistakes go to `problems`, and to `notes` what the pods do
    not take over from the pool.
    """
    known = {entry["name"]: entry for entry in read_json("pools", pools, list, problems)}
    if name and name not in known:
        problems.append(unknown("pool", name, known) if known else f"unknown pool {name!r}.")
        return given
    if not known:
        return given
    compiled = next(iter(known.values()))
    pool = known[name] if name else compiled
    problems += _device_problems(pool, compiled, known)
    notes += _left(pool, compiled)
    texts = {
        field: value if value.strip() not in ("", "[]", "{}") else _text(pool[field])
        for field, value in asdict(given).items()
    }
    return Chosen(**texts)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _device_problems(pool: Pool, compiled: Pool, pools: Mapping[str, Pool]) -> list[str]:
    device = compiled["device"]
    if pool["device"] == device:
        return []
    fitting = [name for name, entry in pools.items() if entry["device"] == device]
    return [
        f"the pool {pool['name']} is for the device {pool['device']}, but the pipeline is compiled "
        f"for {device}: use {' or '.join(fitting)}, or the pipeline for {pool['device']}."
    ]


def _left(pool: Pool, compiled: Pool) -> list[str]:
    """What a run cannot change: it stays as in the pool that the pipeline was compiled for."""
    texts = [f"{key} {compiled[key] or 'none'}" for key in _FIXED if pool[key] != compiled[key]]
    if not texts:
        return []
    return [
        f"training pods go where the pool {pool['name']} says, but keep {', '.join(texts)} of the "
        f"pool {compiled['name']}, which the pipeline was compiled for: `xstilts submit --pool "
        f"{pool['name']}` compiles it anew."
    ]

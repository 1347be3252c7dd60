"""What Kubeflow shows of finished stages: a receipt, numbers, and for publish the report."""

import json
from collections.abc import Sequence
from typing import Any

from components.desk import Desk
from xstilts.store import lookup
from xstilts.store.lookup import Entry

Numbers = dict[str, float]
Result = tuple[str, Entry]  # phase and lock entry of a finished stage
PUBLISHED = {"report": "index.html", "scores": "scores.md"}  # pages of publish, and their files


def shown(desk: Desk, results: Sequence[Result], receipt: str) -> dict[str, Any]:
    """The arguments of `outputs.write_outputs` for a pod that finished these stages.

    Phases without numbers of their own (prepare, backbone, shortcuts) have the receipt only.
    """
    metrics: Numbers = {}
    outputs: dict[str, Any] = {"parameters": {"receipt": receipt}}
    for phase, entry in results:
        if phase in _NUMBERS:
            name, read = _NUMBERS[phase]
            metrics |= read(json.loads(_file(desk, entry, name)))
            outputs["metrics"] = {"metrics": metrics}
        if phase == "publish":
            outputs["files"] = {
                name: _file(desk, entry, file).decode() for name, file in PUBLISHED.items()
            }
    return outputs


def _file(desk: Desk, entry: Entry, name: str) -> bytes:
    """A small file of an output, read from the store: the output itself need not be here."""
    return lookup.output_file(desk.store, entry, name)


def _trained(summary: dict[str, Any]) -> Numbers:
    """Numbers of a training run; the dev score is missing where nothing is selected on."""
    names = ("dev_score", "steps", "best_step", "seconds", "tokens_per_second")
    return {name: summary[name] for name in names if summary.get(name) is not None}


def _evaluated(scores: dict[str, Any]) -> Numbers:
    """Points per language of one target, and their mean."""
    values = {code: float(found["value"]) for code, found in scores["languages"].items()}
    target = scores["target"]
    mean = {target: sum(values.values()) / len(values)}
    return mean | {f"{target} {code}": value for code, value in values.items()}


_NUMBERS = {
    "intermediate": ("training.json", _trained),
    "finetune": ("training.json", _trained),
    "evaluate": ("scores.json", _evaluated),
    "publish": ("metrics.json", dict),  # the names that `dvc metrics` shows, too
}

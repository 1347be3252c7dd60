"""Which stages of a study one pod takes, and which pods stand side by side.

The pipeline has a fixed shape, so that it does not grow with the study: one pod for each of
prepare, backbone and shortcuts, and flat loops over what is trained and evaluated.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from xstilts.study.plan import Stage

_MODELS = ("backbone", "intermediate", "finetune")  # phases that write a model


@dataclass(frozen=True)
class Trained:
    """Fine-tuning runs, each going on with the model of one before it, and the evaluations of
    their models that have to run, too."""

    finetune: tuple[str, ...]
    evaluate: tuple[str, ...]


@dataclass(frozen=True)
class Pods:
    """Names of the stages to run; every field is one pod, or a loop with a pod per item.

    `evaluate` holds evaluations of models that need no fine-tuning now, one item per model.
    """

    prepare: tuple[str, ...]
    backbone: tuple[str, ...]
    shortcuts: tuple[str, ...]
    intermediate: tuple[str, ...]
    trained: tuple[Trained, ...]
    evaluate: tuple[tuple[str, ...], ...]

    def outputs(self) -> dict[str, Any]:
        """As the plan component hands them on: stages of one pod are joined by spaces."""
        return {
            "prepare": " ".join(self.prepare),
            "backbone": " ".join(self.backbone),
            "shortcuts": " ".join(self.shortcuts),
            "intermediate": list(self.intermediate),
            "trained": [
                {"finetune": " ".join(item.finetune), "evaluate": " ".join(item.evaluate)}
                for item in self.trained
            ],
            "evaluate": [" ".join(item) for item in self.evaluate],
        }

    def count(self, phase: str) -> int:
        """How many pods a phase needs."""
        sizes = {
            "intermediate": len(self.intermediate),
            "finetune": len(self.trained),
            "evaluate": len(self.trained) + len(self.evaluate),
            "publish": 1,
        }
        return sizes[phase] if phase in sizes else int(bool(getattr(self, phase)))


def pods(plan: Iterable[Stage], known: Collection[str]) -> Pods:
    """Group the stages of `plan` (ordered) that are not `known`; publish always runs."""
    stale = [stage for stage in plan if stage.name not in known]
    models: dict[str, list[str]] = {}
    for stage in stale:
        if stage.phase == "evaluate":
            models.setdefault(_model(stage), []).append(stage.name)
    trained = [
        Trained(names, tuple(own for name in names for own in models.pop(name, ())))
        for names in _chains(stale)
    ]
    return Pods(
        prepare=_names(stale, "prepare"),
        backbone=_names(stale, "backbone"),
        shortcuts=_names(stale, "shortcuts"),
        intermediate=_names(stale, "intermediate"),
        trained=tuple(trained),
        evaluate=tuple(map(tuple, models.values())),
    )


def _chains(stages: Iterable[Stage]) -> list[tuple[str, ...]]:
    """Fine-tuning runs (ordered) that depend on each other, together."""
    chains: list[list[str]] = []
    for stage in stages:
        if stage.phase == "finetune":
            before = [chain for chain in chains if set(chain) & set(stage.deps)]
            if before:
                before[0].append(stage.name)
            else:
                chains.append([stage.name])
    return [tuple(chain) for chain in chains]


def _names(stages: Iterable[Stage], phase: str) -> tuple[str, ...]:
    return tuple(stage.name for stage in stages if stage.phase == phase)


def _model(stage: Stage) -> str:
    """The stage that writes the model which an evaluation reads."""
    return next(name for name in stage.deps if name.partition("@")[0] in _MODELS)

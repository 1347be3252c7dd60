"""The plan of a study: its stages, what each writes, and which wait for which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """One phase: where its stages write, and which fields of an entry are paths they read."""

    output: str
    inputs: tuple[str, ...] = ()


PHASES = {
    "prepare": Phase("data/{key}", ("needs",)),
    "backbone": Phase("models/backbone/{key}", ("needs",)),
    "intermediate": Phase("models/intermediate/{key}", ("init", "data")),
    "finetune": Phase("models/finetune/{key}", ("init", "data")),
    "evaluate": Phase("evaluations/{study}/{key}", ("model_dir", "data")),
    "shortcuts": Phase("evaluations/{study}/shortcuts-{key}", ("data", "train_data")),
    "publish": Phase("results/{study}"),
}


@dataclass(frozen=True)
class Stage:
    """A node of the graph; `name` is what DVC calls it, `deps` are names of other stages.

    `slots` is the number of processes that it keeps busy.
    """

    name: str
    phase: str
    key: str
    output: str
    deps: tuple[str, ...]
    slots: int = 1


def output(phase: str, key: str, params: Params) -> Path:
    """The folder that a stage writes."""
    return Path(PHASES[phase].output.format(key=key, study=params["study"]["name"]))


def stages(params: Params) -> list[Stage]:
    """All stages, each after those it depends on."""
    found: list[Stage] = []
    writers: dict[str, str] = {}
    for phase, kind in PHASES.items():
        if phase == "publish":
            break
        for key, entry in params[phase].items():
            inputs = [entry[name] for name in kind.inputs]
            path = output(phase, key, params).as_posix()
            writers[path] = f"{phase}@{key}"
            slots = entry.get("training", {}).get("processes", 1)
            deps = _known(inputs, writers)
            found.append(Stage(f"{phase}@{key}", phase, key, path, deps, slots))
    scored = [stage.name for stage in found if stage.phase in ("evaluate", "shortcuts")]
    board = output("publish", "", params).as_posix()
    return [*found, Stage("publish", "publish", "", board, tuple(scored))]


def _known(paths: Iterable[str], writers: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(writers[path] for path in paths if path in writers))


def descendants(plan: Iterable[Stage], changed: Iterable[str]) -> set[str]:
    """`changed` and every stage that depends on one of them, directly or not."""
    found = set(changed)
    for stage in plan:  # ordered: a stage stands after those it depends on
        if found & set(stage.deps):
            found.add(stage.name)
    return found


def critical_path(plan: list[Stage], seconds: Mapping[str, float]) -> dict[str, float]:
    """For each stage the time from its start to the end of the study, if nothing waits."""
    longest = {stage.name: seconds[stage.name] for stage in plan}
    for stage in reversed(plan):
        for dep in stage.deps:
            longest[dep] = max(longest[dep], seconds[dep] + longest[stage.name])
    return longest

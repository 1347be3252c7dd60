"""What the plan says: the table in the log and in the UI, and plan.json."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from components import workspace
from xstilts.publish.board.provenance import code_revision
from xstilts.study.devices import CPU, DEVICES
from xstilts.study.estimate import ON_GPU, Estimate
from xstilts.study.fanout import Pods
from xstilts.study.plan import PHASES, Stage


def states(plan: Sequence[Stage], known: Collection[str]) -> dict[str, str]:
    """Stage -> `store` or `to run`; publish always runs."""
    stored = {stage.name for stage in plan if stage.phase != "publish"} & set(known)
    return {stage.name: "store" if stage.name in stored else "to run" for stage in plan}


def plan_json(
    plan: Sequence[Stage],
    known: Collection[str],
    pods: Pods,
    estimate: Estimate,
    notes: Sequence[str],
) -> dict[str, Any]:
    """The content of the run's plan.json: the time is in UTC, the revision that of the code."""
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": code_revision(workspace.home())["revision"],
        "stages": states(plan, known),
        "pods": pods.outputs(),
        "estimate": asdict(estimate),
        "notes": list(notes),
    }


def memory_notes(estimate: Estimate) -> list[str]:
    """A note if the hungriest stage may not fit into the device."""
    device = DEVICES[estimate.device]
    if device.name == CPU or estimate.memory <= device.memory:
        return []
    return [
        f"{estimate.memory_stage} needs about {estimate.memory / 1e9:.0f} GB of GPU memory, and "
        f"one {device.name} has {device.memory / 1e9:.0f} GB: take a larger GPU, more "
        "accumulation, several processes, or adapters (lora_rank)."
    ]


def table(states_of: dict[str, str], pods: Pods, estimate: Estimate) -> str:
    """Markdown that reads well as plain text, too: one row per phase."""
    unit = "core-hours" if estimate.device == CPU else "GPU-hours"
    counts = Counter((name.partition("@")[0], state) for name, state in states_of.items())
    rows: list[tuple[str, ...]] = [
        ("phase", "in the store", "to run", "pods", f"{unit} (estimate)")
    ]
    for phase in PHASES:
        if not any(counts[phase, state] for state in ("store", "to run")):
            continue
        hours = f"{estimate.hours[phase]:.1f}" if phase in ON_GPU else ""
        numbers = (counts[phase, "store"], counts[phase, "to run"], pods.count(phase))
        rows.append((phase, *map(str, numbers), hours))
    total = Counter(states_of.values())
    all_pods = sum(pods.count(phase) for phase in PHASES)
    hours = f"{sum(estimate.hours.values()):.1f}"
    rows.append(("all", str(total["store"]), str(total["to run"]), str(all_pods), hours))
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = [f"{'-' * widths[0]}", *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = ["| " + " | ".join(_cells(row, widths)) + " |" for row in (rows[0], rule, *rows[1:])]
    return "\n".join(lines)


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]


def needs(estimate: Estimate) -> str:
    """A sentence about the memory and the disk that the largest stages need."""
    disk = f"Disk: {estimate.disk / 1e9:.1f} GB for {estimate.disk_stage}."
    if not estimate.memory or estimate.device == CPU:
        return disk
    return f"GPU memory: {estimate.memory / 1e9:.1f} GB for {estimate.memory_stage}. {disk}"


def markdown(
    title: str, states_of: dict[str, str], pods: Pods, estimate: Estimate, notes: Sequence[str]
) -> str:
    """The whole summary."""
    parts = [f"# {title}", table(states_of, pods, estimate), needs(estimate), estimate.assumptions]
    if notes:
        parts.append("\n".join(f"- note: {note}" for note in notes))
    return "\n\n".join(parts) + "\n"

"""What a stage costs in a container besides its work: a table of seconds per phase.

    python -m pipelines.local smoke --s3-url s3://BUCKET/PREFIX --keep FOLDER
    python benchmarks/container_overhead.py FOLDER

The steps inside a container come from the run's receipts in the store, a container's whole
time from `containers.json` in FOLDER. `container` is what is left of it: the engine's work,
Python's start and end, and fetching the plan. Two containers run side by side in loops.
"""

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.files import read_json
from xstilts.store import fragments
from xstilts.store.location import parse

STEPS = ("look up", "pull", "work", "push", "record")
COLUMNS = ("container", *STEPS)


def main() -> None:
    """Print the table of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what pipelines.local --keep has kept")
    kept = read_json(parser.parse_args().folder / "containers.json")
    print(table(kept["containers"], fragments.read_receipts(parse(kept["run"]))))


def table(
    containers: Sequence[Mapping[str, Any]], receipts: Mapping[str, Mapping[str, Any]]
) -> str:
    """Mean seconds per stage of each phase, as Markdown; only stages that ran."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for container in containers:
        ran = [s for s in container["stages"] if receipts.get(s, {}).get("outcome") == "ran"]
        if not ran:
            continue
        phase = sums[ran[0].partition("@")[0]]
        seconds = [receipts[stage]["seconds"] for stage in ran]
        inside = sum(steps.get(step, 0.0) for steps in seconds for step in STEPS)
        phase["stages"] += len(ran)
        phase["containers"] += 1
        phase["container"] += container["seconds"] - inside
        for step in STEPS:
            phase[step] += sum(steps.get(step, 0.0) for steps in seconds)
    head = ("phase", "stages", "containers", *COLUMNS, "besides work")
    rows = [head, ("---", *["--:"] * (len(head) - 1)), *(_row(*item) for item in sums.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(phase: str, sums: Mapping[str, float]) -> tuple[str, ...]:
    means = {column: sums[column] / sums["stages"] for column in COLUMNS}
    besides = sum(means.values()) - means["work"]
    counts = (f"{sums['stages']:.0f}", f"{sums['containers']:.0f}")
    return (phase, *counts, *(f"{means[column]:.1f}" for column in COLUMNS), f"{besides:.1f}")


if __name__ == "__main__":
    main()

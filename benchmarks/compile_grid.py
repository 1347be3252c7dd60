"""How long the pipeline takes to compile and how large it is, and what the plan hands to its loops.

    python benchmarks/compile_grid.py

The grid is the paper's: 10 recipes, 9 targets, 3 seeds of XLM-R large, with nothing finished.
The compiled pipeline does not depend on it; the plan's lists do.

Limits on a cluster, as the code of Kubeflow Pipelines 2.17 and reports of its users have them:
- the API server refuses a pipeline of more than 32 MiB (MAX_PIPELINE_SPEC_BYTES);
- the Argo workflow made from it, which holds its components as JSON, is one Kubernetes object:
  etcd refuses more than 1.5 MiB. Its status grows with the number of pods; beyond 1 MiB Argo
  compresses it, and then needs a database for it;
- the plan's lists are no part of the workflow: they go through KFP's metadata, and Argo gets
  only the number of a loop's items. A pod gets one item, on its command line, where Linux
  takes 128 KiB per argument.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.compile import main as compile_pipeline
from xstilts.study.check import read_study
from xstilts.study.fanout import pods
from xstilts.study.plan import stages
from xstilts.study.resolve import resolve

SECONDS, SIZE, ITEM = 2.0, 2**20, 128 * 2**10  # what must not be exceeded
STUDY = """\
name: paper
question: Does English intermediate-task training help zero-shot cross-lingual transfer?
benchmark: xtreme
source: hub
models: [xlm-roberta-large]
recipes:
  none: []
  mnli: [mnli]
  snli: [snli]
  qqp: [qqp]
  squad: [squad]
  hellaswag: [hellaswag]
  commonsense_qa: [commonsense_qa]
  nli: [mnli, snli]
  choice: {tasks: [hellaswag, commonsense_qa], epochs: 5, batch_size: 24}
  all:
    tasks: [mnli, snli, qqp, squad, hellaswag, commonsense_qa]
    epochs: 3
    batch_size: 24
baseline: none
targets: all
seeds: [0, 1, 2]
"""


def lists(folder: Path) -> dict[str, list]:
    """What the plan hands to the loops, by loop."""
    path = folder / "paper.yaml"
    path.write_text(STUDY, encoding="utf-8")
    plan = stages(resolve(read_study(path)))
    found = {name: value for name, value in pods(plan, ()).outputs().items() if len(value) > 0}
    return found | {"(all stages)": [stage.name for stage in plan]}


def compiled(folder: Path, device: str) -> tuple[float, int]:
    """Seconds for compiling (imports done), and bytes of the result."""
    path = folder / f"{device}.yaml"
    started = time.perf_counter()
    code = compile_pipeline(["--dev", "--device", device, "--output", str(path)])
    assert code == 0
    return time.perf_counter() - started, path.stat().st_size


def main() -> int:
    """Print the table; 1 if a limit is exceeded."""
    table = Table("what", "seconds", "bytes", "items", "longest item")
    good = True
    with tempfile.TemporaryDirectory() as name:
        for device in ("cuda", "cpu"):
            seconds, size = compiled(Path(name), device)
            good &= seconds < SECONDS and size < SIZE
            table.add_row(f"pipeline for {device}", f"{seconds:.2f}", f"{size:,}", "", "")
        for loop, value in lists(Path(name)).items():
            items = [value] if isinstance(value, str) else value
            longest = max(len(json.dumps(item)) for item in items)
            good &= longest < ITEM
            size = len(json.dumps(value))
            table.add_row(f"plan: {loop}", "", f"{size:,}", str(len(items)), f"{longest:,}")
    Console().print(table)
    print("within the limits" if good else "beyond the limits")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())

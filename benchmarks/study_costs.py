"""What the studies cost on the node pools: a table of hours, memory and money, as estimated.

    python benchmarks/study_costs.py
    python benchmarks/study_costs.py --price l4=0.80 --price a100=1.90
    python benchmarks/study_costs.py --into docs/production.md

Hours and memory are those of `xstilts.study.estimate`, as in the plan of a run, of all stages: the
store is empty. `longest` is the stage that takes most hours: what a lost node costs at most.
`store` are the weights that stay in the store, `days` those of as many pods side by side as the
queues in k8s/ let in. Prices are list prices that somebody assumed, of one GPU (or a pod without)
for an hour; give your own. The last form replaces the table in a page, between its marks.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.graph import PARALLELISM
from pipelines.pools import Pool, read_pools
from pipelines.quantities import cores
from xstilts.errors import UserError
from xstilts.files import write_text
from xstilts.study.check import find_study
from xstilts.study.devices import CPU, DEVICES, Device, device_named
from xstilts.study.estimate import ON_GPU, estimate, shape_of, stage_cost
from xstilts.study.fanout import pods
from xstilts.study.plan import Params, stages
from xstilts.study.record import Study
from xstilts.study.resolve import resolve

STUDIES = Path(__file__).parents[1] / "pipelines" / "studies"
# US dollars per hour, assumed: Amazon's in us-east-1 in November 2026 for a g6.2xlarge, the same as
# a spot instance at half the price, an eighth of a p4d.24xlarge, and an m7i.large
PRICES = {"l4": 0.98, "l4-spot": 0.49, "a100": 2.74, "cpu": 0.10}
# GPUs of each pool in the queues of k8s/components/kueue, and processors of the queue on kind
SHARE = 8
FULL = ("phang2020", "architectures", "source-language", "multilingual-reasoning",
        "syntax-semantics", "hierarchy")  # fmt: skip
SMALL = ("smoke", "mini", "phang2020-mini", "hierarchy-mini")
BEGIN, END = "<!-- study_costs.py begins -->", "<!-- study_costs.py ends -->"
HEAD = ("study", "backbone", "pool", "pods", "device-hours", "longest, h", "GPU memory, GB",
        "store, GB", "days", "$ per hour", "$")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A study of one backbone on a pool; `hours` are those of all its devices together.

    `memory` is that of a GPU, 0 where there is none.
    """

    study: str
    model: str
    pool: str
    count: int
    hours: float
    longest: float
    memory: float
    store: float
    days: float
    price: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or put it into a page; 2 for mistakes in what was given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--price", action="append", default=[], metavar="POOL=DOLLARS")
    parser.add_argument("--into", type=Path, metavar="FILE", help="replace the table in this page")
    options = parser.parse_args(arguments)
    try:
        text = table(rows(PRICES | read_prices(options.price)))
        if options.into:
            write_text(options.into, replaced(options.into.read_text(encoding="utf-8"), text))
        else:
            print(text)
    except UserError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    return 0


def read_prices(texts: Sequence[str]) -> dict[str, float]:
    """Pool -> price, of texts such as l4=0.80; raises `UserError` for any other."""
    found = {}
    for text in texts:
        name, _, price = text.partition("=")
        if name not in PRICES or not price.replace(".", "", 1).isdecimal():
            raise UserError(f"--price {text!r}: write POOL=DOLLARS, of {', '.join(PRICES)}.")
        found[name] = float(price)
    return found


def rows(prices: Mapping[str, float]) -> Iterator[Row]:
    """The large studies on the pools with GPUs, the small ones on that without."""
    pools = read_pools()
    on_gpus = [pool for name, pool in pools.items() if name in prices and pool.gpus]
    for names, chosen in ((FULL, on_gpus), (SMALL, [pools["cpu"]])):
        for name in names:
            study = find_study(name, STUDIES)
            for model in study.models:
                yield from rows_of(replace(study, models=(model,)), chosen, prices)


def rows_of(study: Study, pools: Sequence[Pool], prices: Mapping[str, float]) -> Iterator[Row]:
    """A study of one backbone on each of the pools; those that differ in price alone count once."""
    known: dict[tuple[Device, int], Row] = {}
    for pool in pools:
        key = (device_of(pool), pool.gpus)
        if key not in known:
            known[key] = row(study, pool, prices[pool.name])
        yield replace(known[key], pool=pool.name, price=prices[pool.name])


def row(study: Study, pool: Pool, price: float) -> Row:
    """A study of one backbone on one pool; a model trains on all GPUs of its pod."""
    each = max(1, pool.gpus)
    params = resolve(replace(study, training={**study.training, "processes": each}))
    plan = stages(params)
    every = pods(plan, ())
    device = device_of(pool)
    found = estimate(params, plan, every, device, pool.gpus)
    hours = sum(found.hours.values())
    at_once = min(PARALLELISM, SHARE // (pool.gpus or cores(pool.cpu)))
    seconds = max(stage_cost(params, stage, device).seconds / stage.slots for stage in plan)
    return Row(
        study=study.name,
        model=study.models[0],
        pool=pool.name,
        count=sum(every.count(phase) for phase in ON_GPU),
        hours=hours,
        longest=seconds / 3600,
        memory=found.memory / 1e9 if pool.gpus else 0.0,
        store=kept(params) / 1e9,
        days=hours / each / at_once / 24,
        price=price,
    )


def device_of(pool: Pool) -> Device:
    """What a pool computes on: the GPU that it is named after, or a core."""
    found = device_named(pool.name) if pool.gpus else DEVICES[CPU]
    assert found, f"no device is called as the pool {pool.name}"
    return found


def kept(params: Params) -> float:
    """Bytes of all models that a study leaves in the store, in 32 bits."""
    starts = [entry["init"] for phase in ("intermediate", "finetune")
              for entry in params[phase].values()]  # fmt: skip
    folders = [f"models/backbone/{key}" for key in params["backbone"]]
    return 4.0 * sum(shape_of(params, folder).parameters for folder in (*starts, *folders))


def table(found: Iterator[Row]) -> str:
    """The rows as Markdown."""
    lines = [_line(HEAD), _line(("---", "---", "---", *["--:"] * (len(HEAD) - 3)))]
    return "\n".join([*lines, *(_line(_cells(row)) for row in found)])


def replaced(page: str, text: str) -> str:
    """The page with another table between the lines that mark it."""
    before, begins, rest = page.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not (begins and ends):
        raise UserError(f"the page has no lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _cells(row: Row) -> tuple[str, ...]:
    amounts = (row.hours, row.longest, row.memory, row.store, row.days)
    return (row.study, row.model, row.pool, str(row.count), *map(_amount, amounts),
            f"{row.price:.2f}", _amount(row.hours * row.price))  # fmt: skip


def _amount(value: float) -> str:
    if value == 0:
        return "–"
    if value < 0.1:
        return "< 0.1"
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())

"""Processor seconds for the statistics of a full-size study, and of a plain loop.

    OMP_NUM_THREADS=1 python benchmarks/study_bootstrap.py [--recipes 12] [--loop 2]

The study is XTREME at full size: nine tasks with the test items of their languages, up to 40
of them, three seeds, recipes of 60 to 80 % accuracy that agree on most items. Measured are
10,000 replicates of all scores, then all differences with intervals and p-values. The peer
draws a language's items with an index array and adds up each run's, one replicate after the
other, as `scipy.stats.bootstrap` does with a statistic that is not vectorised; it does the
lowest level only. Its time is that of a few replicates, multiplied.
"""

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np

from xstilts.evaluation.metrics import value_from_sums
from xstilts.study.statistics.compare import REPLICATES, deltas, gains, resample
from xstilts.study.statistics.sample import Block, TaskSample

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Size:
    """A task's test set: items in each language, or in all of them if they are parallel."""

    metric: str
    items: tuple[int, ...]
    parallel: int = 1  # languages that share their items


XTREME = {
    "xnli": Size("accuracy", (5010,), 15),
    "pawsx": Size("accuracy", (2000,), 7),
    "udpos": Size("chunk_f1", (*(2000,) * 20, *(800,) * 10, *(100,) * 3)),
    "panx": Size("entity_f1", (*(10000,) * 22, *(1000,) * 12, *(100,) * 6)),
    "xquad": Size("squad", (1190,), 11),
    "mlqa": Size("mlqa", (11590, 5335, 4517, 5253, 4918, 5495, 5137)),
    "tydiqa": Size("squad", (440, 921, 113, 782, 565, 276, 812, 499, 669)),
    "bucc2018": Size("mining_f1", (9580, 9086, 14435, 1899)),
    "tatoeba": Size("accuracy", (1000,) * 36),
}


def simulated(size: Size, recipes: tuple[str, ...], rng: np.random.Generator) -> TaskSample:
    """A task's items: runs agree where an item is easy or hard, and toss a coin between."""
    blocks = []
    for place, items in enumerate(size.items):
        shape = (items, size.parallel, len(recipes), len(SEEDS))
        ease = rng.beta(0.5, 0.25, (items, size.parallel, 1, 1))
        right = (rng.random(shape) < ease).astype(float)
        ones = np.ones(shape)
        if size.metric in ("squad", "mlqa"):
            columns = [ones, right * 0.8 + 0.1, right]
        elif size.metric.endswith("_f1"):
            gold = ones * rng.integers(1, 4, (items, 1, 1, 1))
            columns = [ones, right * gold, gold + (rng.random(shape) < 0.1), gold]
        else:
            columns = [ones, right]
        names = tuple(f"l{place + number}" for number in range(size.parallel))
        blocks.append(Block(names, np.stack(columns, axis=-1)))
    return TaskSample(size.metric, recipes, SEEDS, tuple(blocks))


def loop(samples: dict[str, TaskSample], replicates: int) -> float:
    """Seconds of so many replicates of all scores, run by run."""
    rng = np.random.default_rng(0)
    start = time.process_time()
    for _ in range(replicates):
        for sample in samples.values():
            for block in sample.blocks:
                drawn = rng.integers(0, len(block.sums), len(block.sums))
                for language in range(len(block.languages)):
                    for run in np.ndindex(len(sample.recipes), len(SEEDS)):
                        matrix = block.sums[(slice(None), language, *run)]
                        value_from_sums(sample.metric, matrix[drawn].sum(axis=0))
    return time.process_time() - start


def main() -> None:
    """Print the processor seconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", type=int, default=12)
    parser.add_argument("--loop", type=int, default=2, help="replicates that the loop runs")
    options = parser.parse_args()
    recipes = ("none", *(f"r{number}" for number in range(1, options.recipes)))
    rng = np.random.default_rng(0)
    samples = {task: simulated(size, recipes, rng) for task, size in XTREME.items()}
    items = sum(sum(size.items) for size in XTREME.values())
    runs = len(recipes) * len(SEEDS)
    print(f"{len(samples)} tasks, {items:,} items, {runs} runs, {REPLICATES:,} replicates")
    start = time.process_time()
    resampled = resample(samples)
    drawn = time.process_time()
    for recipe in recipes[1:]:
        terms = gains(resampled, recipe, "none")
        deltas(terms, {"average": list(samples)}, resampled.levels)
    end = time.process_time()
    slow = loop(samples, options.loop) / options.loop * REPLICATES
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"items       {drawn - start:8.1f} s")
    print(f"differences {end - drawn:8.1f} s")
    print(f"plain loop  {slow:8.0f} s, {slow / (end - start):.0f} times as long")
    print(f"peak memory {peak:8.1f} GB")


if __name__ == "__main__":
    main()

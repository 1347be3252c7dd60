"""The challenger's gain on the champion, on the items, languages and seeds that both have."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from xstilts.evaluation.item_table import common_items
from xstilts.registry.comparable import common_seeds
from xstilts.registry.entrant import Entrant
from xstilts.study.statistics.compare import gains, resample
from xstilts.study.statistics.contrast import compared, mean_of
from xstilts.study.statistics.interval import Interval
from xstilts.study.statistics.sample import Items, TaskSample, task_sample

CHALLENGER, CHAMPION = "challenger", "champion"


@dataclass(frozen=True)
class TaskGain:
    """The challenger's gain on one task in points, and what it was measured on."""

    value: float
    items: int
    languages: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """`average` is the gain in the mean of the champion's averaged tasks; `tasks` has them all."""

    average: Interval
    tasks: Mapping[str, TaskGain]


def compare(challenger: Entrant, champion: Entrant) -> Comparison:
    """Compare two entrants between which no obstacle stands, by a paired bootstrap.

    Items, languages and seeds are resampled alike for both. The same entrants give the same
    numbers.
    """
    samples = {task: _sample(task, challenger, champion) for task in champion.items}
    resampled = resample({task: samples[task] for task in champion.averaged})
    terms = gains(resampled, CHALLENGER, CHAMPION)
    return Comparison(
        compared(mean_of(list(terms.values())), resampled.levels),
        {task: _gain(sample) for task, sample in samples.items()},
    )


def _sample(task: str, challenger: Entrant, champion: Entrant) -> TaskSample:
    seeds = common_seeds(task, challenger, champion)
    names = [(role, seed) for role in (CHALLENGER, CHAMPION) for seed in seeds]
    found = [entrant.items[task][seed] for entrant in (challenger, champion) for seed in seeds]
    joined = {
        language: common_items([run[language] for run in found])
        for language in champion.items[task][seeds[0]]
    }
    runs: dict[tuple[Hashable, int], Items] = {
        name: {language: tables[place] for language, tables in joined.items()}
        for place, name in enumerate(names)
    }
    return task_sample(champion.board["metrics"][task], runs)


def _gain(sample: TaskSample) -> TaskGain:
    points = sample.point()  # (languages, recipes, seeds)
    return TaskGain(
        float((points[:, 0] - points[:, 1]).mean()),
        sum(len(block.sums) * len(block.languages) for block in sample.blocks),
        len(sample.languages),
        sample.seeds,
    )

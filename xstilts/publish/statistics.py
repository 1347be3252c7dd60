"""What the statistics say of a study: its `statistics` in `scores.json`, and all differences."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from xstilts.evaluation.item_table import read_item_tables
from xstilts.publish.evaluations import ENGLISH, Cell
from xstilts.study.statistics.compare import REPLICATES, Resampled, deltas, gains, resample
from xstilts.study.statistics.contrast import Term, mean_of
from xstilts.study.statistics.difference import between_languages, difference
from xstilts.study.statistics.hierarchy import hierarchy, judges_by_group, judges_by_task
from xstilts.study.statistics.holm import holm
from xstilts.study.statistics.interval import CONFIDENCE, Interval
from xstilts.study.statistics.power import power_note, sentence
from xstilts.study.statistics.sample import Items, task_sample
from xstilts.tasks.languages import LANGUAGES

Groups = Mapping[str, Sequence[str]]
Run = tuple[str, str]  # model and recipe
Gains = Mapping[Run, Mapping[str, Term]]
Record = dict[str, Any]
AVERAGE = "average"
UNSEEN = "unseen"  # the languages that no fine-tuning saw
METHOD = (
    "Paired bootstrap over items, languages and seeds, with Student's correction for few "
    "languages and seeds. p is two-sided; p_holm is corrected by Holm's method for the family: "
    "of a model, all recipes on all tasks, on all groups, or on the average; all pairs of models; "
    "or all groups of languages."
)


@dataclass(frozen=True)
class Comparisons:
    """`deltas[model, recipe][task, group or "average"]`, and the rest as it is written."""

    deltas: Mapping[Run, Mapping[str, Record]]
    statistics: Record | None


def compare_runs(
    cells: Sequence[Cell], baseline: str, groups: Groups, controls: Collection[str]
) -> Comparisons:
    """Compare every recipe with `baseline` of its model; controls take no part.

    Without another recipe than the baseline there is nothing to compare.
    """
    own = [cell for cell in cells if cell.model not in controls]
    models = list(dict.fromkeys(cell.model for cell in own))
    recipes = list(dict.fromkeys(cell.recipe for cell in own))
    others = [recipe for recipe in recipes if recipe != baseline]
    if not others:
        return Comparisons({}, None)
    tasks = [task for members in groups.values() for task in members]
    resampled = _resampled(own, tasks)
    terms = {
        (model, recipe): gains(resampled, (model, recipe), (model, baseline))
        for model in models
        for recipe in others
    }
    found: dict[Run, dict[str, Record]] = {}
    for model in models:
        found |= _corrected(terms, model, groups, resampled)
    return Comparisons(
        found,
        {
            "method": METHOD,
            "replicates": REPLICATES,
            "models": _between_models(terms, models, others, resampled),
            "languages": _between_languages(terms, baseline, resampled),
            "hierarchy": [
                record
                for model in models
                for record in _hierarchies(resampled, model, recipes, baseline)
            ],
            "power": [_power(terms, model, own) for model in models],
        },
    )


def _resampled(cells: Sequence[Cell], tasks: Sequence[str]) -> Resampled:
    samples = {}
    for task in tasks:
        own = [cell for cell in cells if cell.target == task]
        runs: dict[tuple[Hashable, int], Items] = {
            ((cell.model, cell.recipe), cell.seed): read_item_tables(cell.items, cell.metric)
            for cell in own
        }
        samples[task] = task_sample(own[0].metric, runs)
    return resample(samples)


def _corrected(
    terms: Gains, model: str, groups: Groups, resampled: Resampled
) -> dict[Run, dict[str, Record]]:
    """One model's differences, with Holm's correction in each of their three families."""
    tasks = list(resampled.tasks)
    means = {**groups, AVERAGE: tasks}
    found = {
        run: deltas(own, means, resampled.levels) for run, own in terms.items() if run[0] == model
    }
    records: dict[Run, dict[str, Record]] = {run: {} for run in found}
    for family in (tasks, list(groups), [AVERAGE]):
        members = {(run, name): found[run][name] for run in found for name in family}
        for (run, name), record in _plain(members).items():
            records[run][name] = record
    return records


def _between_models(
    terms: Gains, models: Sequence[str], recipes: Sequence[str], resampled: Resampled
) -> list[Record]:
    found = {
        (recipe, one, other): difference(
            list(terms[one, recipe].values()),
            list(terms[other, recipe].values()),
            resampled.levels,
        )
        for recipe in recipes
        for one, other in combinations(models, 2)
    }
    return [
        {"recipe": recipe, "model": one, "other": other, "of": AVERAGE} | record
        for (recipe, one, other), record in _plain(found).items()
    ]


def _between_languages(terms: Gains, baseline: str, resampled: Resampled) -> list[Record]:
    """Every family against all other languages, and the unseen ones against English."""
    languages = {name for scores in resampled.tasks.values() for name in scores.languages}
    groups = {
        family: {name for name in languages if LANGUAGES[name].family == family}
        for family in sorted({LANGUAGES[name].family for name in languages})
    }
    groups[UNSEEN] = languages - {ENGLISH}
    found = {}
    for model, recipe in terms:
        for group, members in groups.items():
            own = between_languages(resampled, (model, recipe), (model, baseline), members)
            if own is not None:
                found[model, recipe, group] = own
    return [
        {"model": model, "recipe": recipe, "group": group, "of": AVERAGE} | record
        for (model, recipe, group), record in _plain(found).items()
    ]


def _hierarchies(
    resampled: Resampled, model: str, recipes: Sequence[str], baseline: str
) -> list[Record]:
    """The ranking of the recipes by task, by language family and by language."""
    spoken = {task: scores.languages for task, scores in resampled.tasks.items()}
    judges = {
        "task": judges_by_task(spoken),
        "family": judges_by_group(spoken, {code: own.family for code, own in LANGUAGES.items()}),
        "language": judges_by_group(spoken, {code: code for code in LANGUAGES}),
    }
    runs = [(model, recipe) for recipe in recipes]
    records = []
    for by, own in judges.items():
        if len(own) > 1:
            found = hierarchy(resampled, runs, (model, baseline), own)
            ranks = {recipe: asdict(found.ranks[model, recipe]) for recipe in recipes}
            record = asdict(found) | {"judges": list(found.judges), "ranks": ranks}
            records.append({"model": model, "by": by} | record)
    return records


def _power(terms: Gains, model: str, cells: Sequence[Cell]) -> Record:
    own = [mean_of(list(gain.values())) for run, gain in terms.items() if run[0] == model]
    note = power_note(own, len({cell.seed for cell in cells}))
    return {"model": model} | asdict(note) | {"sentence": sentence(note)}


def _plain(family: Mapping[Any, Interval]) -> dict[Any, Record]:
    """A family of comparisons as records, with Holm's correction."""
    corrected = holm({key: own.p for key, own in family.items()})
    return {
        key: asdict(own)
        | {"levels": list(own.levels), "confidence": CONFIDENCE, "direction": own.direction}
        | {"p_holm": corrected[key]}
        for key, own in family.items()
    }

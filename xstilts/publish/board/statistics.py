"""What the statistics say of a study: its `statistics` in `scores.json`, and all differences."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from xstilts.evaluation.item_table import read_item_tables
from xstilts.publish.board.best import best_records
from xstilts.publish.board.comparisons import comparison_records
from xstilts.publish.board.evaluations import ENGLISH, Cell
from xstilts.publish.board.family import Record, corrected
from xstilts.publish.board.similarity import similarity_records
from xstilts.publish.board.total import study_groups, total_of
from xstilts.publish.board.whole import compared_part, left_out
from xstilts.study.statistics.compare import REPLICATES, Resampled, deltas, gains, resample
from xstilts.study.statistics.contrast import Term, mean_of
from xstilts.study.statistics.difference import between_languages, difference
from xstilts.study.statistics.hierarchy import hierarchy, judges_by_group, judges_by_task
from xstilts.study.statistics.power import power_note, sentence
from xstilts.study.statistics.sample import Items, task_sample
from xstilts.tasks.languages import LANGUAGES

Groups = Mapping[str, Sequence[str]]
Run = tuple[str, str]  # model and recipe
Gains = Mapping[Run, Mapping[str, Term]]
Study = Mapping[str, Any]  # `study` of params.yaml
AVERAGE = "average"
UNSEEN = "unseen"  # the languages that no training saw
METHOD = (
    "Paired bootstrap over items, languages and seeds, with Student's correction for few "
    "languages and seeds. p is two-sided; p_holm is corrected by Holm's method for the family: "
    "of a model, all recipes on all tasks in the average, on all tasks beyond it, on all groups, "
    "or on the average; all pairs of models; all groups of languages; of the declared "
    "comparisons all on the average, on its tasks, or on tasks beyond it; and of all models the "
    "best recipes, the correlations with similarity, or the gains within a family."
)


@dataclass(frozen=True)
class Comparisons:
    """`deltas[model, recipe][task, group or "average"]`, and the rest as it is written."""

    deltas: Mapping[Run, Mapping[str, Record]]
    statistics: Record | None


def compare_runs(
    study: Study, cells: Sequence[Cell], missing: Sequence[Record] = ()
) -> Comparisons:
    """Compare every recipe with the study's baseline of its model; controls take no part.

    Of a study that lacks cells (`missing`) the part is compared that is whole (see
    `compared_part`), and `left_out` names the runs that are not.

    Targets that are in no average have differences alone, and are resampled apart: draws are
    shared by all that is resampled together, so that nothing else depends on them. Without
    another recipe than the baseline there is nothing to compare.
    """
    whole, study = study, compared_part(study, missing)
    own = [c for c in cells if c.model in study["models"] and c.recipe in study["recipes"]]
    others = [recipe for recipe in study["recipes"] if recipe != study["baseline"]]
    if not others or not own:
        return Comparisons({}, None)
    tasks = total_of(study)["tasks"]
    resampled = _resampled(own, tasks)
    terms = _gains(resampled, study)
    found = _corrected(terms, resampled, study_groups(study), {AVERAGE: tasks})
    apart = _resampled(own, [task for task in study["targets"] if task not in tasks])
    terms_apart = _gains(apart, study)
    beyond = _corrected(terms_apart, apart)
    return Comparisons(
        {run: found[run] | beyond[run] for run in found},
        {
            "method": METHOD,
            "replicates": REPLICATES,
            "models": _between_models(terms, study["models"], others, resampled),
            "comparisons": [
                *comparison_records(study, terms, resampled, {AVERAGE: tasks}),
                *_by_task(study, terms, resampled),
                *_by_task(study, terms_apart, apart),
            ],
            "best": best_records(study, own, resampled),
            "languages": _between_languages(terms, study, resampled),
            "similarity": similarity_records(
                study,
                resampled,
                {one: seen_languages(study, (one, study["baseline"])) for one in others},
            ),
            "hierarchy": [
                record
                for model in study["models"]
                for record in _hierarchies(resampled, model, study)
            ],
            "power": [_power(terms, model, own) for model in study["models"]],
            "left_out": left_out(whole, study),
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


def _gains(resampled: Resampled, study: Study) -> Gains:
    """Every other recipe's differences to the baseline of its model."""
    baseline = study["baseline"]
    return {
        (model, recipe): gains(resampled, (model, recipe), (model, baseline))
        for model in study["models"]
        for recipe in study["recipes"]
        if recipe != baseline
    }


def _corrected(terms: Gains, resampled: Resampled, *means: Groups) -> dict[Run, dict[str, Record]]:
    """Differences on tasks and means over them, with Holm's correction.

    Of a model its tasks are a family, and so is each of `means`.
    """
    named = {name: tasks for group in means for name, tasks in group.items()}
    found = {run: deltas(own, named, resampled.levels) for run, own in terms.items()}
    records: dict[Run, dict[str, Record]] = {run: {} for run in found}
    for model in dict.fromkeys(run[0] for run in found):
        runs = [run for run in found if run[0] == model]
        for family in (resampled.tasks, *means):
            members = {(run, name): found[run][name] for run in runs for name in family}
            for (run, name), record in corrected(members).items():
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
        for (recipe, one, other), record in corrected(found).items()
    ]


def _by_task(study: Study, terms: Gains, resampled: Resampled) -> list[Record]:
    """The declared comparisons on every single task, where a study has several."""
    if len(study["targets"]) == 1:
        return []
    return comparison_records(study, terms, resampled, {task: [task] for task in resampled.tasks})


def _between_languages(terms: Gains, study: Study, resampled: Resampled) -> list[Record]:
    """Every family against all other languages, and the unseen ones against the seen."""
    languages = {name for scores in resampled.tasks.values() for name in scores.languages}
    families = {
        family: {name for name in languages if LANGUAGES[name].family == family}
        for family in sorted({LANGUAGES[name].family for name in languages})
    }
    baseline, found = study["baseline"], {}
    seen = {
        recipe: [code for code in seen_languages(study, (recipe, baseline)) if code in languages]
        for _, recipe in terms
    }
    for model, recipe in terms:
        groups = families | {UNSEEN: languages.difference(seen[recipe])}
        for group, members in groups.items():
            own = between_languages(resampled, (model, recipe), (model, baseline), members)
            if own is not None:
                found[model, recipe, group] = own
    return [
        {"model": model, "recipe": recipe, "group": group, "of": AVERAGE, "seen": seen[recipe]}
        | record
        for (model, recipe, group), record in corrected(found).items()
    ]


def seen_languages(study: Study, recipes: Iterable[str]) -> list[str]:
    """Languages in which models of these recipes were trained on tasks; fine-tuned in English."""
    spoken = study.get("languages", {})
    return list(
        dict.fromkeys([ENGLISH, *(code for name in recipes for code in spoken.get(name, ()))])
    )


def _hierarchies(resampled: Resampled, model: str, study: Study) -> list[Record]:
    """The ranking of the recipes by task, by language family and by language."""
    spoken = {task: scores.languages for task, scores in resampled.tasks.items()}
    judges = {
        "task": judges_by_task(spoken),
        "family": judges_by_group(spoken, {code: own.family for code, own in LANGUAGES.items()}),
        "language": judges_by_group(spoken, {code: code for code in LANGUAGES}),
    }
    recipes, baseline = list(study["recipes"]), (model, study["baseline"])
    runs = [(model, recipe) for recipe in recipes]
    records = []
    for by, own in judges.items():
        if len(own) > 1:
            found = hierarchy(resampled, runs, baseline, own)
            ranks = {recipe: asdict(found.ranks[model, recipe]) for recipe in recipes}
            record = asdict(found) | {"judges": list(found.judges), "ranks": ranks}
            records.append({"model": model, "by": by} | record)
    return records


def _power(terms: Gains, model: str, cells: Sequence[Cell]) -> Record:
    own = [mean_of(list(gain.values())) for run, gain in terms.items() if run[0] == model]
    note = power_note(own, len({cell.seed for cell in cells}))
    return {"model": model} | asdict(note) | {"sentence": sentence(note)}

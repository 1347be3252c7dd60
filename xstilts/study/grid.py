"""What a study's grid means: its runs, and its tasks, languages and settings in each of them."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from xstilts.data.lock import locked_revision
from xstilts.study.record import Study
from xstilts.tasks.record import Source, Task
from xstilts.tasks.table import TASKS, task_in

TEXT_FORMAT = "mlm"  # trained on beside other tasks, in all languages; never scored
EMBEDDED = ("retrieval", "mining")  # formats scored by the distance of vectors, never trained
SOURCE_LANGUAGE = "en"  # of all training and selection: the transfer is zero-shot

Settings = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A backbone with what happened to it before fine-tuning, and a seed."""

    model: str
    recipe: str
    seed: int
    pretrained: str  # folder of the model that fine-tuning starts from


def runs(study: Study) -> Iterator[Run]:
    for model in study.models:
        for recipe, body in study.recipes.items():
            for seed in study.seeds:
                folder = f"intermediate/{model}-{recipe}-{seed}"
                pretrained = folder if body.tasks else f"backbone/{model}"
                yield Run(model, recipe, seed, f"models/{pretrained}")
    plain = plain_recipe(study)
    for model in controls(study):
        for seed in study.seeds:
            yield Run(model, plain, seed, f"models/backbone/{model}")


def controls(study: Study) -> dict[str, str]:
    """Control model -> the model whose control it is."""
    return {f"{model}-{control}": model for model in study.models for control in study.controls}


def plain_recipe(study: Study) -> str:
    """The name of the recipe without intermediate tasks, which controls follow."""
    return next((name for name, body in study.recipes.items() if not body.tasks), "none")


def data_name(study: Study, recipe: str) -> str:
    """The data set of a recipe: its task's, or one of its own for mixtures and other languages."""
    body = study.recipes[recipe]
    english = body.languages == (SOURCE_LANGUAGE,)
    return body.tasks[0] if len(body.tasks) == 1 and english else recipe


def study_task(study: Study, name: str, spoken: tuple[str, ...] | None = None) -> Task:
    """The task's record with the study's source, at the commit of the lock.

    Its languages are `spoken`, or else those that the study wants.
    """
    task, choice = task_in(name, study.benchmark), study.choice(name)
    changes: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in choice.source.items()
    }
    source, *also = (replace(task.source, **changes), *task.also)
    if study.source == "hub":
        source, *also = (
            replace(own, revision=locked_revision(own, study.commits)) for own in (source, *also)
        )
    wanted = spoken or languages(study, name)
    elsewhere = {lang: _locked(study, source, lang) for lang in wanted if lang in source.elsewhere}
    source = replace(source, elsewhere=elsewhere)
    return replace(task, languages=wanted, source=source, also=tuple(also))


def _locked(study: Study, source: Source, lang: str) -> dict[str, Any]:
    """The fields of a language's own source, with the commit of the lock where it has one."""
    revision = locked_revision(source.of(lang), study.commits)
    return source.elsewhere[lang] | ({"revision": revision} if revision else {})


def languages(study: Study, name: str) -> tuple[str, ...]:
    """The task's languages that the study wants and, for the world, the world speaks."""
    wanted = study.choice(name).languages or study.languages
    spoken = world_languages() if study.source == "world" else None
    return tuple(
        lang
        for lang in task_in(name, study.benchmark).languages
        if (wanted is None or lang in wanted) and (spoken is None or lang in spoken)
    )


def world_languages() -> tuple[str, ...]:
    """The languages of the embedded world."""
    from xstilts.world.grammar import LANGUAGES

    return tuple(LANGUAGES)


def trained_tasks(study: Study) -> dict[str, list[str]]:
    """Each task that models are fine-tuned on, with the targets that its models serve.

    A task stands after the one whose model it goes on with. One that serves no target by
    itself has the settings of its other targets, or its own.
    """
    found: dict[str, list[str]] = {}
    for target in study.targets:
        for task in tuned_on(study, target):
            found.setdefault(task, [])
        if TASKS[target].format not in EMBEDDED:
            found[study.trained_task(target)].append(target)
    return found


def tuned_on(study: Study, target: str) -> tuple[str, ...]:
    """The tasks that the model of a target is fine-tuned on, one after the other."""
    last = task_in(target, study.benchmark).embedded_by
    if TASKS[target].format not in EMBEDDED:
        last = study.trained_task(target)
    if last is None:
        return ()
    before = task_in(last, study.benchmark).after
    return (before, last) if before else (last,)


def used_tasks(study: Study) -> list[str]:
    """Every task of a study: of a recipe, fine-tuned on, or a target."""
    intermediate = [task for body in study.recipes.values() for task in body.tasks]
    return list(dict.fromkeys([*intermediate, *trained_tasks(study), *study.targets]))


def serving_tasks(study: Study) -> dict[str, list[str]]:
    """Tasks that are fine-tuned on for other targets alone, with these: the settings are theirs."""
    tuned = set(study.targets) | {t for body in study.recipes.values() for t in body.tasks}
    trained = trained_tasks(study)
    return {task: served for task, served in trained.items() if served and task not in tuned}


def settings(study: Study, task: str, phase: str, **last: Any) -> Settings:
    """The settings of one task in one phase; each source overrides the one before."""
    record = TASKS[task]
    hparams = record.hparams_xtreme if study.hparams == "xtreme" else None
    phase_wide: Settings = getattr(study, phase)
    own = study.choice(task).settings
    return {**asdict(hparams or record.hparams), **study.training, **phase_wide, **own, **last}


def selecting(tasks: Iterable[str]) -> list[str]:
    """Those of a recipe's tasks on whose dev rows it selects: masked words only go along."""
    return [task for task in tasks if TASKS[task].format != TEXT_FORMAT]


def recipe_settings(study: Study, recipe: str) -> dict[str, Settings]:
    """The settings of each task of a recipe's intermediate run.

    One run has one learning rate and one length: those of the tasks that it selects on.
    """
    body = study.recipes[recipe]
    return {task: settings(study, task, "intermediate", **body.settings) for task in body.tasks}


def finetune_settings(study: Study, task: str) -> dict[str, Settings]:
    """The settings of a fine-tuning run on `task`, as each target that it serves wants them."""
    served = trained_tasks(study)[task] or [task]
    return {target: settings(study, target, "finetune") for target in served}


def disagreements(wanted: dict[str, Settings], besides: Iterable[str] = ()) -> list[str]:
    """Names of the settings in which those who share one run differ."""
    names = dict.fromkeys(name for own in wanted.values() for name in own)
    return [
        name
        for name in names
        if name not in besides and len({own.get(name) for own in wanted.values()}) > 1
    ]

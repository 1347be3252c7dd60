"""What can be wrong with a study although each of its values is fine on its own."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xstilts.data.lock import read_lock
from xstilts.errors import raise_if_any
from xstilts.models.backbones import BACKBONES
from xstilts.study.contradictions import contradiction_problems
from xstilts.study.grid import (
    EMBEDDED,
    SOURCE_LANGUAGE,
    TEXT_FORMAT,
    disagreements,
    finetune_settings,
    languages,
    recipe_settings,
    selecting,
    serving_tasks,
    study_task,
    trained_tasks,
    used_tasks,
    world_languages,
)
from xstilts.study.model_choice import model_problems
from xstilts.study.page import Keys, Page, read_page
from xstilts.study.profiles import study_page
from xstilts.study.question import question_problems
from xstilts.study.recipes import At, recipe_problems, trained_on
from xstilts.study.record import Study, parse_study
from xstilts.study.settings import ENCODING
from xstilts.study.zero_shot import zero_shot_problems
from xstilts.tasks.check import choices_differ, task_problems
from xstilts.tasks.record import SPLITS, Task
from xstilts.tasks.table import TASKS, task_in

OWN = (*ENCODING, "batch_size")  # settings in which the tasks of a mixture may differ
Problem = tuple[Keys, str]  # where in the file, and what is wrong there


def read_study(path: Path, *, mirror: str | None = None, from_scratch: bool = False) -> Study:
    """The study of a file; `mirror` and `from_scratch`, where given, override its own.

    Raises `UserError` with every problem of the file, each with its line.
    """
    return _read(read_page(path), path.parent, mirror, from_scratch)


def find_study(
    name: str, folder: Path, *, mirror: str | None = None, from_scratch: bool = False
) -> Study:
    """As `read_study`, for a study or one of its profiles in a folder of studies, by name."""
    return _read(study_page(name, folder), folder, mirror, from_scratch)


def _read(page: Page, folder: Path, mirror: str | None, from_scratch: bool) -> Study:
    study = parse_study(page, tuple(BACKBONES))
    if mirror is not None:
        study = replace(study, source="mirror", mirror=mirror)
    if from_scratch:
        study = replace(study, from_scratch=True)
    return checked(page, with_lock(study, folder))


def with_lock(study: Study, folder: Path) -> Study:
    """The study with the lock of the studies' folder, if its rows come from the hub."""
    return replace(study, commits=read_lock(folder)) if study.source == "hub" else study


def checked(page: Page, study: Study, at: At = Path) -> Study:
    """The study of a page, if neither of them has a problem; else `UserError` with all.

    `at` says where the folders that it names are.
    """
    for keys, text in problems(study, at):
        page.problem(keys, text)
    raise_if_any(dict.fromkeys(page.problems))
    return study


def problems(study: Study, at: At = Path) -> Iterator[Problem]:
    """Everything that contradicts something else, in a study or in the task table."""
    yield from _source_problems(study, at)
    yield from model_problems(study)
    yield from _used_tasks_problems(study)
    yield from recipe_problems(study, at)
    yield from _recipe_problems(study)
    yield from contradiction_problems(study)
    yield from _text_settings_problems(study)
    yield from _target_problems(study)
    yield from zero_shot_problems(study)
    yield from _sharing_problems(study)
    yield from _language_problems(study)
    yield from _text_problems(study)
    yield from question_problems(study)
    if study.controls and all(body.tasks for body in study.recipes.values()):
        yield ("controls",), "controls need a recipe without tasks: add `none: []` to recipes."


def _source_problems(study: Study, at: At) -> Iterator[Problem]:
    if study.source == "mirror" and study.mirror is None:
        yield (
            ("source",),
            "the mirror has no folder: give --mirror FOLDER, or `path` here.",
        )
    if study.mirror is not None and not at(study.mirror).is_dir():
        yield (
            ("source", "path"),
            f"the mirror {study.mirror} is no folder; correct it, or give --mirror FOLDER.",
        )
    if study.source != "world":
        return
    for task in used_tasks(study):
        sizes = study.sizes | study.choice(task).sizes
        missing = [split for split in SPLITS if split not in sizes]
        if missing:
            yield (
                ("sizes",),
                f"no size for {', '.join(missing)} of {task}: say how many rows the world "
                "makes, e.g. sizes: {train: 2000, dev: 200, test: 200}.",
            )


def _text_problems(study: Study) -> Iterator[Problem]:
    if not study.from_scratch or study.source == "world":
        return
    if not study.text:
        yield (
            ("from_scratch",),
            "there is no text to pretrain on: name tasks and splits, e.g. text: {xnli: [dev]}.",
        )
    for task, splits in study.text.items():
        missing = [split for split in splits if split not in study_task(study, task).source.splits]
        if missing:
            yield ("text", task), f"{task} has no {' and no '.join(missing)} split."


def _used_tasks_problems(study: Study) -> Iterator[Problem]:
    used = used_tasks(study)
    for task in study.tasks:
        if task not in used:
            yield ("tasks", task), f"{task} is neither in a recipe nor a target of this study."
    for task in used:
        yield from (
            (("tasks", task), problem)
            for problem in task_problems(study_task(study, task))
            if languages(study, task)  # else the missing languages are the problem
        )
    for task, served in serving_tasks(study).items():
        if study.choice(task).settings:
            yield (
                ("tasks", task),
                f"settings of {task} have no effect: it is fine-tuned on only for "
                f"{' and '.join(served)}; set them there.",
            )


def _text_settings_problems(study: Study) -> Iterator[Problem]:
    """Text goes along with the tasks of its mixture: the rest of its settings are theirs."""
    for task, choice in study.tasks.items():
        idle = ", ".join(name for name in choice.settings if name not in OWN)
        if idle and TASKS[task].format == TEXT_FORMAT:
            yield (
                ("tasks", task),
                f"{idle} of {task} has no effect: a mixture trains as its other tasks say; set it "
                "under the recipe.",
            )


def _trainable(study: Study, name: str) -> str | None:
    """Why nothing can be trained on a task, or None."""
    task = study_task(study, name)
    if task.format in EMBEDDED:
        return f"{name} cannot be trained on: it is a {task.format} task."
    needed = trained_on(study, name)[0]
    missing = [split for split in needed if split not in task.source.splits]
    if missing:
        return (
            f"{name} has no {' and no '.join(missing)} split to train on; take another task, "
            f"or name the splits under tasks.{name}.source.splits."
        )
    return None


def _recipe_problems(study: Study) -> Iterator[Problem]:
    for recipe, body in study.recipes.items():
        for task in body.tasks:
            if problem := _trainable(study, task):
                yield ("recipes", recipe), problem
        if body.tasks and not selecting(body.tasks):
            text = " and ".join(body.tasks)
            yield (
                ("recipes", recipe),
                f"{text} alone cannot be a recipe: text has no dev score to select a model on; "
                f"mix it with a task, e.g. tasks: [mnli, {body.tasks[0]}].",
            )
        wanted = recipe_settings(study, recipe)
        wanted = {task: wanted[task] for task in selecting(body.tasks)}
        for name in disagreements(wanted, besides=OWN):
            values = ", ".join(f"{task} {own.get(name)}" for task, own in wanted.items())
            yield (
                ("recipes", recipe),
                f"{recipe} trains its tasks together, but they differ in {name} ({values}): "
                f"set {name} under recipes.{recipe}.",
            )


def _target_problems(study: Study) -> Iterator[Problem]:
    for target in study.targets:
        if TASKS[target].format == TEXT_FORMAT:
            yield (
                ("targets",),
                f"{target} cannot be a target: text is never scored. Mix it into a recipe.",
            )
        elif "test" not in study_task(study, target).source.splits:
            yield ("targets",), _no_test(target)
    for task, targets in trained_tasks(study).items():
        problem = _trainable(study, task)
        if problem and not targets:
            yield ("tasks", task), problem
        for target in targets:
            where: Keys = ("tasks", target, "train_from")
            if problem:
                yield where, f"{target} is trained from {task}, but {problem}"
            both = study_task(study, target), study_task(study, task)
            if differing := _differing(*both):
                yield (
                    where,
                    f"{target} cannot be trained from {task}: they differ in "
                    f"{', '.join(differing)}{choices_differ(*both)}.",
                )


def _no_test(name: str) -> str:
    """Why a task cannot be a target, and what can be instead."""
    served = [task.name for task in TASKS.values() if task.train_from == name]
    dev = re.split(r"[\[+]", TASKS[name].source.splits.get("dev", "validation"))[0]
    instead = f"take {' or '.join(served)}, which it trains, or " if served else ""
    return (
        f"{name} cannot be a target: its source has no test split with labels. Use it in a recipe; "
        f"to score it, {instead}cut a test split off another one under tasks.{name}.source.splits, "
        f'e.g. dev: "{dev}[:50%]", test: "{dev}[50%:]".'
    )


def _differing(target: Task, trained: Task) -> list[str]:
    same = ("format", "labels", "choices", "scale")
    return [name for name in same if getattr(target, name) != getattr(trained, name)]


def _sharing_problems(study: Study) -> Iterator[Problem]:
    for task, targets in trained_tasks(study).items():
        wanted = finetune_settings(study, task)
        for name in disagreements(wanted):
            values = ", ".join(f"{target} {own.get(name)}" for target, own in wanted.items())
            yield (
                ("tasks", targets[-1]),
                f"{' and '.join(targets)} share the model fine-tuned on {task}, but differ in "
                f"{name} ({values}): give them the same value.",
            )


def _language_problems(study: Study) -> Iterator[Problem]:
    if study.languages is not None and SOURCE_LANGUAGE not in study.languages:
        yield (
            ("languages",),
            f"languages must hold {SOURCE_LANGUAGE}, on which models are trained and selected.",
        )
    for name in used_tasks(study):
        task, own = task_in(name, study.benchmark), study.choice(name).languages
        where: Keys = ("tasks", name, "languages")
        foreign = [lang for lang in own or () if lang not in task.languages]
        if foreign:
            there = ", ".join(task.languages)
            yield where, f"{name} has no {', '.join(foreign)}; its languages are {there}."
        english = task.format not in (*EMBEDDED, TEXT_FORMAT)
        needed = english and SOURCE_LANGUAGE in task.languages
        if own is not None and needed and SOURCE_LANGUAGE not in own:
            yield where, f"{name} must hold {SOURCE_LANGUAGE}, on which models are trained."
        served = name in study.targets or name in trained_tasks(study)
        if served and not languages(study, name) and not foreign:
            yield where if own else ("languages",), _no_language(study, task)


def _no_language(study: Study, task: Task) -> str:
    spoken = f", the world speaks {', '.join(world_languages())}" if study.source == "world" else ""
    wanted = study.choice(task.name).languages or study.languages
    asked = f", the study wants {', '.join(wanted)}" if wanted else ""
    return (
        f"no language is left for {task.name}: it has {', '.join(task.languages)}{spoken}{asked}."
    )

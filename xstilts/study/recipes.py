"""What a recipe trains on: its languages, and whether its rows are a user's translations.

A recipe in other languages than English has a data set of its own, whose name is the recipe's.
Its rows come from the study's source where that has all its tasks in all its languages; else
all of them come from the study's folder of translations, because a stage that prepares data
depends on one place.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts.data.translations import HUB, KIND, SPLITS, files_of
from xstilts.study.grid import (
    SOURCE_LANGUAGE,
    TEXT_FORMAT,
    data_name,
    languages,
    selecting,
    study_task,
    world_languages,
)
from xstilts.study.page import Keys
from xstilts.study.record import ENGLISH_ALONE, Recipe, Study
from xstilts.tasks.record import Source, Task
from xstilts.tasks.table import TASKS, task_in

TEXT = "text"  # name of the data set that a backbone is pretrained on
Problem = tuple[Keys, str]  # where in the file, and what is wrong there
At = Callable[[str], Path]  # where a folder is that a study names; on a laptop at its own path


def trained_on(
    study: Study, task: str, spoken: tuple[str, ...] = ENGLISH_ALONE
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The splits and languages of a task that an intermediate run in `spoken` reads.

    Text has no dev, and is trained on in all languages of the study, whatever the recipe's.
    """
    if TASKS[task].format == TEXT_FORMAT:
        return ("train",), languages(study, task)
    return ("train", "dev"), spoken


def spoken_in(study: Study, task: str) -> tuple[str, ...]:
    """The languages in which the study's source has a task."""
    spoken = world_languages() if study.source == "world" else None
    every = task_in(task, study.benchmark).languages
    return tuple(lang for lang in every if spoken is None or lang in spoken)


def is_translated(study: Study, recipe: Recipe) -> bool:
    """Whether a recipe's rows come from the folder of translations: the source lacks some."""
    wanted = study.translations is not None and recipe.languages != ENGLISH_ALONE
    return wanted and any(_lacking(study, recipe))


def _lacking(study: Study, recipe: Recipe) -> Iterator[tuple[str, list[str]]]:
    """Tasks of a recipe with those of its languages that the source has not."""
    for task in recipe.tasks:
        there = spoken_in(study, task)
        lacking = [lang for lang in recipe.languages if lang not in there]
        if lacking and TASKS[task].format != TEXT_FORMAT:
            yield task, lacking


def data_task(study: Study, data: str, task: str) -> tuple[Task, dict[str, Any] | None]:
    """A task's record in a data set, and the source of its rows if that is not the study's."""
    recipe = study.recipes.get(data, Recipe(tasks=()))
    if recipe.languages == ENGLISH_ALONE or TASKS[task].format == TEXT_FORMAT:
        return study_task(study, task), None
    if not is_translated(study, recipe):
        return study_task(study, task, recipe.languages), None
    record = study_task(study, task)
    own = record.source
    source = Source(
        hub=f"{HUB}/{task}",
        config="{lang}",
        splits=dict(SPLITS),
        columns=own.columns,
        labels=own.labels,
        drop_labels=own.drop_labels,
        clean=own.clean,
    )
    translated = replace(record, source=source, also=(), languages=recipe.languages)
    return translated, {"kind": KIND, "path": study.translations}


def recipe_problems(study: Study, at: At = Path) -> Iterator[Problem]:
    """What is wrong with the names and languages of recipes, and with the translations."""
    used = [body for body in study.recipes.values() if is_translated(study, body)]
    folder = study.translations
    if folder is not None and not used:
        yield ("translations",), f"no recipe needs a translation: {folder} has no effect."
    elif folder is not None and not at(folder).is_dir():
        yield ("translations",), f"the translations {folder} are no folder: correct the path."
    for name, body in study.recipes.items():
        keys: Keys = ("recipes", name)
        own = body.tasks and name == data_name(study, name)
        if own and name in TASKS and (len(body.tasks) > 1 or not _is_english(body)):
            what = "mixture" if len(body.tasks) > 1 else "recipe"
            yield keys, f"the {what} {name} has the name of a task; rename it."
        elif own and name == TEXT and study.from_scratch:
            yield keys, f"{TEXT} is the data set of the pretraining: rename this recipe."
        yield from ((keys, text) for text in _language_problems(study, name, body, at))


def _is_english(body: Recipe) -> bool:
    return body.languages == ENGLISH_ALONE


def _language_problems(study: Study, name: str, body: Recipe, at: At) -> Iterator[str]:
    if not body.tasks and not _is_english(body):
        yield f"{name} has no task, so its languages have no effect: leave them out."
    if is_translated(study, body):
        found = at(str(study.translations)).is_dir()
        yield from _missing_files(study, body, at) if found else ()
        texts = [task for task in body.tasks if TASKS[task].format == TEXT_FORMAT]
        if texts and study.source != "hub":
            yield (
                f"{name} mixes {' and '.join(texts)} of the {study.source} with translations, but "
                "a stage that prepares data depends on one folder: leave it out."
            )
    else:
        for task, lacking in _lacking(study, body):
            there = ", ".join(spoken_in(study, task))
            yield (
                f"{task} has no {', '.join(lacking)} in the {study.source}; its languages there "
                f"are {there or 'none'}: write languages: [...] under recipes.{name} with some of "
                "them, or give a folder with translations (translations: FOLDER)."
            )


def _missing_files(study: Study, body: Recipe, at: At) -> Iterator[str]:
    folder = Path(str(study.translations))
    for task in selecting(body.tasks):
        for lang in body.languages:
            found = {split: files_of(at(str(folder)), task, lang, split) for split in SPLITS}
            missing = " and ".join(f"{split}.jsonl" for split, files in found.items() if not files)
            english = " (all rows of a recipe come from one place, English ones, too)"
            if missing:
                yield (
                    f"{folder / task / lang} has no {missing}, which this recipe needs"
                    f"{english if lang == SOURCE_LANGUAGE else ''}: put the translations of "
                    f"{task} there."
                )
            for files in found.values():
                if len(files) > 1:
                    names = " and ".join(path.name for path in files)
                    yield f"{folder / task / lang} holds {names}: keep one of them."

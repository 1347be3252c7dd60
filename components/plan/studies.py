"""The study that a run is for: a name or YAML text, with the run's own seeds and models."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.models.backbones import BACKBONES
from xstilts.study.check import checked, with_lock
from xstilts.study.page import Page, text_page, unknown
from xstilts.study.profiles import study_names, study_page
from xstilts.study.recipes import is_translated
from xstilts.study.record import ENGLISH_ALONE, Study, parse_study
from xstilts.study.settings import Setting

INLINE = "the study's text"  # its name in problems
_NAME = re.compile(r"^name:[ \t]*['\"]?([a-z0-9][a-z0-9_-]*)['\"]?[ \t]*(#.*)?$", re.MULTILINE)


def read_study(text: str, seeds: str, models: str, studies: Path) -> Study:
    """The study `text` (a name in the folder `studies`, or YAML), with what overrides it.

    `seeds` and `models` are lists with commas, or empty. Raises `UserError` with every
    problem of the study, each with its line, and of what overrides it.
    """
    changes: dict[str, Any] = {}
    wrong: list[str] = []
    for name, given, read in (("seeds", seeds, _seed), ("models", models, _model)):
        if given.strip():
            changes[name] = _items(name, given, read, wrong)
    try:
        page = _page(text, studies)
    except UserError as error:
        raise UserError([*error.problems, *wrong]) from error
    study = _for_pods(page, parse_study(page, tuple(BACKBONES)))
    page.problems += wrong
    return checked(page, with_lock(replace(study, **changes), studies))


def study_name(text: str) -> str | None:
    """The name of the study `text`, also when the text has mistakes; None if there is none."""
    if not _is_text(text):
        return text.strip() or None
    try:
        value = text_page(text, INLINE).value
    except UserError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        text = f"name: {value['name']}"
    found = _NAME.search(text)
    return found.group(1) if found else None


def _is_text(study: str) -> bool:
    return ":" in study or "\n" in study.strip()


def _page(text: str, studies: Path) -> Page:
    if _is_text(text):
        return text_page(text, INLINE)
    if not text.strip():
        known = ", ".join(study_names(studies))
        raise UserError(f"no study was given: name one of {known}, or give its YAML.")
    return study_page(text.strip(), studies)


def _for_pods(page: Page, study: Study) -> Study:
    """Note that a pod has no folder of ours; what else is wrong is found as for the hub."""
    study = _without_translations(page, study)
    if study.source != "mirror":
        return study
    folder = f"the mirror {study.mirror}" if study.mirror else "a mirror"
    page.problem(
        ("source",), f"{folder} is a folder, which a pod does not have: take source: hub or world."
    )
    return replace(study, source="hub", mirror=None)


def _without_translations(page: Page, study: Study) -> Study:
    """The study with its translated recipes in English, which hides nothing else."""
    if study.translations is None:
        return study
    page.problem(
        ("translations",),
        f"the translations {study.translations} are a folder, which a pod does not have: run the "
        "study on a machine that has it, or take recipes whose languages the source has.",
    )
    recipes = {
        name: replace(body, languages=ENGLISH_ALONE) if is_translated(study, body) else body
        for name, body in study.recipes.items()
    }
    return replace(study, translations=None, recipes=recipes)


def _items(
    name: str, text: str, read: Callable[[str], Any], problems: list[str]
) -> tuple[Any, ...]:
    """The values of a list with commas; what is wrong with it goes to `problems`."""
    words = [word.strip() for word in text.split(",")]
    found = []
    for position, word in enumerate(words):
        try:
            value = read(word)
        except ValueError as error:
            problems.append(f"{name} {text!r}: {error}")
            continue
        if word in words[:position]:
            problems.append(f"{name} {text!r}: {word} stands twice.")
        found.append(value)
    return tuple(dict.fromkeys(found))


def _seed(word: str) -> int:
    value = int(word) if re.fullmatch(r"-?[0-9]{1,12}", word) else word
    if problem := Setting(int, 0, 2**31 - 1).problem(value):
        raise ValueError(f"a seed {problem}, not {word!r}; write them as 0,1,2.")
    return int(value)


def _model(word: str) -> str:
    if word not in BACKBONES:
        raise ValueError(unknown("model", word, BACKBONES))
    return word

"""The study that a run is for: a name or YAML text, with the run's own seeds and models."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.plan.data import Data
from xstilts.errors import UserError
from xstilts.models.backbones import BACKBONES
from xstilts.store import tracked
from xstilts.study.check import checked, with_lock
from xstilts.study.page import Keys, Page, text_page, unknown
from xstilts.study.profiles import study_names, study_page
from xstilts.study.recipes import is_translated
from xstilts.study.record import ENGLISH_ALONE, Study, parse_study
from xstilts.study.settings import Setting

INLINE = "the study's text"  # its name in problems
NO_DATA = Data()
_TRACKED = "a folder of this project that DVC tracks (`dvc add FOLDER`, `dvc push`)"
_NAME = re.compile(r"^name:[ \t]*['\"]?([a-z0-9][a-z0-9_-]*)['\"]?[ \t]*(#.*)?$", re.MULTILINE)


def read_study(text: str, seeds: str, models: str, studies: Path, data: Data = NO_DATA) -> Study:
    """The study `text` (a name in the folder `studies`, or YAML), with what overrides it.

    `seeds` and `models` are lists with commas, or empty. Folders that the study names have to be
    in `data`; where nobody can look into those, it comes back without them. Raises `UserError`
    with every problem of the study, each with its line, and of what overrides it.
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
    study = _for_pods(page, parse_study(page, tuple(BACKBONES)), data)
    page.problems += wrong
    return checked(page, with_lock(replace(study, **changes), studies), data.at or Path)


def folders(text: str, studies: Path) -> list[str]:
    """The folders that a study names; of one that cannot be read none, which `read_study` tells."""
    try:
        page = _page(text, studies)
    except UserError:
        return []
    study = parse_study(page, tuple(BACKBONES))
    return [folder for folder in (study.mirror, study.translations) if folder]


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


def _for_pods(page: Page, study: Study, data: Data) -> Study:
    """The study as a pod can read it: its folders are in `data`, or noted as a problem.

    Without a folder it is checked as for the hub, or in English, which hides nothing else.
    """
    mirror, translations = study.mirror, study.translations
    own = mirror is not None and _there(page, ("source",), f"the mirror {mirror} is", mirror, data)
    if study.source == "mirror" and mirror is None:
        page.problem(
            ("source",),
            "a mirror is a folder, which a pod does not have: name, as its `path` here, "
            f"{_TRACKED}.",
        )
    if study.source == "mirror" and not (own and data.at):
        study = replace(study, source="hub", mirror=None)
    if translations is None:
        return study
    what = f"the translations {translations} are"
    own = _there(page, ("translations",), what, translations, data)
    return study if own and data.at else _without_translations(study)


def _there(page: Page, keys: Keys, what: str, folder: str, data: Data) -> bool:
    """Whether a folder is in the data of the run; a problem if not."""
    found = tracked.holder(folder, data.revisions) is not None
    if not found:
        page.problem(
            keys,
            f"{what} a folder, which a pod does not have, and the run has no revision of it: name "
            f"{_TRACKED}.",
        )
    return found


def _without_translations(study: Study) -> Study:
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

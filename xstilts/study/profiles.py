"""One question at several sizes: `phang2020-mini` is the study `phang2020` in its profile `mini`.

A profile changes what the answer costs (backbones, data, sizes, seeds, settings), never what is
asked: recipes, targets and the baseline are the study's.
"""

from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.study.page import Keys, Page, read_page, unknown

FIELD = "profiles"
CHANGED = (
    "models", "source", "seeds", "controls", "languages", "sizes", "hparams", "from_scratch",
    "text", "pretraining", "training", "intermediate", "finetune", "tasks", "recipes",
)  # fmt: skip
_ASKED = ("tasks", "languages")  # of a recipe


def study_names(folder: Path) -> list[str]:
    """The names of all studies in a folder, each followed by those of its profiles."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        profiles = _profiles(read_page(path).value)
        found += [path.stem, *(f"{path.stem}-{profile}" for profile in profiles)]
    return found


def study_page(name: str, folder: Path) -> Page:
    """The page of a study by its name, its profile applied; raises `UserError` if unknown."""
    files = {path.stem for path in folder.glob("*.yaml")}
    if name in files:
        return read_page(folder / f"{name}.yaml")
    study, _, profile = name.rpartition("-")
    if study in files:
        page = read_page(folder / f"{study}.yaml")
        known = list(_profiles(page.value))
        if profile in known:
            return with_profile(page, profile)
        if not known:
            raise UserError(f"the study {study} has no profiles, so there is no {name}.")
        raise UserError(f"{study}: {unknown('profile', profile, known)}")
    hint = unknown("study", name, study_names(folder))
    raise UserError(f"{hint} (studies are files in {folder})")


def with_profile(page: Page, profile: str) -> Page:
    """The page with what its profile changes; the lines are those of the profile's own values.

    Mappings are merged, everything else is replaced. What a profile may not change becomes a
    problem of the page.
    """
    root: Keys = (FIELD, profile)
    given = page.value[FIELD][profile]
    if not isinstance(given, dict):
        page.problem(root, f"the profile {profile} must be a mapping (field: value).")
        given = {}
    allowed = {name: value for name, value in given.items() if _may_change(page, root, name, value)}
    page.lines |= {
        keys[2:]: line for keys, line in page.lines.items() if keys[:2] == root and keys != root
    }
    value = _merged(page.value, allowed)
    if page.stem and value.get("name") == page.stem:
        page.stem = value["name"] = f"{page.stem}-{profile}"
    page.value = value
    return page


def _profiles(value: Any) -> dict[str, Any]:
    found = value.get(FIELD) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _may_change(page: Page, root: Keys, name: str, value: Any) -> bool:
    if name not in CHANGED:
        asked = name in page.value
        text = f"a profile cannot change {name}: it belongs to the question."
        page.problem((*root, name), text if asked else unknown("field", name, CHANGED))
        return False
    if name != "recipes":
        return True
    known = page.value.get("recipes") or {}
    wrong = []
    for recipe, body in value.items() if isinstance(value, dict) else ():
        if recipe not in known:
            wrong.append(((recipe,), unknown("recipe", recipe, known)))
        elif not isinstance(body, dict) or any(asked in body for asked in _ASKED):
            text = f"a profile changes settings of the recipe {recipe} alone, not its tasks."
            wrong.append(((recipe,), text))
    for keys, text in wrong:
        page.problem((*root, name, *keys), text)
    return not wrong


def _merged(base: Any, change: Any) -> Any:
    """`change` over `base`; a recipe written as a list of tasks takes settings beside them."""
    if isinstance(base, list) and isinstance(change, dict):
        base = {"tasks": base}
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    return base | {name: _merged(base.get(name), value) for name, value in change.items()}

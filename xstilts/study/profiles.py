"""One question at several sizes: `phang2020-mini` is the study `phang2020` in its profile `mini`.

A profile changes what the answer costs (backbones, data, sizes, seeds, settings) and what its
champion must show, never what is asked: recipes, targets and the baseline are the study's. It may
be `like` another study, whose costs it then has.
"""

from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.study.like import LIKE, take_costs
from xstilts.study.page import Keys, Page, read_page, unknown
from xstilts.study.record import FIELDS, PROFILES

CHANGED = (
    "models", "source", "seeds", "controls", "languages", "sizes", "hparams", "from_scratch",
    "text", "pretraining", "training", "intermediate", "finetune", "tasks", "recipes", "gate",
    LIKE,
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
    page, profile = _find(name, folder)
    return with_profile(page, profile, folder) if profile else page


def _find(name: str, folder: Path) -> tuple[Page, str | None]:
    """The page of the file that a study is in, and which of its profiles the study is."""
    files = {path.stem for path in folder.glob("*.yaml")}
    if name in files:
        return read_page(folder / f"{name}.yaml"), None
    study, _, profile = name.rpartition("-")
    if study in files:
        page = read_page(folder / f"{study}.yaml")
        known = list(_profiles(page.value))
        if profile in known:
            return page, profile
        if not known:
            raise UserError(f"the study {study} has no profiles, so there is no {name}.")
        raise UserError(f"{study}: {unknown('profile', profile, known)}")
    hint = unknown("study", name, study_names(folder))
    raise UserError(f"{hint} (studies are files in {folder})")


def with_profile(page: Page, profile: str, folder: Path) -> Page:
    """The page with what its profile changes; the lines are those of the profile's own values.

    First come the costs of the study, or profile, in `folder` that the profile is like.
    Mappings are merged, everything else is replaced. What a profile may not change becomes a
    problem of the page.
    """
    root: Keys = (PROFILES, profile)
    given = page.value[PROFILES][profile]
    if not isinstance(given, dict):
        page.problem(root, f"the profile {profile} must be a mapping (field: value).")
        given = {}
    allowed = {name: value for name, value in given.items() if _may_change(page, root, name, value)}
    own = {
        keys[2:]: line
        for keys, line in page.lines.items()
        if keys[:2] == root and keys[2:3] in {(name,) for name in allowed}
    }
    if LIKE in allowed:
        keys = (*root, LIKE)
        other = _followed(page, keys, allowed.pop(LIKE), folder)
        if other:
            take_costs(page, other, keys)
    _write_out_recipes(page, allowed)
    value = _merged(page.value, allowed)
    page.lines = {keys: line for keys, line in page.lines.items() if _stands(value, keys)} | own
    if page.stem and value.get("name") == page.stem:
        page.stem = value["name"] = f"{page.stem}-{profile}"
    page.value = value
    return page


def _followed(page: Page, keys: Keys, name: Any, folder: Path) -> Page | None:
    """The page of the study that a profile is like; None with a problem if there is none."""
    try:
        other, profile = _find(str(name), folder)
    except UserError as error:
        page.problem(keys, str(error))
        return None
    given = _mapping(_profiles(other.value)[profile]) if profile else {}
    if other.stem == page.stem and not profile:
        page.problem(keys, f"a profile has the settings of its own study {name} without like.")
    elif LIKE in given:
        page.problem(keys, f"{name} is like {given[LIKE]} itself: name a study that is not.")
    else:
        return with_profile(other, profile, folder) if profile else other
    return None


def _profiles(value: Any) -> dict[str, Any]:
    return _mapping(_mapping(value).get(PROFILES))


def _mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a mapping, else an empty one: what is wrong is said when it is read."""
    return value if isinstance(value, dict) else {}


def _may_change(page: Page, root: Keys, name: str, value: Any) -> bool:
    if name not in CHANGED:
        text = f"a profile cannot change {name}: it belongs to the question."
        page.problem((*root, name), text if name in FIELDS else unknown("field", name, CHANGED))
        return False
    if name != "recipes":
        return True
    known = _mapping(page.value.get("recipes"))
    wrong = []
    for recipe, body in _mapping(value).items():
        if recipe not in known:
            wrong.append(((recipe,), unknown("recipe", recipe, known)))
        elif not isinstance(body, dict) or any(asked in body for asked in _ASKED):
            text = f"a profile changes settings of the recipe {recipe} alone, not its tasks."
            wrong.append(((recipe,), text))
    for keys, text in wrong:
        page.problem((*root, name, *keys), text)
    return not wrong


def _merged(base: Any, change: Any) -> Any:
    """`change` over `base`: mappings are merged, everything else is replaced."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    return base | {name: _merged(base.get(name), value) for name, value in change.items()}


def _write_out_recipes(page: Page, allowed: dict[str, Any]) -> None:
    """Recipes that are lists of tasks become mappings where a profile sets something beside."""
    for recipe in _mapping(allowed.get("recipes")):
        at: Keys = ("recipes", recipe)
        tasks = page.value["recipes"][recipe]
        if isinstance(tasks, list):
            page.value["recipes"][recipe] = {"tasks": tasks}
            page.lines |= {
                (*at, "tasks", *keys[2:]): line
                for keys, line in page.lines.items()
                if keys[:2] == at
            }


def _stands(value: Any, keys: Keys) -> bool:
    """Whether `value` has something at `keys`."""
    for key in keys:
        if isinstance(value, list) and isinstance(key, int):
            value = dict(enumerate(value))
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True

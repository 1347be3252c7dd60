"""What a study compares besides each recipe with its baseline, and what its answer is about."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from xstilts.study import reading
from xstilts.study.page import Keys, Page, unknown

GAINS = "gains"
ASKS = (GAINS, "best", "models", "comparisons", "languages", "ranking")
_NAME = re.compile(r"[a-z0-9_]+")
_EXAMPLE = "comparisons: [[syntax, semantics]]"

Groups = dict[str, tuple[str, ...]]
Pair = tuple[str, str]  # the first side against the second, each a group or a recipe


def read_asks(page: Page, values: Mapping[str, Any]) -> str:
    """What the first sentence of the answer is about; one of `ASKS`."""
    asks = reading.one_of(page, ("asks",), values.get("asks", GAINS), ASKS)
    if asks == "comparisons" and not values.get("comparisons"):
        page.problem(
            ("asks",), f"the study asks for comparisons, but has none: name them, e.g. {_EXAMPLE}."
        )
    return asks


def read_groups(page: Page, value: Any, recipes: Iterable[str]) -> Groups:
    """Group -> the recipes that belong together."""
    known, found = list(recipes), {}
    for name, members in reading.mapping(page, ("groups",), value).items():
        keys: Keys = ("groups", name)
        if not _NAME.fullmatch(str(name)):
            page.problem(keys, f"group {name!r} may hold lower-case letters, digits and _.")
        elif name in known:
            page.problem(keys, f"the group {name} has the name of a recipe; rename it.")
        found[str(name)] = reading.names(page, keys, members, known, "recipe", needed=True)
    return found


def read_comparisons(
    page: Page, value: Any, groups: Groups, recipes: Iterable[str]
) -> tuple[Pair, ...]:
    """The declared comparisons; each side is a group or a recipe, and they share no recipe."""
    if not isinstance(value, list) or any(isinstance(item, str) for item in value):
        page.problem(
            ("comparisons",),
            f"comparisons must be a list of pairs, e.g. {_EXAMPLE}, not {value!r}.",
        )
        return ()
    sides = {name: (name,) for name in recipes} | groups
    found: list[Pair] = []
    for position, item in enumerate(value):
        keys: Keys = ("comparisons", position)
        pair = _pair(page, keys, item, sides)
        if pair and (pair in found or pair[::-1] in found):
            page.problem(keys, f"{pair[0]} and {pair[1]} are compared twice.")
        elif pair:
            found.append(pair)
    return tuple(found)


def _pair(page: Page, keys: Keys, item: Any, sides: Groups) -> Pair | None:
    """The two sides of a comparison, if they can be compared."""
    if not isinstance(item, list) or len(item) != 2:
        page.problem(keys, f"a comparison has two sides, e.g. [syntax, semantics], not {item!r}.")
        return None
    known = [reading.is_name(side, sides) for side in item]
    for position, side in enumerate(item):
        if not known[position]:
            page.problem((*keys, position), unknown("recipe or group", side, sides))
    if not all(known):
        return None
    first, second = item
    if first == second:
        page.problem(keys, f"{first} is compared with itself.")
        return None
    if shared := [recipe for recipe in sides[first] if recipe in sides[second]]:
        what = f"{first} and {second} share {', '.join(shared)}"
        page.problem(keys, f"{what}: a recipe stands on one side alone.")
        return None
    return first, second

"""Values of a study file, read one by one: what is wrong becomes a problem of its page."""

from collections.abc import Iterable
from typing import Any

from xstilts.study.page import Keys, Page, unknown


def mapping(page: Page, keys: Keys, value: Any) -> dict[str, Any]:
    """`value` if it is a mapping; nothing counts as an empty one."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    page.problem(keys, f"{called(keys)} must be a mapping (name: value), not {value!r}.")
    return {}


def called(keys: Keys) -> str:
    """How problems call the value at `keys`."""
    return ".".join(map(str, keys)) or "the study"


def check_keys(page: Page, keys: Keys, values: dict[str, Any], known: Iterable[str]) -> None:
    """Every key of `values` must be one of `known`."""
    for name in values:
        if name not in known:
            page.problem((*keys, name), unknown("field", name, known))


def text(page: Page, keys: Keys, value: Any) -> str:
    """A text without the space around it; empty if it is none."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    if keys in page.lines:
        page.problem(keys, f"{called(keys)} must be a text, not {value!r}.")
    return ""


def is_name(value: Any, known: Iterable[str]) -> bool:
    """Whether `value` is one of the `known` names, not only equal to one."""
    return isinstance(value, str) and value in known


def one_of(page: Page, keys: Keys, value: Any, known: Iterable[str]) -> str:
    """`value` if it is one of `known`, else the first of these."""
    if not is_name(value, known):
        page.problem(keys, unknown(str(keys[-1]), value, known))
        return next(iter(known))
    return str(value)


def yes_no(page: Page, keys: Keys, value: Any) -> bool:
    """`value` if it is true or false, else false."""
    if not isinstance(value, bool):
        page.problem(keys, f"{called(keys)} must be true or false, not {value!r}.")
    return value is True


def names(
    page: Page, keys: Keys, value: Any, known: Iterable[str], what: str, *, needed: bool = False
) -> tuple[str, ...]:
    """A list of distinct names out of `known`; a single name counts as a list of one.

    With `needed` an empty list is a problem.
    """
    items = value if isinstance(value, list) else [value]
    found: list[str] = []
    for position, item in enumerate(items):
        where = (*keys, position) if isinstance(value, list) else keys
        if not is_name(item, known):
            page.problem(where, unknown(what, item, known))
        elif item in found:
            page.problem(where, f"{what} {item!r} stands twice in {called(keys)}.")
        else:
            found.append(item)
    if needed and value == [] and keys in page.lines:
        page.problem(keys, f"{called(keys)} is empty: name at least one {what}.")
    return tuple(found)

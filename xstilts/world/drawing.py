"""Drawing the items of one split: all different, and of no other split."""

from collections.abc import Callable, Iterator
from typing import Any

from xstilts.world.lexicon import concepts
from xstilts.world.meanings import Teller, held_out, split_of

Rows = list[dict[str, Any]]
Features = dict[str, list[str]]

_SPLITS = ("train", "dev", "test")


def distinct(make: Callable[[], Any], split: str, size: int) -> Iterator[Any]:
    """The first `size` items that `make` gives whose meaning belongs to `split`, all new."""
    seen: set[str] = set()
    while len(seen) < size:
        item = make()
        key = item.meaning()
        if split_of(key) == split and key not in seen:
            seen.add(key)
            yield item


def teller(seed: int, split: str, *, hold_out: tuple[str, ...] = ()) -> Teller:
    """Who tells a split; of the kinds in `hold_out`, test and training have other words."""
    number = seed * 10 + _SPLITS.index(split)

    def keep(name: str) -> bool:
        return concepts()[name].kind not in hold_out or held_out(name) == (split == "test")

    return Teller(number, keep=keep if hold_out else None)

"""The ranking of the recipes in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.board.total import is_own
from xstilts.publish.words.wording import MOST, chance, points, sentence

Record = Mapping[str, Any]
ALPHA = 0.05  # of the permutation test
_JUDGES = {"task": "tasks", "family": "language families", "language": "languages"}
_CAUTION = "Families judge the same training runs, and so agree more easily than p says."
_SHOWN = 4  # of many recipes: the first three and the last


def ranking_sentences(
    hierarchies: Sequence[Record], total: Record, *, asked: bool = False
) -> Iterator[str]:
    """Of three recipes and more: do tasks and families agree on a ranking, and on which?

    A study that asked for the ranking hears of the families first, and the mean ranks even if
    they are no ranking; of agreement that shared training runs make easier, it is warned.
    """
    several = len({own["model"] for own in hierarchies}) > 1
    judged = [own for own in hierarchies if len(own["ranks"]) > 2 and own["by"] != "language"]
    if asked:
        judged.sort(key=lambda own: own["by"] != "family")
    for own in judged:
        place = f"With {own['model']}, " if several else ""
        judges = _judges(own, total)
        found = f"Kendall's W {own['w']:.2f}, {chance(own['p'])}"
        agreed = own["p"] <= ALPHA
        ranks = f"; mean ranks: {_ranks(own)}." if agreed or asked else "."
        if agreed:
            text = f"{judges} agree on a ranking ({found}){ranks}"
        else:
            text = f"no evidence that {judges} agree on a ranking of the recipes ({found}){ranks}"
        yield place + text if place else sentence(text)
    if asked and any(own["by"] == "family" and own["p"] <= ALPHA for own in judged):
        yield _CAUTION


def _ranks(own: Record) -> str:
    """Best first; of many recipes the first three and the last."""
    ordered = sorted(own["ranks"].items(), key=lambda item: item[1]["value"])
    found = [f"{recipe} {points(rank['value'])}" for recipe, rank in ordered]
    if len(found) > MOST:
        between = f"{len(found) - _SHOWN} between"
        found = [*found[: _SHOWN - 1], between, found[-1]]
    return ", ".join(found)


def _judges(own: Record, total: Record) -> str:
    count = len(own["judges"])
    if own["by"] == "task" and is_own(total):
        return f"its {count} targets"
    return f"{count} {_JUDGES[own['by']]}"

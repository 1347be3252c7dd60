"""What follows from a study's statistics besides the averages, a sentence each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.statistics import UNSEEN
from xstilts.publish.total import is_own
from xstilts.publish.wording import chance, claimed, listed, points, span
from xstilts.tasks.languages import LANGUAGES

Record = Mapping[str, Any]
ALPHA = 0.05  # of the permutation test
_JUDGES = {"task": "tasks", "family": "language families", "language": "languages"}


def findings(statistics: Record, total: Record) -> list[str]:
    """Sentences on models, on languages, on the ranking of recipes, and on what seeds show.

    All are on the tasks of the `total`.
    """
    return [
        *_models(statistics["models"]),
        *_languages(statistics["languages"]),
        *_rankings(statistics["hierarchy"], total),
        *_power(statistics["power"]),
    ]


def _models(differences: Sequence[Record]) -> Iterator[str]:
    """Gains that differ between models; together, those of which that cannot be said."""
    unclear = []
    for own in differences:
        more = own["model"], own["other"]
        if direction := claimed(own):
            one, other = more[::direction]
            yield (
                f"{own['recipe']} does {points(abs(own['value']))} points more for {one} than for "
                f"{other} ({span(own)} for {more[0]} less {more[1]})."
            )
        else:
            unclear.append(f"{own['recipe']} ({more[0]} less {more[1]}: {span(own)})")
    if unclear:
        yield f"No evidence that models differ in what they gain from {listed(unclear, 'or')}."


def _languages(differences: Sequence[Record]) -> Iterator[str]:
    """Gains that differ between groups of languages; or that none does."""
    if not differences:
        return
    several = len({own["model"] for own in differences}) > 1
    clear = [own for own in differences if claimed(own)]
    for own in sorted(clear, key=lambda record: -abs(record["value"])):
        place = f"With {own['model']}, " if several else ""
        more = "more" if own["value"] > 0 else "less"
        size = points(abs(own["value"]))
        yield f"{place}{own['recipe']} does {size} points {more} for {_group(own)} ({span(own)})."
    if not clear:
        yield (
            "No evidence that a gain depends on the language: on its family, or on whether "
            "training saw it."
        )


def _group(own: Record) -> str:
    if own["group"] == UNSEEN:
        seen = listed(LANGUAGES[code].name for code in own["seen"])
        return f"languages that training never saw than for {seen}"
    return f"{own['group']} languages than for others"


def _rankings(hierarchies: Sequence[Record], total: Record) -> Iterator[str]:
    """Of three recipes and more: do tasks and families agree on a ranking, and on which?"""
    several = len({own["model"] for own in hierarchies}) > 1
    for own in hierarchies:
        if len(own["ranks"]) < 3 or own["by"] == "language":
            continue
        place = f"With {own['model']}, " if several else ""
        judges = _judges(own, total)
        found = f"Kendall's W {own['w']:.2f}, {chance(own['p'])}"
        if own["p"] <= ALPHA:
            ordered = sorted(own["ranks"].items(), key=lambda item: item[1]["value"])
            ranks = [f"{recipe} {points(rank['value'])}" for recipe, rank in ordered]
            text = f"{judges} agree on a ranking ({found}); mean ranks: {', '.join(ranks)}."
        else:
            text = f"no evidence that {judges} agree on a ranking of the recipes ({found})."
        yield place + text if place else text[:1].upper() + text[1:]


def _judges(own: Record, total: Record) -> str:
    count = len(own["judges"])
    if own["by"] == "task" and is_own(total):
        return f"its {count} targets"
    return f"{count} {_JUDGES[own['by']]}"


def _power(notes: Sequence[Record]) -> Iterator[str]:
    """The note on the seeds, once where it is the same for all models."""
    texts: dict[str, list[str]] = {}
    for note in notes:
        texts.setdefault(note["sentence"], []).append(note["model"])
    for text, models in texts.items():
        yield text if len(texts) == 1 else f"{listed(models)}: {text}"

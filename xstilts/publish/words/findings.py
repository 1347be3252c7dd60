"""What follows from a study's statistics besides the averages, a sentence each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.board.best import best_sentences
from xstilts.publish.board.similarity import similarity_sentences
from xstilts.publish.board.statistics import UNSEEN
from xstilts.publish.words.comparison_words import comparison_sentences
from xstilts.publish.words.ranking_words import ranking_sentences
from xstilts.publish.words.wording import MOST, claimed, listed, points, reach, span
from xstilts.tasks.languages import LANGUAGES

Record = Mapping[str, Any]


def findings(statistics: Record, total: Record, asks: str) -> dict[str, list[str]]:
    """Sentences by what they are about, in the order of an answer.

    All are on the tasks of the `total`. Of what the study `asks`, more is said.
    """
    return {
        "best": best_sentences(statistics["best"]),
        "models": list(_models(statistics["models"])),
        "comparisons": list(comparison_sentences(statistics["comparisons"], total)),
        "languages": [
            *similarity_sentences(statistics["similarity"]),
            *_languages(statistics["languages"]),
        ],
        "ranking": list(ranking_sentences(statistics["hierarchy"], total, asked=asks == "ranking")),
        "power": list(_power(statistics["power"])),
    }


def _models(differences: Sequence[Record]) -> Iterator[str]:
    """Gains that differ between models; together, those of which that cannot be said."""
    clear = [own for own in differences if claimed(own)]
    if len(clear) > MOST:
        clear.sort(key=_size)
    for own in clear[:MOST]:
        more = own["model"], own["other"]
        one, other = more[:: claimed(own)]
        yield (
            f"{own['recipe']} does {points(abs(own['value']))} points more for {one} than for "
            f"{other} ({span(own)} for {more[0]} less {more[1]})."
        )
    if rest := clear[MOST:]:
        yield f"{len(rest)} more differences between models are clear ({reach(rest)})."
    if unclear := [own for own in differences if not claimed(own)]:
        yield f"No evidence that models differ in what they gain from {_same(unclear)}."


def _size(difference: Record) -> float:
    """Sorts the largest difference first."""
    return -abs(float(difference["value"]))


def _same(unclear: Sequence[Record]) -> str:
    """Recipes whose gains may be the same in all models."""
    if len(unclear) > MOST:
        recipes = listed(dict.fromkeys(own["recipe"] for own in unclear), "or")
        return f"{recipes} ({len(unclear)} differences, {reach(unclear)})"
    found = [
        f"{own['recipe']} ({own['model']} less {own['other']}: {span(own)})" for own in unclear
    ]
    return listed(found, "or")


def _languages(differences: Sequence[Record]) -> Iterator[str]:
    """Gains that differ between groups of languages, the largest first; or that none does."""
    if not differences:
        return
    several = len({own["model"] for own in differences}) > 1
    clear = sorted(filter(claimed, differences), key=_size)
    for own in clear[:MOST]:
        place = f"With {own['model']}, " if several else ""
        more = "more" if own["value"] > 0 else "less"
        size = points(abs(own["value"]))
        yield f"{place}{own['recipe']} does {size} points {more} for {_group(own)} ({span(own)})."
    if rest := clear[MOST:]:
        yield (
            f"{len(rest)} more differences between groups of languages are clear, of "
            f"{len(differences)} ({reach(rest)})."
        )
    if not clear:
        yield (
            "No evidence that a single recipe's gain depends on the language: on its family, or on "
            "whether training saw it."
        )


def _group(own: Record) -> str:
    if own["group"] == UNSEEN:
        seen = listed(LANGUAGES[code].name for code in own["seen"])
        return f"languages that training never saw than for {seen}"
    return f"{own['group']} languages than for others"


def _power(notes: Sequence[Record]) -> Iterator[str]:
    """The note on the seeds, once where it is the same for all models."""
    texts: dict[str, list[str]] = {}
    for note in notes:
        texts.setdefault(note["sentence"], []).append(note["model"])
    for text, models in texts.items():
        yield text if len(texts) == 1 else f"{listed(models)}: {text}"

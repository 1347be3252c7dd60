"""The study's answer in words, from its numbers alone."""

from collections.abc import Mapping
from typing import Any

from xstilts.publish.findings import findings
from xstilts.publish.gains import gain_sentence
from xstilts.publish.total import is_own
from xstilts.publish.wording import listed, points

Board = Mapping[str, Any]
_TOO_LITTLE = {
    "best": "Which recipe is best cannot be said: no target has a score on English dev data.",
    "models": "There is one model: nothing says what another would gain.",
    "comparisons": "The study declares no comparison.",
    "languages": "No group of languages has others beside it to compare its gains with.",
    "ranking": "There is no ranking: it takes three recipes, and two tasks or language families.",
}


def answer(board: Board) -> str:
    """All `sentences` as one paragraph."""
    return " ".join(sentences(board))


def sentences(board: Board) -> list[str]:
    """What the numbers of `scores.json` say, first what the study `asks`."""
    return [sentence for own in topics(board).values() for sentence in own]


def topics(board: Board) -> dict[str, list[str]]:
    """The sentences by what they are about; first what the study `asks`.

    The rest follows in this order: `gains` over the baseline, the `best` recipes, differences
    between `models`, the declared `comparisons`, `languages`, the `ranking`, and last the
    `power`, what the seeds can show. On what is asked there is a sentence even where the study
    is too small to answer.
    """
    statistics, total = board["statistics"], board["total"]
    if statistics is None:
        return {board["asks"]: [_nothing_compared(board)]}
    gains = gain_sentence(board["summary"], board["baseline"], total)
    found = {"gains": [gains]} | findings(statistics, total, board["asks"])
    asked = found.pop(board["asks"]) or [_TOO_LITTLE[board["asks"]]]
    return {board["asks"]: asked} | found


def _nothing_compared(board: Board) -> str:
    total = board["total"]
    scored = [record for record in board["summary"] if record["average"]]
    values = listed(f"{points(r['average']['value'])} for {r['model']}" for r in scored)
    mean = f"a mean over {listed(total['tasks'])}" if is_own(total) else "an average"
    return (
        f"Nothing is compared here: {board['baseline']} is the only recipe, with {mean} of "
        f"{values}."
    )

"""The study's answer in words, from its numbers alone."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from xstilts.publish.board.total import is_own
from xstilts.publish.words.findings import findings
from xstilts.publish.words.gains import gain_sentence
from xstilts.publish.words.wording import MOST, listed, points, sentence

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
    """What the numbers of `scores.json` say: what is missing, then what the study `asks`."""
    return [*missing_sentences(board), *(one for own in topics(board).values() for one in own)]


def missing_sentences(board: Board) -> list[str]:
    """What a partial study lacks, and what follows from it; nothing of a whole one."""
    missing = board["missing"]
    if not missing:
        return []
    runs = Counter((cell["model"], cell["recipe"]) for cell in missing)
    named = [f"{model} {recipe} ({count})" for (model, recipe), count in runs.most_common(MOST)]
    others = [f"{len(runs) - MOST} more runs"] if len(runs) > MOST else []
    are = "cell is" if len(missing) == 1 else "cells are"
    found = [
        f"This is a part of the study: {len(missing)} {are} missing, of "
        f"{listed(named + others)}; what lacks one has no average and no comparison."
    ]
    left_out = (board["statistics"] or {"left_out": []})["left_out"]
    whole = [f"{own['model']} {own['recipe']}" for own in left_out if _key(own) not in runs]
    if whole:
        found.append(
            f"{sentence(listed(whole))} {'is' if len(whole) == 1 else 'are'} not compared either, "
            "for want of others to compare with."
        )
    return found


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


def _key(run: Mapping[str, Any]) -> tuple[str, str]:
    return run["model"], run["recipe"]


def _nothing_compared(board: Board) -> str:
    total = board["total"]
    if board["missing"]:
        return "Nothing is compared here: no recipe has all its cells beside a baseline that has."
    scored = [record for record in board["summary"] if record["average"]]
    values = listed(f"{points(r['average']['value'])} for {r['model']}" for r in scored)
    mean = f"a mean over {listed(total['tasks'])}" if is_own(total) else "an average"
    return (
        f"Nothing is compared here: {board['baseline']} is the only recipe, with {mean} of "
        f"{values}."
    )

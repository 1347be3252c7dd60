"""Data sets of multiple choice in the hub's schema: SIQA, COPA and XCOPA, Cosmos QA, and others.

XCOPA and XStoryCloze test with feelings (and things) that do not occur where they are trained:
what a feeling leads to must be known from the corpus, or from an intermediate task.
"""

from collections.abc import Callable

from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.grammar import text_of
from xstilts.world.lexicon import CATEGORIES
from xstilts.world.reasoning import (
    Problem,
    cause_or_effect,
    ending,
    feelings,
    kind_of_thing,
    reasons,
    rendered,
    stem,
    story,
)

_NONE = "None of the above choices ."
_LETTERS = "ABCDE"


def _problems(
    make: Callable[..., Problem], seed: int, split: str, size: int, *hold_out: str
) -> list[tuple[Problem, int]]:
    told = teller(seed, split, hold_out=hold_out)
    items = distinct(lambda: make(told), split, size)
    return [(item, number) for number, item in enumerate(items)]


def _texts(language: str, item: Problem) -> list[str]:
    return [_NONE if choice is None else rendered(language, choice) for choice in item.choices]


def _said(language: str, item: Problem) -> str:
    """What is told of the person asked about, without its stop.

    The questions are made of words that also occur in the stories of the corpus.
    """
    [told] = [clause for clause in item.told[1:] if clause.subject == item.about]
    return text_of(language, told).rstrip(".")


def siqa(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Social IQa: three choices, the label counts from 1."""
    rows = []
    for item, _ in _problems(feelings, seed + 40, split, size):
        said = _said(language, item)
        asked = f"{said} because what?" if item.asked == "cause" else f"{said}, so what?"
        answers = zip(("answerA", "answerB", "answerC"), _texts(language, item), strict=True)
        row = {"context": story(language, item), "question": asked, **dict(answers)}
        rows.append(row | {"label": str(item.label + 1)})
    return rows, {}


def copa(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """COPA as SuperGLUE has it."""
    rows = [
        {**_causal(language, item), "idx": number, "label": item.label}
        for item, number in _problems(cause_or_effect, seed + 41, split, size, "state")
    ]
    return rows, {"label": ["choice1", "choice2"]}


def xcopa(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """XCOPA: COPA in another language; the question stays an English word."""
    rows = [
        {**_causal(language, item), "label": item.label, "idx": number, "changed": False}
        for item, number in _problems(cause_or_effect, seed + 42, split, size, "state")
    ]
    return rows, {}


def _causal(language: str, item: Problem) -> dict[str, str]:
    first, second = _texts(language, item)
    premise = story(language, item)
    return {"premise": premise, "choice1": first, "choice2": second, "question": item.asked}


def cosmos_qa(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Cosmos QA: one of the four answers is that none of the others is right."""
    rows = []
    for item, number in _problems(reasons, seed + 43, split, size):
        asked = f"{_said(language, item)} because what ?"
        answers = {f"answer{i}": text for i, text in enumerate(_texts(language, item))}
        row = {"id": f"cosmos-{split}-{number}", "context": story(language, item)}
        rows.append({**row, "question": asked, **answers, "label": item.label})
    return rows, {}


def x_csqa(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """X-CSQA: question and choices lie within each other, as in X-CSR."""
    rows = []
    for item, number in _problems(kind_of_thing, seed + 44, split, size):
        choices = {"label": list(_LETTERS), "text": _texts(language, item)}
        row = {"id": f"xcsqa-{split}-{number}", "lang": language}
        asked = {"stem": stem(language, item), "choices": choices}
        rows.append({**row, "question": asked, "answerKey": _LETTERS[item.label]})
    return rows, {}


def xstory_cloze(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """XStoryCloze: four sentences and two endings; the label counts from 1."""
    rows = []
    for item, number in _problems(ending, seed + 45, split, size, "state", *CATEGORIES):
        told = {f"input_sentence_{i}": text_of(language, c) for i, c in enumerate(item.told, 1)}
        ends = {f"sentence_quiz{i}": text for i, text in enumerate(_texts(language, item), 1)}
        row = {"story_id": f"story-{split}-{number}", **told, **ends}
        rows.append(row | {"answer_right_ending": item.label + 1})
    return rows, {}

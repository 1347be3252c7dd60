"""Questions that the text may not answer: SQuAD 2.0.

Four statements are told, one is asked about, and one is left out: the one asked about, or
another one. The text shows three kinds of things and the question names a kind, in either
case each as often as every other one, and shares the same words with the text. Only who knows
that a dog is an animal can tell whether the question has an answer.
"""

from dataclasses import dataclass, replace

from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.lexicon import CATEGORIES
from xstilts.world.meanings import Teller
from xstilts.world.reading import Reading, reading, rendered


@dataclass(frozen=True)
class Doubtful:
    """A text with one statement too many, and the number of the statement to leave out."""

    text: Reading
    dropped: int

    def meaning(self) -> str:
        """What decides the split: the statement asked about, told or not."""
        return self.text.meaning()


def doubtful(told_by: Teller) -> Doubtful:
    """A question that has an answer in one of two draws."""
    text = reading(told_by, "o", 4)
    others = [number for number in range(4) if number != text.asked]
    dropped = text.asked if told_by.chance(0.5) else told_by.draw.choice(others)
    return Doubtful(text, dropped)


def rows_of(item: Doubtful, language: str) -> dict[str, object]:
    """Context, question and answers, whose lists are empty where the text does not tell."""
    text, dropped = item.text, item.dropped
    left = tuple(s for number, s in enumerate(text.statements) if number != dropped)
    if dropped == text.asked:
        context = rendered(Reading(left, 0, text.role), language)["context"]
        question = rendered(text, language)["question"]
        nothing: dict[str, list[str]] = {"text": [], "answer_start": []}
        return {"context": context, "question": question, "answers": nothing}
    asked = text.asked - (dropped < text.asked)
    return rendered(replace(text, statements=left, asked=asked), language)


def squad_v2(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Rows in the schema of rajpurkar/squad_v2; test things are held out of training."""
    told_by = teller(seed + 40, split, hold_out=(*CATEGORIES, "occupation"))
    items = distinct(lambda: doubtful(told_by), split, size)
    rows = [
        {"id": f"squad_v2-{split}-{number}", "title": "world", **rows_of(item, language)}
        for number, item in enumerate(items, 1)
    ]
    return rows, {}

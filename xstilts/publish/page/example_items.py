"""Examples as the report shows them: an item once, with what several runs made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.publish.board.evaluations import ENGLISH
from xstilts.publish.page.names import RIGHT_TO_LEFT
from xstilts.tasks.languages import LANGUAGES

Record = Mapping[str, Any]
MARKS = {"✓": "right", "✗": "wrong", "~": "partly right"}


@dataclass(frozen=True)
class Text:
    """A text, the code of its language, and whether it runs from right to left."""

    text: str
    language: str
    rtl: bool


@dataclass(frozen=True)
class Item:
    """One test item: its named texts, each beside its English translation or None.

    `predictions` are the recipe, a mark of `MARKS`, and what was predicted.
    """

    texts: tuple[tuple[str, Text, Text | None], ...]
    gold: Text
    predictions: tuple[tuple[str, str, Text], ...]

    @property
    def is_parallel(self) -> bool:
        """Whether there are translations."""
        return any(english for _, _, english in self.texts)


def example_items(examples: Sequence[Record]) -> dict[str, dict[str, list[Item]]]:
    """By target and language; predictions in the order in which the examples name recipes."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for one in examples:
        found.setdefault((one["target"], one["language"], one["id"]), []).append(one)
    items: dict[str, dict[str, list[Item]]] = {}
    for (target, language, _), same in found.items():
        items.setdefault(target, {}).setdefault(language, []).append(_item(same))
    return items


def _item(same: Sequence[Record]) -> Item:
    """What several runs made of one item."""
    first = same[0]
    beside = first["english"] or [None] * len(first["inputs"])
    return Item(
        texts=tuple(
            (own["name"], _input(own), other and _input(other))
            for own, other in zip(first["inputs"], beside, strict=True)
        ),
        gold=_answer(first, "gold"),
        predictions=tuple(
            (own["recipe"], _mark(own["correct"]), _answer(own, "prediction")) for own in same
        ),
    )


def _input(own: Record) -> Text:
    return _text(own["text"], own["language"])


def _answer(example: Record, field: str) -> Text:
    """An answer in its language; a label is an English word."""
    return _text(example[field], example["answer_language"] or ENGLISH)


def _text(text: str, language: str) -> Text:
    return Text(text, language, LANGUAGES[language].script in RIGHT_TO_LEFT)


def _mark(correct: float) -> str:
    return "✓" if correct >= 1 else "~" if correct > 0 else "✗"

"""A mention marked in its sentence, as XTREME-R gives it to the encoder, and what it may mean.

    Smith: The verdict came back for { Smith } , who stepped down.

The mention stands in front once more, so that no cut can lose it (`utils_mewslix.py` of
google-research/xtreme at 66367fa3).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

Row = Mapping[str, Any]  # canonical, of entity linking

_BRACES = re.compile(r"\{(.*?)\}")


class Mention(NamedTuple):
    """The text before a mention, the mention, and the text behind it, of one sentence."""

    left: str
    mention: str
    right: str


@dataclass(frozen=True)
class Entities:
    """The candidates: `descriptions[i]` is the text of the entity `ids[i]`, each once."""

    ids: Sequence[str]
    descriptions: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Entities":
        """The entities that `rows` mention and describe, in their order."""
        texts: dict[str, str] = {}
        for row in rows:
            texts.setdefault(row["entity"], row["description"])
        return cls(tuple(texts), tuple(texts.values()))

    def part(self, span: slice) -> "Entities":
        """Some of them."""
        return replace(self, ids=self.ids[span], descriptions=self.descriptions[span])


def mark(mention: Mention) -> str:
    """The marked sentence; white space becomes single spaces, braces of its own become brackets.

    The official code halves double spaces once, which differs only for runs of three or more.
    """
    left, name, right = map(_spaced, mention)
    left, right = (_BRACES.sub(r"(\1)", text) for text in (left, right))
    return _joined(Mention(left, name, right))


def marked(row: Row) -> str:
    """The input text of a row's mention, whose sentence has no braces of its own any more."""
    return _joined(Mention(row["left"], row["mention"], row["right"]))


def _joined(mention: Mention) -> str:
    left, name, right = mention
    return _spaced(f"{name}: {left} {{ {name} }} {right}")


def unmark(text: str) -> Mention | None:
    """The inverse of `mark`, but for white space at edges; None where no mention is marked."""
    text = _spaced(text)
    for opening in re.finditer(r"\{ ", text):
        for closing in re.finditer(r" \}", text[opening.end() :]):
            name = text[opening.end() : opening.end() + closing.start()]
            front = f"{name}: "
            if name and text.startswith(front) and len(front) <= opening.start():
                behind = text[opening.end() + closing.end() :]
                return Mention(text[len(front) : opening.start()].strip(), name, behind.strip())
    return None


def _spaced(text: str) -> str:
    return " ".join(text.split())

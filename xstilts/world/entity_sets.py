"""Mewsli-X: who is meant by a name in a sentence, out of descriptions in other languages.

An entity is somebody who did one thing, described in a sentence. Three of them at a time share
name, verb, town and time and differ in the thing, which the sentence with the mention names by
its category: shared strings find the three at best. Who knows that a dog is an animal finds the
one. Training pairs are English on both sides. Candidates are described in languages in which
nobody is mentioned in Mewsli-X.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xstilts.tasks.mentions import Mention, mark
from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.grammar import Clause, Noun, sentence, surface, text_of
from xstilts.world.lexicon import CATEGORIES, concepts
from xstilts.world.meanings import Teller

_STREAM = 50  # of seeds: no other data set draws from it
_DESCRIBED_IN = ("hi", "ru", "sw", "zh")
_NUMBERS = {"train": 1, "dev": 2, "test": 3}  # first digit of the ids of a split


@dataclass(frozen=True)
class Namesakes:
    """Clauses that differ in their object alone, and the one that is meant."""

    told: tuple[Clause, ...]
    meant: int

    def meaning(self) -> str:
        """What decides the split: all that the namesakes share."""
        return replace(self.told[0], object=None).meaning()


def namesakes(tells: Teller) -> Namesakes:
    """Three people of one name."""
    shared = Clause(
        Noun(tells.draw.choice(tells.of_kind("person"))),
        tells.draw.choice(tells.of_kind("act")),
        place=Noun(tells.draw.choice(tells.of_kind("city"))),
        time=tells.draw.choice(tells.of_kind("time")),
    )
    things = [
        Noun(tells.draw.choice(tells.of_kind(kind))) for kind in tells.draw.sample(CATEGORIES, 3)
    ]
    told = tuple(replace(shared, object=thing) for thing in things)
    return Namesakes(told, tells.draw.randrange(len(told)))


def _items(split: str, size: int, seed: int) -> Iterator[tuple[int, Namesakes]]:
    tells = teller(seed + _STREAM, split, hold_out=CATEGORIES)
    return enumerate(distinct(lambda: namesakes(tells), split, size))


def _entity_id(split: str, number: int, which: int) -> str:
    return f"Q{_NUMBERS[split]}{number:05}{which}"


def _marked(language: str, item: Namesakes) -> str:
    """The sentence about the one who is meant, with the name marked."""
    clause = item.told[item.meant]
    assert clause.object
    kind = Noun(concepts()[clause.object.head].kind)
    tokens = sentence(language, replace(clause, object=kind))
    text, offsets = surface(language, tokens)
    [name] = [i for i, token in enumerate(tokens) if token.role == "s"]
    start, end = offsets[name], offsets[name] + len(tokens[name].text)
    return mark(Mention(text[:start], text[start:end], text[end:]))


def _mention(split: str, number: int, item: Namesakes, language: str) -> dict[str, str]:
    return {
        "example_id": f"mewsli-{split}-{language}-{number}",
        "mention": _marked(language, item),
        "entity_id": _entity_id(split, number, item.meant),
    }


def mentions(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Mentions of the same entities in every language."""
    return [_mention(split, i, item, language) for i, item in _items(split, size, seed)], {}


def wikipedia_pairs(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Mentions, each with the description of its entity in the same language."""
    rows: Rows = [
        _mention(split, i, item, language) | {"entity": text_of(language, item.told[item.meant])}
        for i, item in _items(split, size, seed)
    ]
    return rows, {}


def candidates(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    """All namesakes of `size` mentions."""
    rows: Rows = []
    for number, item in _items(split, size, seed):
        for which, clause in enumerate(item.told):
            language = _DESCRIBED_IN[(number + which) % len(_DESCRIBED_IN)]
            rows.append(
                {
                    "entity_id": _entity_id(split, number, which),
                    "title": concepts()[clause.subject.head].form(language),
                    "description": text_of(language, clause),
                    "description_language": language,
                }
            )
    return rows, {}

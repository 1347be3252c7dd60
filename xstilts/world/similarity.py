"""Pairs of texts with a graded similarity: STS-B, also in every language of the world.

Each text tells of one to three things. The second text names every one of them in
other words: near, by what it is ("animal" for "dog", or the reverse), or far, by what it is
not. The score says which share is near. No thing is named alike on both sides and every other
word is, so overlap and length are the same for every score; and category words stand on both
sides of near and far alike, so that one text alone tells nothing.
"""

from dataclasses import dataclass

from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.grammar import Clause, Noun, text_of
from xstilts.world.lexicon import CATEGORIES
from xstilts.world.meanings import Teller

# How many things a text tells, as often as they stand here: pairs of one thing are where a
# small model leaves the plateau.
STATEMENTS = (1, 1, 2, 3)
HIGHEST = 5.0


@dataclass(frozen=True)
class Similar:
    """Two texts of as many clauses, and how many of these are near."""

    first: tuple[Clause, ...]
    second: tuple[Clause, ...]
    near: int

    def meaning(self) -> str:
        """What decides the split: the first text."""
        return repr([clause.meaning() for clause in self.first])

    @property
    def score(self) -> float:
        """0 (none is near) to 5 (all are), with one decimal as people's means have it."""
        return round(HIGHEST * self.near / len(self.first), 1)


def similar(told_by: Teller) -> Similar:
    """A pair in which each number of near things is as likely as every other one."""
    size = told_by.draw.choice(STATEMENTS)
    kinds = told_by.draw.sample(CATEGORIES, 2 * size)
    right, wrong = kinds[:size], kinds[size:]
    near = told_by.draw.randrange(size + 1)
    is_near = [number < near for number in range(size)]
    told_by.draw.shuffle(is_near)
    people = told_by.draw.sample(told_by.of_kind("person"), size)
    sides: tuple[list[Clause], list[Clause]] = ([], [])
    for kind, other, close, person in zip(right, wrong, is_near, people, strict=True):
        thing = told_by.draw.choice(told_by.of_kind(kind))
        names = [thing, kind if close else other]
        if told_by.chance(0.5):
            names.reverse()
        verb = told_by.draw.choice(told_by.of_kind("act"))
        for side, name in zip(sides, names, strict=True):
            side.append(Clause(Noun(person), verb, Noun(name)))
    return Similar(tuple(sides[0]), tuple(sides[1]), near)


def _pairs(split: str, size: int, seed: int, language: str) -> Rows:
    told_by = teller(seed + 41, split, hold_out=CATEGORIES)
    return [
        {
            "sentence1": " ".join(text_of(language, clause) for clause in item.first),
            "sentence2": " ".join(text_of(language, clause) for clause in item.second),
            "score": item.score,
        }
        for item in distinct(lambda: similar(told_by), split, size)
    ]


def stsb(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Rows in the schema of nyu-mll/glue, config stsb."""
    rows = _pairs(split, size, seed, language)
    return [
        {"sentence1": r["sentence1"], "sentence2": r["sentence2"], "label": r["score"], "idx": i}
        for i, r in enumerate(rows)
    ], {}


def stsb_multi_mt(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Rows in the schema of PhilipMay/stsb_multi_mt."""
    rows = _pairs(split, size, seed, language)
    return [
        {"sentence1": r["sentence1"], "sentence2": r["sentence2"], "similarity_score": r["score"]}
        for r in rows
    ], {}

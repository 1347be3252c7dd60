"""The words of the world: concepts and their form in each language, read from `lexicon.tsv`.

Forms are real words with simplified morphology: one form per concept. German and Spanish
nouns carry their gender (`m:`, `f:`, `n:`), because their article agrees with it.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

CATEGORIES = ("animal", "food", "vehicle", "garment", "furniture", "instrument")
# The word that names a kind: "dog" is an "animal", "Paris" a "town".
CATEGORY_OF_KIND = {kind: kind for kind in CATEGORIES} | {"city": "town", "occupation": "worker"}
ANTONYMS = {
    "buy": "sell", "find": "lose", "love": "hate", "send": "receive", "break": "repair",
    "big": "small", "old": "new", "clean": "dirty", "cheap": "expensive",
}  # fmt: skip
ANTONYMS |= {right: left for left, right in ANTONYMS.items()}
# What a state makes people do: the only causal knowledge of the world.
REACTIONS = {
    "tired": "sleep", "hungry": "eat", "thirsty": "drink", "sick": "recover",
    "happy": "laugh", "sad": "cry", "late": "hurry", "cold": "shiver",
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """One concept's word in one language; `gender` is empty where it does not matter."""

    text: str
    gender: str = ""


@dataclass(frozen=True)
class Concept:
    """A meaning with its word in every language that has one."""

    name: str
    kind: str
    forms: dict[str, tuple[Form, ...]]

    def form(self, language: str, gender: str = "") -> str:
        """The word in `language` that agrees with `gender`; empty when there is none."""
        for form in self.forms[language]:
            if not gender or form.gender in ("", gender):
                return form.text
        return ""

    def gender(self, language: str) -> str:
        """Grammatical gender of the word in `language`; empty when it has none."""
        return self.forms[language][0].gender if self.forms[language] else ""


def _forms(cell: str) -> tuple[Form, ...]:
    """Parse `m:der f:die` or a bare word."""
    split = [word.partition(":") for word in cell.split()]
    return tuple(Form(text, gender) if text else Form(gender) for gender, _, text in split)


@cache
def concepts() -> dict[str, Concept]:
    """All concepts by name, in the order of the file."""
    text = files("xstilts.world").joinpath("lexicon.tsv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    languages = rows[0][2:]
    table = {}
    for row in rows[1:]:
        forms = {code: _forms(cell) for code, cell in zip(languages, row[2:], strict=True)}
        table[row[0]] = Concept(row[0], row[1], forms)
    return table


def category(name: str) -> str:
    """The concept that names the kind of `name`."""
    return CATEGORY_OF_KIND[concepts()[name].kind]


@cache
def of_kind(*kinds: str) -> tuple[str, ...]:
    """Names of the concepts of these kinds, in the order of the file."""
    return tuple(name for name, concept in concepts().items() if concept.kind in kinds)

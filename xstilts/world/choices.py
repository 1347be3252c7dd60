"""Multiple choice in English: what happens next (HellaSwag), what a thing is (CommonsenseQA).

The wrong choices are right answers of other questions, each as often as every other one, so
that a choice alone tells nothing.
"""

from dataclasses import dataclass

from xstilts.world.grammar import Clause, clause_tokens, sentence, surface
from xstilts.world.lexicon import CATEGORIES, REACTIONS, category, concepts
from xstilts.world.meanings import Teller


@dataclass(frozen=True)
class Choice:
    """Prompt in two parts (the second opens every choice), choices, index of the right one."""

    before: str
    opening: str
    choices: tuple[str, ...]
    label: int

    def meaning(self) -> str:
        """What decides the split."""
        return self.before


def _text(clause: Clause) -> str:
    return surface("en", sentence("en", clause))[0]


def next_event(teller: Teller) -> Choice:
    """Somebody feels something: which of four reactions follows?"""
    hero = teller.someone()
    states = teller.draw.sample(tuple(REACTIONS), 4)
    label = teller.draw.randrange(4)
    state = Clause(hero, "is", complement=states[label])
    prompt = f"{_text(teller.any_clause(hero))} {_text(state)}"
    opening = "so " + surface("en", clause_tokens("en", Clause(hero, "sleep"))[:-1])[0]
    endings = tuple(concepts()[REACTIONS[state]].form("en") + "." for state in states)
    return Choice(prompt, opening, endings, label)


def knowledge(teller: Teller) -> Choice:
    """What is the dog? Five of the six categories; or: which of five things is an animal?"""
    kinds = teller.draw.sample(CATEGORIES, 5)
    things = [teller.draw.choice(teller.of_kind(kind)) for kind in kinds]
    label = teller.draw.randrange(5)
    place = surface("en", clause_tokens("en", teller.live()))[0]
    if teller.chance(0.5):
        asked, options = f"what is the {concepts()[things[label]].form('en')}?", kinds
    else:
        kind = concepts()[category(things[label])].form("en")
        asked, options = f"what is the {kind}?", things
    texts = tuple(concepts()[name].form("en") for name in options)
    return Choice(f"{place}. {asked}", "", texts, label)

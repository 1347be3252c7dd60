"""Everyday reasoning, in any language: causes and effects, whose feeling it is, endings, kinds.

Right and wrong choices of a problem are drawn in the same way and have the same form and the
same words in common with what is told. So neither a choice alone nor its length nor its
overlap tells which one is right.
"""

from dataclasses import dataclass

from xstilts.world.grammar import Clause, Noun, question, surface, text_of
from xstilts.world.lexicon import CATEGORIES, REACTIONS, category, concepts
from xstilts.world.meanings import STATES, Teller

Choice = Clause | str  # a statement, or the name of a concept


@dataclass(frozen=True)
class Problem:
    """What is told, what is asked about whom, the choices and the index of the right one.

    `None` among the choices stands for "none of the others".
    """

    told: tuple[Clause, ...]
    asked: str
    about: Noun
    choices: tuple[Choice | None, ...]
    label: int

    def meaning(self) -> str:
        """What decides the split: everything that is told."""
        return repr([clause.meaning() for clause in self.told])


def rendered(language: str, choice: Choice) -> str:
    """A choice as text."""
    if isinstance(choice, str):
        return concepts()[choice].form(language)
    return text_of(language, choice)


def story(language: str, problem: Problem) -> str:
    """All that is told, as running text."""
    return " ".join(text_of(language, clause) for clause in problem.told)


def _feels(who: Noun, state: str) -> Clause:
    return Clause(who, "is", complement=state)


def _does(who: Noun, state: str) -> Clause:
    return Clause(who, REACTIONS[state])


def cause_or_effect(teller: Teller) -> Problem:
    """What made somebody do this, or what does it lead to? Two states, or two reactions."""
    hero, states = teller.someone(), teller.draw.sample(teller.of_kind("state"), 2)
    asked, label = teller.draw.choice(("cause", "effect")), teller.draw.randrange(2)
    told, chosen = (_does, _feels) if asked == "cause" else (_feels, _does)
    before = teller.any_clause(hero)
    choices = tuple(chosen(hero, state) for state in states)
    return Problem((before, told(hero, states[label])), asked, hero, choices, label)


def feelings(teller: Teller) -> Problem:
    """Two people feel or do something: why, or what next, is asked about one of them.

    One wrong choice fits the other person.
    """
    names = teller.draw.sample(teller.of_kind("person"), 2)
    one, two = Noun(names[0]), Noun(names[1])
    states, asked = teller.draw.sample(STATES, 3), teller.draw.choice(("cause", "effect"))
    told = _does if asked == "cause" else _feels
    events = [told(one, states[0]), told(two, states[1])]
    teller.draw.shuffle(events)
    shown = teller.draw.sample(states, 3)
    choices = tuple(state if asked == "cause" else REACTIONS[state] for state in shown)
    before = teller.any_clause(teller.draw.choice((one, two)))
    return Problem((before, *events), asked, one, choices, shown.index(states[0]))


def reasons(teller: Teller) -> Problem:
    """Why does one of two people do this? Three states and "none of these"; each is as often right.

    The state that explains the other person is shown as often as any other wrong one.
    """
    names = teller.draw.sample(teller.of_kind("person"), 2)
    hero, other = Noun(names[0]), Noun(names[1])
    states = teller.draw.sample(STATES, 4)
    events = [_does(hero, states[0]), _does(other, states[1])]
    teller.draw.shuffle(events)
    none, label = teller.draw.randrange(4), teller.draw.randrange(4)
    wrong = iter(teller.draw.sample(states[1:], 3))
    choices: list[Clause | None] = []
    for place in range(4):
        if place == none:
            choices.append(None)
        else:
            choices.append(_feels(hero, states[0] if place == label else next(wrong)))
    before = teller.any_clause(hero)
    return Problem((before, *events), "cause", hero, tuple(choices), label)


def ending(teller: Teller) -> Problem:
    """How does the story end? With what a feeling leads to, or with a thing named by its kind."""
    hero, label = teller.someone(), teller.draw.randrange(2)
    choices: tuple[Clause, ...]
    if teller.chance(0.5):
        states = teller.draw.sample(teller.of_kind("state"), 2)
        key = _feels(hero, states[label])
        choices = tuple(_does(hero, state) for state in states)
    else:
        kinds = teller.draw.sample(CATEGORIES, 2)
        thing = Noun(teller.draw.choice(teller.of_kind(kinds[label])))
        key = Clause(hero, teller.draw.choice(teller.of_kind("act")), thing)
        choices = tuple(Clause(hero, key.verb, Noun(kind)) for kind in kinds)
    # nothing else happens to a thing, so that only one ending is true
    others = teller.draw.sample((teller.meet, teller.live, teller.work, teller.go), 3)
    told = [make(hero) for make in others]
    told.insert(teller.draw.randrange(4), key)
    return Problem(tuple(told), "ending", hero, choices, label)


def kind_of_thing(teller: Teller) -> Problem:
    """Which of five things is the animal; or: which of five kinds is the dog?"""
    kinds, label = teller.draw.sample(CATEGORIES, 5), teller.draw.randrange(5)
    things = [teller.draw.choice(teller.of_kind(kind)) for kind in kinds]
    place, act = Noun(teller.draw.choice(teller.of_kind("city"))), teller.of_kind("act")
    hero = teller.someone()
    told = Clause(hero, teller.draw.choice(act), Noun(things[label]), place)
    asked = teller.draw.choice(("thing", "kind"))
    return Problem((told,), asked, hero, tuple(things if asked == "thing" else kinds), label)


def stem(language: str, problem: Problem) -> str:
    """The question of `kind_of_thing`; what is told is shown where its kind is asked for."""
    (told,) = problem.told
    assert told.object
    if problem.asked == "kind":
        asked = question(language, told, "o")
        return f"{text_of(language, told)} {surface(language, asked)[0]}"
    return surface(language, question(language, told, "o", category(told.object.head)))[0]

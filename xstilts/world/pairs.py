"""Pairs of sentences: inference (MNLI, XNLI, SNLI), paraphrase (PAWS-X, QQP).

Both sides of a pair are made so that a shortcut tells nothing. Inference: premise and
hypothesis always differ in exactly one place, so that overlap and length are the same for
every label, and category words ("animal" for "dog") stand on both sides of every label.
Paraphrase: both sentences hold the same words, only their order differs.
"""

from dataclasses import dataclass, replace

from xstilts.world.grammar import Clause, Noun
from xstilts.world.lexicon import ANTONYMS, CATEGORIES, category
from xstilts.world.meanings import Teller

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


@dataclass(frozen=True)
class Pair:
    """Two clauses and their label; `role` asks about both (QQP), else they are statements."""

    first: Clause
    second: Clause
    label: int
    role: str = ""

    def meaning(self) -> str:
        """What decides the split: the first clause, in the order of names."""
        return self.first.meaning()


def inference(teller: Teller) -> Pair:
    """Premise and hypothesis: the same event, one slot changed.

    Entailment: a word gives way to its category. Neutral: the reverse. Contradiction: a word
    gives way to another one, to a category it does not belong to, or a verb to its antonym.
    """
    label = teller.draw.randrange(3)
    slot = teller.draw.choice(("subject", "object", "object", "place"))
    if label == ENTAILMENT:
        premise = _event(teller, fixed={slot: False})
        return Pair(premise, _raised(premise, slot), label)
    if label == NEUTRAL:
        hypothesis = _event(teller, fixed={slot: False})
        return Pair(_raised(hypothesis, slot), hypothesis, label)
    return _contradiction(teller, slot)


def _event(teller: Teller, fixed: dict[str, bool]) -> Clause:
    """An act by a worker on a thing in a city; half of the slots name only the category.

    `fixed` says for a slot whether it names the category.
    """
    act = teller.draw.choice([verb for verb in teller.of_kind("act") if verb in ANTONYMS])
    names = {
        "subject": teller.draw.choice(teller.of_kind("occupation")),
        "object": teller.draw.choice(teller.of_kind(*CATEGORIES)),
        "place": teller.draw.choice(teller.of_kind("city")),
    }
    nouns = {
        slot: Noun(category(name) if fixed.get(slot, teller.chance(0.5)) else name)
        for slot, name in names.items()
    }
    time = teller.draw.choice(teller.of_kind("time")) if teller.chance(0.3) else None
    return Clause(nouns["subject"], act, nouns["object"], nouns["place"], time=time)


def _raised(clause: Clause, slot: str) -> Clause:
    """The clause with the word in `slot` replaced by its category."""
    return _with(clause, slot, category(getattr(clause, slot).head))


def _with(clause: Clause, slot: str, name: str) -> Clause:
    nouns = {slot: replace(getattr(clause, slot), head=name)}
    return replace(clause, **nouns)


def _contradiction(teller: Teller, slot: str) -> Pair:
    """One of: antonym; wrong category on either side; sibling word or sibling category."""
    if teller.chance(0.15):
        premise = _event(teller, {})
        return Pair(premise, replace(premise, verb=ANTONYMS[premise.verb]), CONTRADICTION)
    clause = _event(teller, {slot: False})
    name = getattr(clause, slot).head
    if slot == "object":
        wrong = teller.draw.choice([kind for kind in CATEGORIES if kind != category(name)])
        way = teller.draw.random()
        if way < 0.35:
            return Pair(clause, _with(clause, slot, wrong), CONTRADICTION)
        if way < 0.7:
            return Pair(_with(clause, slot, wrong), clause, CONTRADICTION)
        if way < 0.85:
            return Pair(_raised(clause, slot), _with(clause, slot, wrong), CONTRADICTION)
    kinds = CATEGORIES if slot == "object" else ("occupation",) if slot == "subject" else ("city",)
    others = [other for other in teller.of_kind(*kinds) if other != name]
    return Pair(clause, _with(clause, slot, teller.draw.choice(others)), CONTRADICTION)


def paraphrase(teller: Teller) -> Pair:
    """Two orders of the same words; label 1 where they mean the same.

    The time always moves between front and back; in a negative pair two names, cities or
    the members of a pair of persons change places as well.
    """
    kind = teller.draw.choice(("meet", "go", "both"))
    people = [Noun(name) for name in teller.draw.sample(teller.of_kind("person"), 3)]
    time, front = teller.draw.choice(teller.of_kind("time")), teller.chance(0.5)
    if kind == "go":
        origin, goal = (Noun(n) for n in teller.draw.sample(teller.of_kind("city"), 2))
        first = Clause(people[0], "go", place=goal, origin=origin, time=time, front=front)
        swapped = replace(first, place=origin, origin=goal)
    elif kind == "meet":
        verb = teller.draw.choice(teller.of_kind("meet"))
        first = Clause(people[0], verb, people[1], time=time, front=front)
        swapped = replace(first, subject=people[1], object=people[0])
    else:
        return _both(teller, people, time, front)
    label = teller.draw.randrange(2)
    return Pair(first, replace(first if label else swapped, front=not front), label)


def _both(teller: Teller, people: list[Noun], time: str, front: bool) -> Pair:
    """Anna and Omar call Lin: so do Omar and Anna, but Lin and Omar do not call Anna."""
    one, two, three = (person.head for person in people)
    verb = teller.draw.choice(teller.of_kind("meet"))
    first = Clause(Noun(one, other=two), verb, Noun(three), time=time, front=front)
    label = teller.draw.randrange(2)
    subject, thing = (Noun(two, other=one), three) if label else (Noun(three, other=two), one)
    second = Clause(subject, verb, Noun(thing), time=time, front=not front)
    return Pair(first, second, label)


def same_question(teller: Teller) -> Pair:
    """Two questions of the same words; label 1 (duplicate) where they ask the same."""
    people = [Noun(name) for name in teller.draw.sample(teller.of_kind("person"), 3)]
    pair = _both(teller, people, teller.draw.choice(teller.of_kind("time")), front=False)
    place = teller.somewhere(people[0].head)
    first, second = replace(pair.first, place=place), replace(pair.second, place=place)
    return Pair(first, second, pair.label, role=teller.draw.choice("pt"))

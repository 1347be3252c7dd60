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
    slot = teller.draw.choice(("subject", "object", "object", "object", "object"))
    if label == ENTAILMENT:
        premise = _event(teller, fixed={slot: False})
        return Pair(premise, _raised(premise, slot), label)
    if label == NEUTRAL:
        hypothesis = _event(teller, fixed={slot: False})
        return Pair(_raised(hypothesis, slot), hypothesis, label)
    return _contradiction(teller, slot)


def _event(teller: Teller, fixed: dict[str, bool]) -> Clause:
    """An act by a worker on a thing in a city; worker and thing may be named by category.

    `fixed` says for a slot whether it names the category.
    """
    act = teller.draw.choice([verb for verb in teller.of_kind("act") if verb in ANTONYMS])
    names = {
        "subject": teller.draw.choice(teller.of_kind("occupation")),
        "object": teller.draw.choice(teller.of_kind(*CATEGORIES)),
    }
    place = Noun(teller.draw.choice(teller.of_kind("city")))
    nouns = {
        slot: Noun(category(name) if fixed.get(slot, teller.chance(0.5)) else name)
        for slot, name in names.items()
    }
    time = teller.draw.choice(teller.of_kind("time")) if teller.chance(0.3) else None
    return Clause(nouns["subject"], act, nouns["object"], place, time=time)


def _raised(clause: Clause, slot: str) -> Clause:
    """The clause with the word in `slot` replaced by its category."""
    return _with(clause, slot, category(getattr(clause, slot).head))


def _with(clause: Clause, slot: str, name: str) -> Clause:
    nouns = {slot: replace(getattr(clause, slot), head=name)}
    return replace(clause, **nouns)


def _contradiction(teller: Teller, slot: str) -> Pair:
    """One of: antonym, another city; wrong category on either side; sibling or its category."""
    clause, way = _event(teller, {slot: False}), teller.draw.random()
    if way < 0.1:
        return Pair(clause, replace(clause, verb=ANTONYMS[clause.verb]), CONTRADICTION)
    if way < 0.2:
        assert clause.place
        return Pair(clause, _sibling(teller, clause, "place", ("city",)), CONTRADICTION)
    if slot == "subject":
        return Pair(clause, _sibling(teller, clause, slot, ("occupation",)), CONTRADICTION)
    assert clause.object
    right = category(clause.object.head)
    wrong = _with(clause, slot, teller.draw.choice([k for k in CATEGORIES if k != right]))
    if way < 0.55:
        return Pair(clause, wrong, CONTRADICTION)
    if way < 0.9:
        return Pair(wrong, clause, CONTRADICTION)
    if way < 0.95:
        return Pair(_raised(clause, slot), wrong, CONTRADICTION)
    return Pair(clause, _sibling(teller, clause, slot, CATEGORIES), CONTRADICTION)


def _sibling(teller: Teller, clause: Clause, slot: str, kinds: tuple[str, ...]) -> Clause:
    """The clause with another word of these kinds in `slot`."""
    name = getattr(clause, slot).head
    others = [other for other in teller.of_kind(*kinds) if other != name]
    return _with(clause, slot, teller.draw.choice(others))


def paraphrase(teller: Teller) -> Pair:
    """Two orders of the same words; label 1 where they mean the same.

    Two of three people stand together: "Anna and Omar call Lin" is "Omar and Anna call
    Lin", but not "Anna and Lin call Omar". The time always moves between front and back.
    Of all exchanges the wrong one is that which keeps as many neighbours together as the
    right one does.
    """
    one, two, three = teller.draw.sample(teller.of_kind("person"), 3)
    verb, label = teller.draw.choice(teller.of_kind("meet")), teller.draw.randrange(2)
    if teller.chance(0.5):
        said = (Noun(one, other=two), Noun(three))
        right, wrong = (Noun(two, other=one), Noun(three)), (Noun(one, other=three), Noun(two))
    else:
        said = (Noun(three), Noun(one, other=two))
        right, wrong = (Noun(three), Noun(two, other=one)), (Noun(one), Noun(three, other=two))
    time, front = teller.draw.choice(teller.of_kind("time")), teller.chance(0.5)
    first, second = (
        Clause(subject, verb, thing, time=time)
        for subject, thing in (said, right if label else wrong)
    )
    return Pair(replace(first, front=front), replace(second, front=not front), label)


def same_question(teller: Teller) -> Pair:
    """Two questions of the same words; label 1 (duplicate) where they ask the same."""
    pair = paraphrase(teller)
    place = teller.somewhere(pair.first.subject.head)
    first, second = replace(pair.first, place=place), replace(pair.second, place=place)
    return Pair(first, second, pair.label, role=teller.draw.choice("pt"))

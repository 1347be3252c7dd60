"""Drawing meanings at random: who does what to which thing, where and when.

`Teller(preferences=True)` draws the text of the corpus. There every word keeps the company
that it keeps (dogs are followed, Anna lives in Lima), because words that all occur in the
same contexts cannot be told apart, nor aligned across languages. Tasks are drawn without
preferences, so that a plausible answer is no better than another one.
"""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

from xstilts.world.grammar import Clause, Link, Noun
from xstilts.world.lexicon import CATEGORIES, REACTIONS, category, concepts, of_kind

THINGS = of_kind(*CATEGORIES)
STATES = tuple(REACTIONS)
_ADJECTIVES = of_kind("colour", "quality")


def split_of(meaning: str) -> str:
    """The split that owns a meaning: one tenth test, one tenth dev, the rest train."""
    bucket = zlib.crc32(meaning.encode()) % 10
    return {0: "test", 1: "dev"}.get(bucket, "train")


def held_out(name: str) -> bool:
    """Whether a concept is kept for testing by tasks that hold words out.

    Every second concept of a kind, so that each kind stands on both sides.
    """
    return of_kind(concepts()[name].kind).index(name) % 2 == 1


@dataclass(frozen=True)
class Habits:
    """The company a word keeps in the corpus."""

    things: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    employer: Noun | None = None
    friends: tuple[str, ...] = ()
    meets: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    times: tuple[str, ...] = ()


@cache
def habits() -> dict[str, Habits]:
    """Fixed habits of every thing and person."""
    draw = random.Random(42)
    table = {}
    for thing in THINGS:
        table[thing] = Habits(
            acts=tuple(draw.sample(of_kind("act"), 3)),
            adjectives=tuple(draw.sample(_ADJECTIVES, 3)),
            places=(draw.choice(of_kind("place")), draw.choice(of_kind("city"))),
        )
    for person in of_kind("person", "occupation"):
        table[person] = Habits(
            things=tuple(draw.sample(THINGS, 4)),
            places=tuple(draw.sample(of_kind("place"), 2)),
            cities=tuple(draw.sample(of_kind("city"), 2)),
            employer=Noun(draw.choice(of_kind("company"))),
            friends=tuple(draw.sample(of_kind("person"), 2)),
            meets=tuple(draw.sample(of_kind("meet"), 2)),
            states=tuple(draw.sample(STATES, 2)),
            times=tuple(draw.sample(of_kind("time"), 2)),
        )
    return table


@dataclass
class Teller:
    """Draws clauses; with `preferences` a habit is followed in two of three draws.

    `keep` restricts the words to choose from; function words are always there.
    """

    seed: int
    preferences: bool = False
    keep: Callable[[str], bool] | None = None
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """The concepts of these kinds that may be used."""
        names = of_kind(*kinds)
        return tuple(filter(self.keep, names)) if self.keep else names

    def pick(self, options: tuple[str, ...], habit: tuple[str, ...] = ()) -> str:
        """One of `options`, or more often of `habit` where preferences hold."""
        if self.preferences and habit and self.chance(0.67):
            return self.draw.choice(habit)
        return self.draw.choice(options)

    def someone(self) -> Noun:
        """A named person, sometimes two, or somebody with an occupation."""
        if self.chance(0.25):
            return Noun(self.draw.choice(self.of_kind("occupation")))
        first, second = self.draw.sample(self.of_kind("person"), 2)
        return Noun(first, other=second if self.chance(0.1) else None)

    def somewhere(self, of: str) -> Noun:
        options = self.of_kind("city") if self.chance(0.5) else self.of_kind("place")
        return Noun(self.pick(options, habits()[of].places))

    def employer(self, of: str) -> Noun:
        habit = habits()[of].employer
        if self.preferences and habit and self.chance(0.67):
            return habit
        return self._any_employer()

    def _any_employer(self) -> Noun:
        if self.chance(0.5):
            return Noun(self.draw.choice(self.of_kind("company")))
        institution = self.draw.choice(of_kind("institution"))
        return Noun(institution, self.draw.choice(self.of_kind("city")))

    def thing(self, of: str) -> Noun:
        head = self.pick(self.of_kind(*CATEGORIES), habits()[of].things)
        modifier, number = None, None
        if self.chance(0.45):
            modifier = self.pick(self.of_kind("colour", "quality"), habits()[head].adjectives)
        if self.chance(0.1):
            number = self.draw.randint(2, 9)
        return Noun(head, modifier, number)

    def act(self, subject: Noun | None = None) -> Clause:
        """Somebody does something to a thing, often somewhere, sometimes sometime."""
        subject = subject or self.someone()
        thing = self.thing(subject.head)
        habit = habits()[thing.head]
        place = self.somewhere(thing.head) if self.chance(0.5) else None
        return self._timed(
            Clause(subject, self.pick(self.of_kind("act"), habit.acts), thing, place), 0.3
        )

    def meet(self, subject: Noun | None = None) -> Clause:
        """Somebody meets somebody."""
        subject = subject or self.someone()
        habit = habits()[subject.head]
        present = (subject.head, subject.other)
        others = tuple(name for name in self.of_kind("person") if name not in present)
        friends = tuple(name for name in habit.friends if name in others)
        other = Noun(self.pick(others, friends))
        if self.chance(0.15):
            other = replace(other, other=self.pick(tuple(n for n in others if n != other.head)))
        place = self.somewhere(subject.head) if self.chance(0.3) else None
        verb = self.pick(self.of_kind("meet"), habit.meets)
        return self._timed(Clause(subject, verb, other, place), 0.3)

    def _timed(self, clause: Clause, share: float) -> Clause:
        if not self.chance(share):
            return clause
        time = self.pick(self.of_kind("time"), habits()[clause.subject.head].times)
        return replace(clause, time=time, front=self.chance(0.4))

    def live(self, subject: Noun | None = None) -> Clause:
        subject = subject or self.someone()
        return Clause(
            subject,
            "live",
            place=Noun(self.pick(self.of_kind("city"), habits()[subject.head].cities)),
        )

    def work(self, subject: Noun | None = None) -> Clause:
        subject = subject or self.someone()
        return Clause(subject, "work", place=self.employer(subject.head))

    def go(self, subject: Noun | None = None) -> Clause:
        origin, goal = self.draw.sample(self.of_kind("city"), 2)
        clause = Clause(subject or self.someone(), "go", place=Noun(goal), origin=Noun(origin))
        return self._timed(clause, 0.5)

    def cause(self, subject: Noun | None = None) -> Link:
        """A state and the reaction to it, in one of the two orders."""
        subject = subject or self.someone()
        state = self.pick(self.of_kind("state"), habits()[subject.head].states)
        is_so = Clause(subject, "is", complement=state)
        does = Clause(subject, REACTIONS[state])
        return Link(is_so, "so", does) if self.chance(0.5) else Link(does, "because", is_so)

    def fact(self, thing: str) -> Clause:
        """A dog is an animal; Paris is a town."""
        return Clause(Noun(thing), "is", complement=category(thing))

    def any_clause(self, subject: Noun | None = None) -> Clause:
        """One clause of any kind but a link."""
        kinds = [self.act, self.meet, self.live, self.work, self.go]
        return self.draw.choices(kinds, [4, 2, 1, 1, 1])[0](subject)

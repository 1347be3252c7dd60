"""Pretraining text of the world: short stories in one language, and code-switched ones.

The stories are not parallel, and no meaning that a test split owns occurs in them. The
bridge between the languages is code-switching: in a part of the stories every word is, with
a given chance, replaced by its translation into a language of its own. It stands in for
what scale gives to large multilingual models.
"""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xstilts.world.grammar import (
    LANGUAGES,
    Clause,
    Link,
    Noun,
    Token,
    answer,
    question,
    sentence,
    stop,
)
from xstilts.world.lexicon import CATEGORIES, category, concepts, of_kind
from xstilts.world.meanings import Teller, split_of

MIXED = "mixed"  # stands for a language where texts are code-switched
Told = Clause | Link | list[Token]


def _new(make: Callable[[], Any]) -> Any:
    """Draw until the meaning is not one that a test split owns."""
    while True:
        item = make()
        if split_of(item.meaning()) != "test":
            return item


def story(teller: Teller, language: str) -> list[list[Token]]:
    """A handful of sentences around one person; one of three kinds."""
    kind = teller.draw.choices(("life", "comparison", "repetition"), (4, 4, 2))[0]
    if kind == "repetition":
        told = _repetition(teller)
    else:
        told = (_life if kind == "life" else _comparison)(teller, language)
    return [item if isinstance(item, list) else sentence(language, item) for item in told]


def _life(teller: Teller, language: str) -> list[Told]:
    """What somebody does, where they live and work, how they feel; facts; a question."""
    hero = teller.someone()
    first = _new(lambda: teller.act(hero))
    assert first.object
    thing = first.object.head
    told: list[Told] = [first, *(_new(lambda: teller.any_clause(hero)) for _ in range(2))]
    if teller.chance(0.5):
        told.append(_new(lambda: teller.cause(hero)))
    if teller.chance(0.5):
        told.append(_new(lambda: replace(teller.act(hero), object=Noun(category(thing)))))
    if teller.chance(0.3):
        told.append(teller.fact(thing))
    if teller.chance(0.1):
        told.append(teller.fact(teller.draw.choice(of_kind("city", "occupation"))))
    if teller.chance(0.2):
        told += _asked(teller, first, language)
    teller.draw.shuffle(told)
    return told


def _comparison(teller: Teller, language: str) -> list[Told]:
    """Somebody does the same to two or three things in different places; then a question."""
    hero, act = teller.someone(), teller.draw.choice(of_kind("act"))
    same_hero = teller.chance(0.6)
    events = []
    for kind in teller.draw.sample(CATEGORIES, teller.draw.choice((2, 2, 3))):
        thing = Noun(teller.draw.choice(of_kind(kind)))
        who = hero if same_hero else teller.someone()
        place = teller.somewhere(thing.head) if teller.chance(0.8) else None
        time = teller.draw.choice(of_kind("time")) if teller.chance(0.6) else None
        events.append(Clause(who, act, thing, place, time=time))
    if any(split_of(event.meaning()) == "test" for event in events):
        return _comparison(teller, language)
    return [*events, *_asked(teller, teller.draw.choice(events), language)]


def _repetition(teller: Teller) -> list[Told]:
    """Who meets whom and who goes where, and one of it told again in another order."""
    meet_or_go = (teller.meet, teller.meet, teller.go)
    events = [_new(lambda: teller.draw.choice(meet_or_go)()) for _ in range(3)]
    again = teller.draw.choice(events)
    again = replace(again, subject=_turned(again.subject), front=not again.front)
    if again.object:
        again = replace(again, object=_turned(again.object))
    return [*events, again]


def _turned(noun: Noun) -> Noun:
    """Anna and Omar as Omar and Anna."""
    return Noun(noun.other, other=noun.head) if noun.other else noun


def _asked(teller: Teller, clause: Clause, language: str) -> list[Told]:
    """A question that mostly names the thing by its category, and a long or short answer."""
    assert clause.object
    roles = ["s", "o", "o"] + ["p"] * bool(clause.place) + ["t"] * bool(clause.time)
    role, kind = teller.draw.choice(roles), category(clause.object.head)
    by_category = teller.chance(0.75)
    about = replace(clause, object=Noun(kind)) if by_category and role != "o" else clause
    if teller.chance(0.7):
        about = replace(about, place=about.place if role == "p" else None)
        about = replace(about, time=about.time if role == "t" else None)
    narrowed = kind if by_category and role == "o" else None
    asked = question(language, about, role, narrowed)
    if teller.chance(0.5):
        return [asked + sentence(language, clause)]
    return [[*asked, *answer(language, clause, role), stop(language)]]


def code_switch(teller: Teller, tokens: list[Token], share: float) -> list[Token]:
    """Replace words, each with chance `share`, by their translation into a random language.

    Articles and particles stay: other languages have nothing to put there.
    """
    switched = []
    for token in tokens:
        fixed = not token.concept or token.concept in ("the", "subject", "object")
        if not fixed and teller.chance(share):
            language = teller.draw.choice(list(LANGUAGES))
            token = replace(token, text=concepts()[token.concept].form(language))
        switched.append(token)
    return switched


def corpus(language: str, rows: int, seed: int, share: float = 0.7) -> list[str]:
    """`rows` stories, each a text in one language, or code-switched for `mixed`.

    Words are separated by spaces in every language. `share` is the chance of a word in a
    code-switched story to be replaced; its order and particles come from a host language.
    """
    hosts = list(LANGUAGES) if language == MIXED else [language]
    teller = Teller(zlib.crc32(f"{language} {seed}".encode()), preferences=True)
    texts = []
    for _ in range(rows):
        host = teller.draw.choice(hosts)
        tokens = [token for part in story(teller, host) for token in part]
        if language == MIXED:
            tokens = code_switch(teller, tokens, share)
        texts.append(" ".join(token.text for token in tokens))
    return texts

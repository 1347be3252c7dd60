"""Questions on a short text: SQuAD, XQuAD, MLQA, TyDiQA.

All statements of a text share subject and verb, or verb alone, and the question names the
thing by its category: no statement has more words in common with the question than another
one. Only who knows that a dog is an animal finds the right one.
"""

from dataclasses import dataclass, replace

from xstilts.world.grammar import Clause, Noun, Token, question, sentence, surface
from xstilts.world.lexicon import CATEGORIES, category
from xstilts.world.meanings import Teller


@dataclass(frozen=True)
class Reading:
    """Statements, the one that is asked about, and the role asked for (`s`, `o`, `p`, `t`)."""

    statements: tuple[Clause, ...]
    asked: int
    role: str

    def meaning(self) -> str:
        """What decides the split: the statement asked about."""
        return self.statements[self.asked].meaning()


def reading(teller: Teller, roles: str, statements: int, extra: int = 0) -> Reading:
    """A text of `statements` alike and `extra` other ones, and a question on it.

    The question asks for one of `roles`; a letter that stands there twice is drawn twice as
    often. What a thing is (`o`, "what animal") is easier to find than what belongs to it.
    """
    role = teller.draw.choice(roles)
    verb = teller.draw.choice(teller.of_kind("act"))
    kinds = teller.draw.sample(CATEGORIES, statements)
    names = teller.draw.sample(teller.of_kind("person"), statements)
    cities = teller.draw.sample(teller.of_kind("city"), statements)
    times = teller.draw.sample(teller.of_kind("time"), statements)
    told = []
    for number, kind in enumerate(kinds):
        thing = Noun(teller.draw.choice(teller.of_kind(kind)))
        who = Noun(names[number] if role == "s" else names[0])
        clause = Clause(who, verb, thing, Noun(cities[number]), time=times[number])
        told.append(clause if role != "s" or teller.chance(0.5) else replace(clause, time=None))
    asked = told[teller.draw.randrange(statements)]
    told += [teller.work(Noun(names[0])) for _ in range(extra)]
    teller.draw.shuffle(told)
    return Reading(tuple(told), told.index(asked), role)


def rendered(item: Reading, language: str) -> dict[str, object]:
    """The text, the question and the answer with its character offset in the text."""
    context, start, answer = "", 0, ""
    for number, clause in enumerate(item.statements):
        tokens = sentence(language, clause)
        text, offsets = surface(language, tokens)
        context += " " if context else ""
        if number == item.asked:
            found = [i for i, token in enumerate(tokens) if token.role == item.role]
            begin, end = offsets[found[0]], offsets[found[-1]] + len(tokens[found[-1]].text)
            start, answer = len(context) + begin, text[begin:end]
        context += text
    return {
        "context": context,
        "question": surface(language, _asked(item, language))[0],
        "answers": {"text": [answer], "answer_start": [start]},
    }


def _asked(item: Reading, language: str) -> list[Token]:
    clause = item.statements[item.asked]
    assert clause.object
    kind = category(clause.object.head)
    about = replace(_only(clause, item.role), object=Noun(kind))
    return question(language, about, item.role, kind if item.role == "o" else None)


def _only(clause: Clause, role: str) -> Clause:
    """The clause without place and time, but for the one that is asked for."""
    place = clause.place if role == "p" else None
    return replace(clause, place=place, time=clause.time if role == "t" else None)

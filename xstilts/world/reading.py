"""Questions on a short text: SQuAD, XQuAD, MLQA, TyDiQA.

All statements of a text share subject and verb, or verb alone, and the question names the
thing by its category: no statement has more words in common with the question than another
one. Only who knows that a dog is an animal finds the right one.
"""

from dataclasses import dataclass, replace

from xstilts.world.grammar import Clause, Noun, question, sentence, surface
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


def reading(teller: Teller, statements: int, extra: int = 0) -> Reading:
    """A text of `statements` alike and `extra` other ones, and a question on it."""
    role = teller.draw.choice("oospt")
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
    asked = item.statements[item.asked]
    assert asked.object
    kind = category(asked.object.head)
    about = replace(asked, object=Noun(kind))
    about = replace(about, place=about.place if item.role == "p" else None)
    about = replace(about, time=about.time if item.role == "t" else None)
    narrowed = kind if item.role == "o" else None
    return {
        "context": context,
        "question": surface(language, question(language, about, item.role, narrowed))[0],
        "answers": {"text": [answer], "answer_start": [start]},
    }

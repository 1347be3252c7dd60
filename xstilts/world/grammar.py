"""From meaning to sentence: one small typed grammar for all languages of the world.

A sentence is a list of `Token`; its tags, spans and translations follow from the meaning
it was made from. Languages differ in word order (SVO, SOV, VSO), the place of adjectives
and adpositions, articles, copula, particles and where a question word stands.
"""

from dataclasses import dataclass, replace

from xstilts.world.lexicon import concepts


@dataclass(frozen=True)
class Token:
    """One word: its surface, UPOS tag, entity tag (BIO) and role in the sentence.

    Roles: `s` subject, `v` verb, `o` object, `p` place, `t` time, `c` complement; empty
    for function words. They find the answer to a question. `concept` names what the word
    stands for; it is empty for punctuation and numbers.
    """

    text: str
    pos: str
    entity: str = "O"
    role: str = ""
    concept: str = ""


@dataclass(frozen=True)
class Noun:
    """A thing, person or place; `modifier` is an adjective or an institution's city."""

    head: str
    modifier: str | None = None
    number: int | None = None
    other: str | None = None  # a second person: "Anna and Omar"


@dataclass(frozen=True)
class Clause:
    """A statement: somebody does something to something, somewhere, sometime.

    `verb` may be `is` (state or category in `complement`). `front` puts the time first,
    which changes the sentence and not its meaning.
    """

    subject: Noun
    verb: str
    object: Noun | None = None
    place: Noun | None = None
    origin: Noun | None = None
    time: str | None = None
    complement: str | None = None
    front: bool = False

    def meaning(self) -> str:
        """A text that is equal for clauses that mean the same."""
        return repr(replace(self, front=False))


@dataclass(frozen=True)
class Link:
    """Two clauses joined by `so` (cause first) or `because` (effect first)."""

    first: Clause
    word: str
    second: Clause

    def meaning(self) -> str:
        """A text that is equal for links that mean the same."""
        return repr(sorted([self.first.meaning(), self.second.meaning()]))


@dataclass(frozen=True)
class Typology:
    """What the grammar needs to know about a language."""

    order: str = "SVO"
    adjective_first: bool = True
    postposition: bool = False
    article: bool = False
    copula: bool = True
    place_before_verb: bool = False
    question_in_place: bool = False
    spaced: bool = True
    stop: str = "."
    question_mark: str = "?"


LANGUAGES = {
    "en": Typology(article=True),
    "de": Typology(article=True),
    "es": Typology(article=True, adjective_first=False),
    "ru": Typology(copula=False),
    "tr": Typology(order="SOV", postposition=True, question_in_place=True),
    "sw": Typology(adjective_first=False),
    "hi": Typology(order="SOV", postposition=True, question_in_place=True, stop="।"),
    "zh": Typology(
        place_before_verb=True, question_in_place=True, spaced=False, stop="。", question_mark="？"
    ),
    "ja": Typology(
        order="SOV",
        postposition=True,
        question_in_place=True,
        spaced=False,
        stop="。",
        question_mark="？",
    ),
    "ar": Typology(order="VSO", adjective_first=False, copula=False, question_mark="؟"),
}

_ENTITIES = {"person": "PER", "city": "LOC", "company": "ORG", "institution": "ORG"}
_PREPOSITIONS = {"live": "in", "work": "at", "go": "to"}
_QUESTION_WORDS = {"s": "who", "o": "what", "p": "where", "t": "when"}


def word(language: str, name: str, pos: str, role: str = "") -> list[Token]:
    """The concept as one token, or nothing where the language has no word for it."""
    text = concepts()[name].form(language)
    return [Token(text, pos, "O", role, name)] if text else []


def noun_phrase(language: str, noun: Noun, role: str) -> list[Token]:
    """Render a noun with its article, number and modifier."""
    head = concepts()[noun.head]
    if head.kind == "institution":
        return _institution(language, noun, role)
    if head.kind in _ENTITIES:
        tokens = [_named(language, noun.head, f"B-{_ENTITIES[head.kind]}", role)]
        if noun.other:
            second = noun_phrase(language, Noun(noun.other), role)
            tokens += word(language, "and", "CCONJ", role) + second
        return tokens
    tokens = word(language, noun.head, "NOUN", role)
    if noun.modifier:
        adjective = word(language, noun.modifier, "ADJ", role)
        first = LANGUAGES[language].adjective_first
        tokens = adjective + tokens if first else tokens + adjective
    if noun.number:
        return [Token(str(noun.number), "NUM", "O", role), *tokens]
    if LANGUAGES[language].article:
        article = concepts()["the"].form(language, head.gender(language))
        return [Token(article, "DET", concept="the"), *tokens]
    return tokens


def _named(language: str, name: str, entity: str, role: str) -> Token:
    return Token(concepts()[name].form(language), "PROPN", entity, role, name)


def _institution(language: str, noun: Noun, role: str) -> list[Token]:
    """Name one organisation with two words, "Bank Paris" or "Paris Bank"."""
    assert noun.modifier
    names = [noun.head, noun.modifier]
    if LANGUAGES[language].postposition or language == "zh":
        names.reverse()
    return [_named(language, names[0], "B-ORG", role), _named(language, names[1], "I-ORG", role)]


def _with_adposition(language: str, name: str, tokens: list[Token]) -> list[Token]:
    adposition = word(language, name, "ADP")
    return tokens + adposition if LANGUAGES[language].postposition else adposition + tokens


def _place(language: str, clause: Clause) -> list[Token]:
    """Where it happens: origin and goal, employer, or location."""
    tokens: list[Token] = []
    if clause.origin:
        tokens += _with_adposition(language, "from", noun_phrase(language, clause.origin, "c"))
    if clause.place:
        adposition = _PREPOSITIONS.get(clause.verb, "in")
        tokens += _with_adposition(language, adposition, noun_phrase(language, clause.place, "p"))
    return tokens


def _copular(language: str, clause: Clause, subject: list[Token]) -> list[Token]:
    """ "X is tired", "a dog is an animal"."""
    assert clause.complement
    if concepts()[clause.complement].kind == "state":
        complement = word(language, clause.complement, "ADJ", "c")
    else:
        complement = noun_phrase(language, Noun(clause.complement), "c")
    copula = word(language, "is", "AUX") if LANGUAGES[language].copula else []
    if LANGUAGES[language].order == "SOV":
        return subject + complement + copula
    return subject + copula + complement


def clause_tokens(language: str, clause: Clause) -> list[Token]:
    """Render a clause without its final punctuation."""
    typology = LANGUAGES[language]
    subject = noun_phrase(language, clause.subject, "s") + word(language, "subject", "PART")
    time = word(language, clause.time, "ADV", "t") if clause.time else []
    if clause.verb == "is":
        return time + _copular(language, clause, subject)
    verb = word(language, clause.verb, "VERB", "v")
    thing = []
    if clause.object:
        thing = noun_phrase(language, clause.object, "o") + word(language, "object", "PART")
    place, after = _place(language, clause), list[Token]()
    if typology.order == "SOV":
        body = place + thing + verb
    elif typology.place_before_verb:
        body = place + verb + thing
    else:
        body, after = verb + thing, place
    if typology.order == "VSO":
        body = verb + subject + thing
        return time + body + after if clause.front else body + after + time
    if clause.front:
        return time + subject + body + after
    if typology.order == "SOV" or typology.place_before_verb:
        return subject + time + body + after
    return subject + body + after + time


def sentence(language: str, meaning: Clause | Link) -> list[Token]:
    """Render a statement with its final stop."""
    if isinstance(meaning, Clause):
        return [*clause_tokens(language, meaning), stop(language)]
    pos = "CCONJ" if meaning.word == "so" else "SCONJ"
    first, second = clause_tokens(language, meaning.first), clause_tokens(language, meaning.second)
    return [*first, *word(language, meaning.word, pos), *second, stop(language)]


def stop(language: str) -> Token:
    """The mark that ends a statement."""
    return Token(LANGUAGES[language].stop, "PUNCT")


def question(language: str, clause: Clause, role: str, category: str | None = None) -> list[Token]:
    """Ask for the phrase with `role` ("s", "o", "p", "t") in `clause`.

    `category` narrows what is asked for: "what animal".
    """
    asked = word(language, _QUESTION_WORDS[role], "ADV" if role in "pt" else "PRON")
    if category:
        asked += word(language, category, "NOUN")
    tokens = clause_tokens(language, replace(clause, front=False))
    phrase = _phrase(tokens, role)
    before = [token for i, token in enumerate(tokens) if i < min(phrase)]
    after = [token for i, token in enumerate(tokens) if i > max(phrase)]
    in_place = LANGUAGES[language].question_in_place
    kept = before + asked + after if in_place else asked + before + after
    return [*kept, Token(LANGUAGES[language].question_mark, "PUNCT")]


def answer(language: str, clause: Clause, role: str) -> list[Token]:
    """The words of `clause` that `question` asks for, without article and adposition."""
    return [token for token in clause_tokens(language, clause) if token.role == role]


def _phrase(tokens: list[Token], role: str) -> list[int]:
    """Indices of the phrase with `role`, with the article and adposition that belong to it."""
    indices = [i for i, token in enumerate(tokens) if token.role == role]
    first, last = indices[0], indices[-1]
    while first > 0 and tokens[first - 1].pos == "DET":
        first -= 1
    if role == "p":  # an adposition stands before or behind, never both
        if first > 0 and tokens[first - 1].pos == "ADP":
            first -= 1
        elif last + 1 < len(tokens) and tokens[last + 1].pos == "ADP":
            last += 1
    return list(range(first, last + 1))


def surface(language: str, tokens: list[Token]) -> tuple[str, list[int]]:
    """Join tokens to running text; returns it with each token's character offset."""
    text, offsets = "", []
    for token in tokens:
        if text and LANGUAGES[language].spaced and token.pos != "PUNCT":
            text += " "
        offsets.append(len(text))
        text += token.text
    return text, offsets


def text_of(language: str, meaning: Clause | Link) -> str:
    """The sentence as running text."""
    return surface(language, sentence(language, meaning))[0]

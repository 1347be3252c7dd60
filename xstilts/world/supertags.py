"""CCG categories of the world's English sentences, in the layout of a supertagging corpus.

The categories are CCGbank's for such sentences. They say more than parts of speech: a verb's
tells what it takes, an adposition's whether its phrase belongs to the verb.
"""

from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.grammar import Clause, Link, Token, clause_tokens, sentence
from xstilts.world.trees import CONTENT

_SEED = 41  # of its own: no other data set's rows change
CATEGORIES = (
    "N", "NP[nb]/N", "N/N", "S[dcl]\\NP", "(S[dcl]\\NP)/NP", "(S[dcl]\\NP)/PP",
    "((S[dcl]\\NP)/PP)/PP", "(S[dcl]\\NP)/(S[adj]\\NP)", "S[adj]\\NP",
    "((S\\NP)\\(S\\NP))/NP", "PP/NP", "(S\\NP)\\(S\\NP)", "S/S", "conj",
    "((S\\NP)\\(S\\NP))/S[dcl]", ".",
)  # fmt: skip
_BY_WORD = {"DET": "NP[nb]/N", "NUM": "N/N", "CCONJ": "conj", "NOUN": "N"}


def categories(meaning: Clause | Link) -> list[str]:
    """The category of every token of the English sentence."""
    if isinstance(meaning, Clause):
        return [*_clause(meaning), "."]
    first, second = _clause(meaning.first), _clause(meaning.second)
    joint = "conj" if meaning.word == "so" else "((S\\NP)\\(S\\NP))/S[dcl]"
    return [*first, joint, *second, "."]


def _clause(clause: Clause) -> list[str]:
    tokens = clause_tokens("en", clause)
    return [_category(clause, tokens, place) for place in range(len(tokens))]


def _category(clause: Clause, tokens: list[Token], place: int) -> str:
    token = tokens[place]
    if token.pos == "PROPN":  # all words of a name but its last modify it
        follows = tokens[place + 1 : place + 2]
        return "N/N" if follows and follows[0].entity.startswith("I-") else "N"
    if token.pos == "VERB":
        return _verb(clause)
    if token.pos == "AUX":
        return "(S[dcl]\\NP)/(S[adj]\\NP)"
    if token.pos == "ADJ":
        return "S[adj]\\NP" if token.role == "c" else "N/N"
    if token.pos == "ADP":
        return "((S\\NP)\\(S\\NP))/NP" if clause.object else "PP/NP"
    if token.pos == "ADV":
        return "S/S" if place == 0 else "(S\\NP)\\(S\\NP)"
    return _BY_WORD[token.pos]


def _verb(clause: Clause) -> str:
    if clause.object:
        return "(S[dcl]\\NP)/NP"
    if clause.origin:
        return "((S[dcl]\\NP)/PP)/PP"
    return "(S[dcl]\\NP)/PP" if clause.place else "S[dcl]\\NP"


def supertags(split: str, size: int, seed: int, _language: str) -> tuple[Rows, Features]:
    """Sentences and the numbers of their categories; English whatever is asked for.

    In the test split all content words are held out from training.
    """
    told = teller(seed + _SEED, split, hold_out=CONTENT)
    items = distinct(lambda: told.cause() if told.chance(0.15) else told.any_clause(), split, size)
    rows = [
        {
            "tokens": [token.text for token in sentence("en", item)],
            "tags": [CATEGORIES.index(name) for name in categories(item)],
        }
        for item in items
    ]
    return rows, {}

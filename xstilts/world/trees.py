"""Dependency trees of the world's sentences, in the schema of Universal Dependencies' hub.

The grammar knows who governs whom: the verb, or what the copula says, is the root of its
clause; every other phrase hangs on it by its role. Relations are UD's. Names of several
words are flat, and their first word governs, whatever the order.
"""

from typing import Any

from xstilts.world.drawing import Features, Rows, distinct, teller
from xstilts.world.grammar import LANGUAGES, Clause, Link, Token, clause_tokens, sentence, surface
from xstilts.world.lexicon import CATEGORIES

# The treebanks whose places the world takes.
TREEBANKS = {
    "ar_padt": "ar", "de_gsd": "de", "en_ewt": "en", "es_gsd": "es", "hi_hdtb": "hi",
    "ja_gsd": "ja", "ru_gsd": "ru", "tr_imst": "tr", "zh_gsd": "zh",
}  # fmt: skip
UPOS = [  # as the hub numbers them
    "NOUN", "PUNCT", "ADP", "NUM", "SYM", "SCONJ", "ADJ", "PART", "DET", "CCONJ", "PROPN",
    "PRON", "X", "_", "ADV", "INTJ", "VERB", "AUX",
]  # fmt: skip
_SEED = 40  # of its own: no other data set's rows change
CONTENT = (
    *CATEGORIES, "occupation", "place", "colour", "quality", "act", "meet", "state", "reaction",
    "time", "person", "city", "company",
)  # fmt: skip
_PHRASES = {"s": "nsubj", "o": "obj", "p": "obl", "t": "advmod"}
_GOVERNORS = ("NOUN", "PROPN")
_MODIFIERS = {"ADJ": "amod", "NUM": "nummod"}

Arc = tuple[int, str]  # head (1 is the first word, 0 the root) and relation


def tree(language: str, meaning: Clause | Link) -> list[Arc]:
    """Head and relation of every token of `sentence(language, meaning)`."""
    clauses = [meaning] if isinstance(meaning, Clause) else [meaning.first, meaning.second]
    parts = [clause_tokens(language, clause) for clause in clauses]
    arcs, root = _clause(parts[0], LANGUAGES[language].postposition, 0)
    if isinstance(meaning, Link):
        linked = len(sentence(language, meaning)) - len(arcs) - len(parts[1]) - 1
        after = len(arcs) + linked
        more, second = _clause(parts[1], LANGUAGES[language].postposition, after)
        is_so = meaning.word == "so"
        arcs += [(second, "cc" if is_so else "mark")] * linked + more
        arcs[second - 1] = (root, "conj" if is_so else "advcl")
    return [*arcs, (root, "punct")]


def _clause(tokens: list[Token], postposition: bool, before: int) -> tuple[list[Arc], int]:
    """Arcs of one clause that stands behind `before` tokens, and its root."""
    governors = {role: _governor(tokens, role) for role in "svoptc" if _of_role(tokens, role)}
    root = governors["v"] if "v" in governors else governors["c"]
    arcs = []
    for place, token in enumerate(tokens):
        if place == root:
            arcs.append((0, "root"))
            continue
        if token.role:
            head, relation = _in_phrase(tokens, place, governors[token.role])
        else:
            head, relation = _function_word(tokens, place, governors, root, postposition)
        if head is None:
            head, relation = root, _PHRASES.get(token.role, "obl")
        arcs.append((before + head + 1, relation))
    return arcs, before + root + 1


def _of_role(tokens: list[Token], role: str) -> list[int]:
    return [place for place, token in enumerate(tokens) if token.role == role]


def _governor(tokens: list[Token], role: str) -> int:
    """The first noun of a phrase; a verb, an adverb or a state governs itself."""
    places = _of_role(tokens, role)
    return next((p for p in places if tokens[p].pos in _GOVERNORS), places[0])


def _in_phrase(tokens: list[Token], place: int, governor: int) -> tuple[int | None, str]:
    """A content word below its phrase's governor; None for the governor itself."""
    token = tokens[place]
    if place == governor:
        return None, ""
    if token.pos in _MODIFIERS:
        return governor, _MODIFIERS[token.pos]
    if token.pos == "CCONJ":
        return place + 1, "cc"
    return governor, "flat" if token.entity.startswith("I-") else "conj"


def _function_word(
    tokens: list[Token], place: int, governors: dict[str, int], root: int, postposition: bool
) -> tuple[int, str]:
    token = tokens[place]
    if token.pos == "AUX":
        return root, "cop"
    if token.pos == "PART":
        return governors["s" if token.concept == "subject" else "o"], "case"
    nouns = [p for p in governors.values() if tokens[p].pos in _GOVERNORS]
    if token.pos == "ADP" and postposition:
        return max(p for p in nouns if p < place), "case"
    relation = "case" if token.pos == "ADP" else "det"
    return min(p for p in nouns if p > place), relation


def treebank(split: str, size: int, seed: int, language: str) -> tuple[Rows, Features]:
    """Rows of one split; in the test split all content words are held out from training."""
    told = teller(seed + _SEED, split, hold_out=CONTENT)
    items = distinct(lambda: told.cause() if told.chance(0.15) else told.any_clause(), split, size)
    rows = [_row(f"{split}-s{number}", language, item) for number, item in enumerate(items, 1)]
    return rows, {"upos": UPOS}


def _row(name: str, language: str, meaning: Clause | Link) -> dict[str, Any]:
    tokens, arcs = sentence(language, meaning), tree(language, meaning)
    unknown = ["None"] * len(tokens)
    return {
        "idx": name,
        "text": surface(language, tokens)[0],
        "tokens": [token.text for token in tokens],
        "lemmas": [token.text for token in tokens],
        "upos": [UPOS.index(token.pos) for token in tokens],
        "xpos": unknown,
        "feats": unknown,
        "head": [str(head) for head, _ in arcs],
        "deprel": [relation for _, relation in arcs],
        "deps": unknown,
        "misc": unknown,
    }

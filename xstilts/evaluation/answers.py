"""Comparing answer strings: SQuAD (XQuAD, TyDiQA) and MLQA, as their official scripts do.

Both scripts normalise prediction and gold answer, then compare whole strings (exact
match) and bags of tokens (F1). They differ in the normalisation only, and both are kept
with their quirks, because published numbers contain them.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

from xstilts.errors import UserError

Normaliser = Callable[[str], str]

_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")

_MLQA_ARTICLES = {
    "en": _ENGLISH_ARTICLES,
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "ar": re.compile("ال"),  # the official pattern also deletes it inside words
    "hi": None,
    "zh": None,
}
_CHINESE_CHARACTER = re.compile("([\u4e00-\u9fa5])")


def normalise_squad(text: str) -> str:
    """Normal form of an answer for SQuAD v1.1, XQuAD and TyDiQA, whatever its language.

    Lower case, ASCII punctuation deleted (Unicode punctuation stays), English articles
    deleted, white space collapsed.
    """
    text = text.lower().translate(_ASCII_PUNCTUATION)
    return " ".join(_ENGLISH_ARTICLES.sub(" ", text).split())


def normalise_mlqa(text: str, language: str) -> str:
    """Normal form of an answer for MLQA in `language`.

    Lower case, all Unicode and ASCII punctuation deleted, the language's articles
    deleted, Chinese characters U+4E00-9FA5 set apart, white space collapsed.
    Raises `UserError` for a language that MLQA does not have.
    """
    if language not in _MLQA_ARTICLES:
        raise UserError(
            f"The metric 'mlqa' has no rule for language '{language}'; it knows "
            f"{', '.join(sorted(_MLQA_ARTICLES))}. Use the metric 'squad' for this task."
        )
    text = "".join(c for c in text.lower() if not _is_punctuation(c))
    articles = _MLQA_ARTICLES[language]
    if articles is not None:
        text = articles.sub(" ", text)
    if language == "zh":
        text = _CHINESE_CHARACTER.sub(r" \1 ", text)
    return " ".join(text.split())


@cache
def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def answer_f1(prediction: str, gold: str, normalise: Normaliser) -> float:
    """F1 (0..1) of the two answers' bags of normalised tokens; 0 when both are empty."""
    predicted, wanted = normalise(prediction).split(), normalise(gold).split()
    shared = (Counter(predicted) & Counter(wanted)).total()
    # The scripts' own order of operations, so that the last bit agrees too.
    if shared == 0:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def answer_f1_v2(prediction: str, gold: str, normalise: Normaliser) -> float:
    """As `answer_f1`, but 1 when both are empty: the rule of SQuAD 2.0's script."""
    predicted, wanted = normalise(prediction).split(), normalise(gold).split()
    if not predicted or not wanted:
        return float(predicted == wanted)
    return answer_f1(prediction, gold, normalise)


def best_over_golds_v2(prediction: str, golds: Iterable[str]) -> tuple[float, float]:
    """F1 and exact match (0..1 each) by SQuAD 2.0's script; without gold answers "" is right.

    Gold answers that are empty once normalised do not count.
    """
    wanted = [gold for gold in golds if normalise_squad(gold)] or [""]
    f1 = max(answer_f1_v2(prediction, gold, normalise_squad) for gold in wanted)
    match = max(exact_match(prediction, gold, normalise_squad) for gold in wanted)
    return f1, float(match)


def exact_match(prediction: str, gold: str, normalise: Normaliser) -> bool:
    """Whether the two answers have the same normal form (true when both are empty)."""
    return normalise(prediction) == normalise(gold)


def best_over_golds(
    prediction: str, golds: Iterable[str], normalise: Normaliser
) -> tuple[float, float]:
    """F1 and exact match (0..1 each) of `prediction`, each with the gold that suits it best."""
    golds = list(golds)
    f1 = max(answer_f1(prediction, gold, normalise) for gold in golds)
    match = max(exact_match(prediction, gold, normalise) for gold in golds)
    return f1, float(match)

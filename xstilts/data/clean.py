"""The cleaning steps that a record declares in `source.clean`: what the official scripts do."""

from collections.abc import Callable
from typing import Any

from xstilts.tasks.record import Source

Row = dict[str, Any]

STRIPPED = ("text_a", "text_b", "question", "prompt", "choices", "text", "foreign", "english")
REPLACED = "\ufffd"  # what a decoder writes for bytes that it could not read
_ZWNJ = "\u200c"
_BESIDE = 20  # characters that an answer may stand beside its offset; measured: 5


def drop_reason(fields: Row, source: Source) -> str | None:
    """Why the source itself does not count this row, or None."""
    if "label" in fields and fields["label"] in source.drop_labels:
        return "no gold label"
    if "drop_empty" in source.clean and any(fields.get(name) == "" for name in STRIPPED):
        return "empty text"
    tokens = fields.get("tokens")
    if "drop_placeholders" in source.clean and isinstance(tokens, list):
        blanks = tokens.count("_")
        if blanks and blanks >= len(tokens) - 1:  # the rule of XTREME's preprocessing
            return "placeholder sentence"
    return None


def answer_pairs(answers: Any) -> list[tuple[Any, Any]] | None:
    """(text, start) of each answer in the hub's `{text: [..], answer_start: [..]}`, else None."""
    if not isinstance(answers, dict):
        return None
    texts, starts = answers.get("text"), answers.get("answer_start")
    if not (isinstance(texts, list) and isinstance(starts, list) and len(texts) == len(starts)):
        return None
    return list(zip(texts, starts, strict=True))


def _strip_language_prefix(fields: Row, lang: str) -> bool:
    """`de:Berlin` -> `Berlin`, only where every token is written so."""
    tokens, prefix = fields["tokens"], f"{lang}:"
    if not _texts(tokens) or not all(token.startswith(prefix) for token in tokens):
        return False
    fields["tokens"] = [token.removeprefix(prefix) for token in tokens]
    return True


def _join_tokens(fields: Row, _: str) -> bool:
    """Spaces and zero-width non-joiners out of tokens; a token of nothing else stays."""
    tokens = fields["tokens"]
    if not _texts(tokens):
        return False
    fields["tokens"] = [token.replace(_ZWNJ, "").replace(" ", "") or token for token in tokens]
    return bool(fields["tokens"] != tokens)


def _find_answers(fields: Row, _: str) -> bool:
    """Move answers to their nearest occurrence within 20 characters of the offset.

    The hub strips leading white space off contexts without shifting `answer_start`.
    """
    context, answers = fields["context"], fields["answers"]
    pairs = answer_pairs(answers)
    if not isinstance(context, str) or pairs is None:
        return False
    moved = [_nearest(text, start, context) for text, start in pairs]
    fields["answers"] = {"text": [text for text, _ in pairs], "answer_start": moved}
    return moved != [start for _, start in pairs]


def _nearest(text: Any, start: Any, context: str) -> Any:
    if not (isinstance(text, str) and text and isinstance(start, int)):
        return start
    for distance in range(_BESIDE + 1):
        for place in (start - distance, start + distance):
            if place >= 0 and context.startswith(text, place):
                return place
    return start


def replaced_characters(row: Row) -> bool:
    """Whether a text of a canonical row holds U+FFFD."""
    texts = [value for value in row.values() if isinstance(value, str)]
    texts += [text for value in row.values() if isinstance(value, list) for text in value]
    return any(isinstance(text, str) and REPLACED in text for text in texts)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


CHANGES: dict[str, Callable[[Row, str], bool]] = {
    "strip_language_prefix": _strip_language_prefix,
    "join_tokens": _join_tokens,
    "find_answers": _find_answers,
}

"""The cleaning steps that a record declares in `source.clean`: what the official scripts do."""

from collections.abc import Callable
from typing import Any

from xstilts.evaluation.words import sentence_spans
from xstilts.tasks.record import Source

Row = dict[str, Any]

STRIPPED = ("text_a", "text_b", "question", "prompt", "choices", "text", "foreign", "english")
REPLACED = "\ufffd"  # what a decoder writes for bytes that it could not read
_ZWNJ = "\u200c"
_NOTHING = {None, "None", "_"}  # as the hub has an empty field of CoNLL-U
_BESIDE = 20  # characters that an answer may stand beside its offset; measured: 5


def drop_reason(fields: Row, source: Source) -> str | None:
    """Why the source itself does not count this row, or None."""
    if "label" in fields and fields["label"] in source.drop_labels:
        return "no gold label"
    if "drop_empty" in source.clean and any(_is_empty(fields.get(name)) for name in STRIPPED):
        return "empty text"
    tokens = fields.get("tokens")
    if "drop_placeholders" in source.clean and isinstance(tokens, list):
        blanks = tokens.count("_")
        if blanks and blanks >= len(tokens) - 1:  # the rule of XTREME's preprocessing
            return "placeholder sentence"
    return None


def _is_empty(value: Any) -> bool:
    return value == "" or (isinstance(value, list) and "" in value)


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


def _words_only(fields: Row, _: str) -> bool:
    """Leave out what has neither head nor relation: UD's multi-word tokens and empty nodes."""
    names = ("tokens", "heads", "relations")
    columns = [fields[name] for name in names]
    if not all(isinstance(c, list) and len(c) == len(columns[0]) for c in columns):
        return False
    kept = [word for word in zip(*columns, strict=True) if not {*word[1:]} <= _NOTHING]
    for place, name in enumerate(names):
        fields[name] = [word[place] for word in kept]
    return len(kept) < len(columns[0])


def _universal_relations(fields: Row, _: str) -> bool:
    """`nmod:poss` -> `nmod`: what follows the colon belongs to a language."""
    relations = fields["relations"]
    if not _texts(relations):
        return False
    fields["relations"] = [relation.split(":")[0] for relation in relations]
    return bool(fields["relations"] != relations)


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


def _cut_sentences(fields: Row, _: str) -> bool:
    """Sentences end at full stops, question and exclamation marks, where the source is silent."""
    context = fields["context"]
    if fields.get("sentence_breaks") is not None or not isinstance(context, str):
        return False
    fields["sentence_breaks"] = [list(span) for span in sentence_spans(context)]
    return True


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
    "words_only": _words_only,
    "universal_relations": _universal_relations,
    "find_answers": _find_answers,
    "cut_sentences": _cut_sentences,
}

"""Words and sentences of any script, good enough for baselines that look at strings only."""

import re
import unicodedata
from functools import cache

Span = tuple[int, int]  # first character, end (exclusive)

# Scripts written without spaces: Thai to Lao, Myanmar, Khmer, kana, Chinese characters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_TOKEN = re.compile(f"[{_UNSPACED}]|[^\\s{_UNSPACED}]+")
_SENTENCE_END = re.compile(r"(?<=[.!?؟।۔])\s+|(?<=[。！？])\s*|\n+")


@cache
def _is_edge(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def word_spans(text: str) -> list[Span]:
    """Where the words stand: between spaces, without punctuation at their ends.

    Where a script has no spaces every character is a word.
    """
    spans = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        while start < end and _is_edge(text[start]):
            start += 1
        while end > start and _is_edge(text[end - 1]):
            end -= 1
        if start < end:
            spans.append((start, end))
    return spans


def words(text: str) -> list[str]:
    """The words of `word_spans`, in lower case."""
    return [text[start:end].lower() for start, end in word_spans(text)]


def sentence_spans(text: str) -> list[Span]:
    """Where the sentences stand: up to a full stop, question or exclamation mark, or new line."""
    spans, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        spans.append((start, match.start()))
        start = match.end()
    spans.append((start, len(text)))
    return [(first, end) for first, end in spans if text[first:end].strip()]

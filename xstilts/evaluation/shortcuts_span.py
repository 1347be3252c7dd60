"""Shortcuts of span question answering: where answers stand, and what they usually are.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from xstilts.errors import UserError
from xstilts.evaluation.shortcuts_pair import bag_of_words_classifier
from xstilts.evaluation.words import Span, sentence_spans, word_spans, words
from xstilts.tasks.record import Task

Row = dict[str, Any]
Rows = Sequence[Row]
Predictor = Callable[[Rows], list[Any]]

_LONGEST_MEMORY = 6  # words of a remembered answer
_CLASSES = 40  # places that the question-only classifiers choose from


class Place(NamedTuple):
    """Where an answer stands in its sentence; a negative `first` counts from the sentence's end."""

    first: int
    length: int


Located = tuple[Row, int, tuple[Place, Place]]  # row, sentence number, place from either end


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of a span QA task, fitted on `rows`.

    A guess is a sentence and a place in it. The sentence is the commonest position of
    answers or the one that shares most words with the question; the place is the
    commonest one or what the words of the question suggest.
    """
    found = [(row, *place) for row in rows if (place := _locate(row)) is not None]
    if not found:
        raise UserError(
            f"The shortcut baselines of '{task.name}' found no training answer that covers a "
            "word of its context; check the column 'answers' of the English training rows."
        )
    near = [each for each in found if each[1] == _overlap(each[0])] or found
    usual = _usual_sentence(found)
    return {
        "position": _predictor(usual, _usual_place(found)),
        "sentence-overlap": _predictor(_overlapping, _usual_place(near)),
        "question-only": _predictor(usual, _place_by_question(found)),
        "question-and-overlap": _predictor(_overlapping, _place_by_question(near)),
        "answer-memory": _memory(rows, _predictor(usual, _usual_place(found))),
    }


@lru_cache(maxsize=20_000)
def _layout(context: str) -> tuple[tuple[Span, ...], ...]:
    """The word spans of every sentence that has words."""
    layout = []
    for start, end in sentence_spans(context):
        spans = tuple((start + a, start + b) for a, b in word_spans(context[start:end]))
        if spans:
            layout.append(spans)
    return tuple(layout) or (((0, len(context)),),)


def _locate(row: Row) -> tuple[int, tuple[Place, Place]] | None:
    """Sentence number of the first gold answer, and its place counted from either end."""
    answer = row["answers"][0]
    start, end = answer["start"], answer["start"] + len(answer["text"])
    for number, spans in enumerate(_layout(row["context"])):
        inside = [i for i, (a, b) in enumerate(spans) if a < end and b > start]
        if inside:
            first, length = inside[0], len(inside)
            return number, (Place(first, length), Place(first - len(spans), length))
    return None


def _overlap(row: Row) -> int:
    """Number of the sentence that has most words of the question; the first of equals."""
    asked = set(words(row["question"]))
    context = row["context"]
    counts = [len(asked & {context[a:b].lower() for a, b in spans}) for spans in _layout(context)]
    return counts.index(max(counts))


def _overlapping(rows: Rows) -> list[int]:
    return [_overlap(row) for row in rows]


def _usual_sentence(found: Sequence[Located]) -> Callable[[Rows], list[int]]:
    """The commonest sentence number of answers, negative when counted from the end."""
    number = _commonest([(n, n - len(_layout(row["context"]))) for row, n, _ in found])
    return lambda rows: [number] * len(rows)


def _usual_place(found: Sequence[Located]) -> Callable[[Rows], list[Place]]:
    place = _commonest([places for _, _, places in found])
    return lambda rows: [place] * len(rows)


def _commonest(alternatives: Sequence[Sequence[Any]]) -> Any:
    counts = Counter(one for each in alternatives for one in each)
    return min(counts.items(), key=lambda pair: (-pair[1], pair[0]))[0]


def _place_by_question(found: Sequence[Located]) -> Callable[[Rows], list[Place]]:
    """From the words of the question to the place of the answer in its sentence."""
    counts = Counter(place for _, _, places in found for place in places)
    names = [place for place, _ in counts.most_common(_CLASSES)]
    rank = {place: number for number, place in enumerate(names)}
    labels = [min((rank[p] for p in places if p in rank), default=0) for _, _, places in found]
    if len(set(labels)) < 2:
        return lambda rows: [names[labels[0]]] * len(rows)
    model = bag_of_words_classifier([row["question"] for row, _, _ in found], labels)
    return lambda rows: [names[i] for i in model.predict([row["question"] for row in rows])]


def _predictor(
    sentences: Callable[[Rows], list[int]], places: Callable[[Rows], list[Place]]
) -> Predictor:
    return lambda rows: [
        _span(row["context"], sentence, place)
        for row, sentence, place in zip(rows, sentences(rows), places(rows), strict=True)
    ]


def _span(context: str, sentence: int, place: Place) -> str:
    """The text at a place, moved into the context where it has fewer sentences or words."""
    layout = _layout(context)
    spans = layout[_within(sentence, len(layout))]
    first = _within(place.first, len(spans))
    last = min(first + place.length, len(spans)) - 1
    return context[spans[first][0] : spans[last][1]]


def _within(number: int, size: int) -> int:
    return min(number, size - 1) if number >= 0 else max(number + size, 0)


def _memory(rows: Rows, otherwise: Predictor) -> Predictor:
    """The commonest training answer that stands in the context and not in the question."""
    known = Counter(tuple(words(answer["text"])) for row in rows for answer in row["answers"])
    return lambda tested: [
        _remembered(row, known) or guess
        for row, guess in zip(tested, otherwise(tested), strict=True)
    ]


def _remembered(row: Row, known: Counter[tuple[str, ...]]) -> str:
    """The span of the context that was an answer most often; "" when none was."""
    context, asked = row["context"], set(words(row["question"]))
    best, found = 0, ""
    for spans in _layout(context):
        texts = [context[a:b].lower() for a, b in spans]
        for first in range(len(texts)):
            for end in range(first + 1, min(first + _LONGEST_MEMORY, len(texts)) + 1):
                times = known[tuple(texts[first:end])]
                if times > best and not asked.issuperset(texts[first:end]):
                    best, found = times, context[spans[first][0] : spans[end - 1][1]]
    return found

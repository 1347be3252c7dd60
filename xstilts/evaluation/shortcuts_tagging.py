"""Shortcuts of tagging: the commonest tag, the tag a word had in training, its shape."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]
Key = Callable[[Sequence[str], int], Hashable]


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of a tagging task, fitted on `rows`.

    `word-memory` knows a test word only if the same string was in the training rows:
    what it gets in another language is what shared strings give away.
    """
    return {
        "majority": _memory(task, rows, [_anything]),
        "word-memory": _memory(task, rows, [_word, _anything]),
        "word-shape": _memory(task, rows, [_shape, _anything]),
        "word-memory-and-shape": _memory(task, rows, [_word, _shape, _anything]),
    }


def _anything(tokens: Sequence[str], position: int) -> Hashable:
    del tokens, position
    return None


def _word(tokens: Sequence[str], position: int) -> Hashable:
    return tokens[position]


def _shape(tokens: Sequence[str], position: int) -> Hashable:
    """Capitals, digits, letters or not, and first or last place in the sentence."""
    word = tokens[position]
    return (
        word[:1].isupper(),
        any(c.isdigit() for c in word),
        any(c.isalpha() for c in word),
        position == 0,
        position == len(tokens) - 1,
    )


def _memory(task: Task, rows: Rows, keys: Sequence[Key]) -> Predictor:
    """The commonest training tag of the first key that training has seen."""
    tables = [_commonest(rows, key) for key in keys]

    def tags(tokens: Sequence[str]) -> Iterator[str]:
        for position in range(len(tokens)):
            seen = (
                table[key(tokens, position)]
                for key, table in zip(keys, tables, strict=True)
                if key(tokens, position) in table
            )
            yield task.labels[next(seen)]

    return lambda tested: [list(tags(row["tokens"])) for row in tested]


def _commonest(rows: Rows, key: Key) -> dict[Hashable, int]:
    counts: defaultdict[Hashable, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for position, tag in enumerate(row["tags"]):
            counts[key(row["tokens"], position)][tag] += 1
    return {
        seen: min(tags.items(), key=lambda pair: (-pair[1], pair[0]))[0]
        for seen, tags in counts.items()
    }

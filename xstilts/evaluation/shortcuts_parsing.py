"""Shortcuts of parsing: chains of neighbours, and where the head of a word stood in training."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]
Habit = tuple[int, int]  # distance to the head (0: the word is the root), relation


def fit(task: Task, rows: Rows) -> dict[str, Predictor]:
    """The baselines of a parsing task, fitted on `rows`.

    `previous-word` and `next-word` hang every word on its neighbour by the commonest relation
    there. `word-memory` gives a word the distance and relation that it had most often,
    `word-memory-and-place` falls back to those of its place from the end of the sentence.
    Their heads need not make a tree, which the metric does not ask for either.
    """
    places = _commonest(rows, lambda row, i: i - len(row["tokens"]))
    words = _commonest(rows, lambda row, i: row["tokens"][i])
    everywhere = _most(Counter(habit for row in rows for habit in _habits(row)).items())
    relations = _commonest_relations(rows)

    def by_word(row: dict[str, Any], i: int, *, place: bool) -> Habit:
        fallback = places.get(i - len(row["tokens"])) if place else None
        return words.get(row["tokens"][i]) or fallback or everywhere

    return {
        "previous-word": _guess(task, lambda _, i: (-1 if i else 0, relations.get(-1, 0))),
        "next-word": _guess(
            task, lambda row, i: (int(i + 1 < len(row["tokens"])), relations.get(1, 0))
        ),
        "word-memory": _guess(task, lambda row, i: by_word(row, i, place=False)),
        "word-memory-and-place": _guess(task, lambda row, i: by_word(row, i, place=True)),
    }


def _habits(row: dict[str, Any]) -> list[Habit]:
    arcs = zip(row["heads"], row["relations"], strict=True)
    return [(head - i if head else 0, relation) for i, (head, relation) in enumerate(arcs, 1)]


def _commonest(rows: Rows, key: Callable[[dict[str, Any], int], Any]) -> dict[Any, Habit]:
    counts: defaultdict[Any, Counter[Habit]] = defaultdict(Counter)
    for row in rows:
        for i, habit in enumerate(_habits(row)):
            counts[key(row, i)][habit] += 1
    return {seen: _most(habits.items()) for seen, habits in counts.items()}


def _commonest_relations(rows: Rows) -> dict[int, int]:
    """Distance to the head -> the relation that is commonest there."""
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for row in rows:
        for distance, relation in _habits(row):
            counts[distance][relation] += 1
    return {distance: _most(found.items()) for distance, found in counts.items()}


def _most(counted: Iterable[tuple[Any, int]]) -> Any:
    return min(counted, key=lambda pair: (-pair[1], pair[0]))[0]


def _guess(task: Task, habit: Callable[[dict[str, Any], int], Habit]) -> Predictor:
    def arc(row: dict[str, Any], i: int) -> tuple[int, str]:
        distance, relation = habit(row, i)
        head = i + 1 + distance
        if not distance or not 1 <= head <= len(row["tokens"]):
            return 0, task.labels[0]
        return head, task.labels[relation]

    return lambda tested: [[arc(row, i) for i in range(len(row["tokens"]))] for row in tested]

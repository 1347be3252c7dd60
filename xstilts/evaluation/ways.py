"""How predictions are made: one plain function per way, and which format goes which way.

A way takes the model and the test rows of all languages, because some tasks look for their
answers in all languages at once. Light to import; torch loads when a way is gone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.evaluation.candidate_index import CandidateIndex
from xstilts.evaluation.entities import entities_of
from xstilts.evaluation.mining import mine
from xstilts.evaluation.no_answer import predict_with_threshold
from xstilts.evaluation.prepared import Rows, prepared_rows
from xstilts.evaluation.retrieval import tatoeba_predictions
from xstilts.tasks.pool import Pool, with_targets
from xstilts.tasks.record import Task

if TYPE_CHECKING:
    from xstilts.models.heads import TaskModel


@dataclass(frozen=True)
class Subject:
    """What is evaluated: a model on a task, and where the task's data lie."""

    model: "TaskModel"
    tokenizer: Any
    task: Task
    data: Path
    head: str  # of the model; formats without one do not ask for it
    layer: int | None  # whose vectors are compared, of formats without a head


@dataclass(frozen=True)
class Found:
    """Predictions for `rows` of one language, and what is worth knowing about how they came.

    `candidates` are the texts of what was ranked, by the ids that predictions hold.
    """

    rows: Rows  # what they are to be scored against
    values: list[Any]
    notes: dict[str, Any]
    candidates: Mapping[str, str] = field(default_factory=dict)


Tests = dict[str, Rows]  # by language
Way = Callable[[Subject, Tests], Iterator[tuple[str, Found]]]
Single = Callable[[Subject, str, Rows], Found]


def _each(single: Single) -> Way:
    """The way of a function that needs one language only."""

    def way(subject: Subject, tests: Tests) -> Iterator[tuple[str, Found]]:
        for lang, rows in tests.items():
            yield lang, single(subject, lang, rows)

    return way


def rows_alone(subject: Subject, _lang: str, rows: Rows) -> Found:
    """Every row by itself, by the format's head."""
    from xstilts.training.predict import predict_rows

    predicted = predict_rows(subject.model, subject.tokenizer, subject.head, subject.task, rows)
    return Found(rows, predicted.values, {"truncated": predicted.truncated})


def similarities(subject: Subject, lang: str, rows: Rows) -> Found:
    """As `rows_alone`; equal predictions for all rows are noted."""
    found = rows_alone(subject, lang, rows)
    if len(set(found.values)) == 1:
        found.notes["constant"] = True  # no correlation exists: the value is 0 by definition
    return found


def answers(subject: Subject, lang: str, rows: Rows) -> Found:
    """Spans; where a question may lack an answer, English dev rows say when to give none."""
    task = subject.task
    if not task.may_lack_answers:
        return rows_alone(subject, lang, rows)
    dev = prepared_rows(subject.data, task.name, "dev", "en")
    return Found(
        rows,
        *predict_with_threshold(subject.model, subject.tokenizer, subject.head, task, dev, rows),
    )


def nearest_sentences(subject: Subject, _lang: str, rows: Rows) -> Found:
    """For each English sentence the nearest foreign one."""
    vectors, cut = _vectors(subject, rows)
    values = tatoeba_predictions(vectors[: len(rows)], vectors[len(rows) :])
    return Found(rows, values, {"truncated": cut})


def mined_pairs(subject: Subject, lang: str, rows: Rows) -> Found:
    """Pairs of translations above a threshold that the dev rows of the language choose."""
    dev = prepared_rows(subject.data, subject.task.name, "dev", lang)
    dev_vectors, _ = _vectors(subject, dev)
    vectors, cut = _vectors(subject, rows)
    pairs, threshold = mine(dev, dev_vectors, rows, vectors)
    return Found(rows, pairs, {"truncated": cut, "threshold": threshold})


def ranked_answers(subject: Subject, tests: Tests) -> Iterator[tuple[str, Found]]:
    """Sentences of all languages ranked for each question, whose targets are in all languages."""
    pool = Pool.of(tests)
    index = _index(subject, pool)
    texts = dict(zip(pool.ids, pool.sentences, strict=True))
    for lang, rows in tests.items():
        yield lang, Found(with_targets(rows, pool), *_ranking(index, subject, rows), texts)


def ranked_entities(subject: Subject, tests: Tests) -> Iterator[tuple[str, Found]]:
    """Entities ranked for each mention, the same ones for all languages."""
    entities = entities_of(subject.data, subject.task, tests)
    index = _index(subject, entities)
    texts = dict(zip(entities.ids, entities.descriptions, strict=True))
    for lang, rows in tests.items():
        yield lang, Found(rows, *_ranking(index, subject, rows), texts)


def _index(subject: Subject, candidates: Any) -> CandidateIndex:
    return CandidateIndex.of(
        subject.model, subject.tokenizer, subject.head, subject.task, candidates
    )


def _ranking(
    index: CandidateIndex, subject: Subject, rows: Rows
) -> tuple[list[list[str]], dict[str, Any]]:
    return index.rank(subject.model, subject.tokenizer, subject.head, subject.task, rows)


def _vectors(subject: Subject, texts: Rows) -> tuple[Any, int]:
    """Unit vectors of the features of `texts`, and how many rows lost some of their text.

    For retrieval all foreign texts come first, then all English ones.
    """
    from xstilts.models.embed import embed_features
    from xstilts.tasks.formats import format_of, truncated

    task, tokenizer = subject.task, subject.tokenizer
    assert subject.layer is not None  # whoever wrote the entry sees to it
    features = format_of(task).encode(texts, tokenizer, task, train=False)
    vectors = embed_features(subject.model.body, features, subject.layer, tokenizer)
    return vectors, truncated(features)


WAYS: dict[str, Way] = {
    "classification": _each(rows_alone),
    "regression": _each(similarities),
    "tagging": _each(rows_alone),
    "parsing": _each(rows_alone),
    "span_qa": _each(answers),
    "multiple_choice": _each(rows_alone),
    "retrieval": _each(nearest_sentences),
    "mining": _each(mined_pairs),
    "dual_encoder": ranked_answers,
    "entity_linking": ranked_entities,
}

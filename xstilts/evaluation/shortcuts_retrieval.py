"""Shortcuts of all kinds of retrieval: texts that share strings, without any model.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer

from xstilts.evaluation.mining import mine
from xstilts.evaluation.retrieval import nearest
from xstilts.evaluation.words import words
from xstilts.tasks.mentions import Entities, marked
from xstilts.tasks.pool import Pool, ranked

Rows = Sequence[dict[str, Any]]

_BEGINNING = 48  # characters: n-grams of a million whole descriptions would not fit

_VECTORISERS: dict[str, Callable[[], TfidfVectorizer]] = {
    "shared-words": lambda: TfidfVectorizer(analyzer=words),
    "shared-characters": lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)),
}


def retrieval_predictions(rows: Rows) -> dict[str, list[int]]:
    """Per baseline, for each English sentence the row of the foreign one most like it."""
    foreign, english = [row["text_a"] for row in rows], [row["text_b"] for row in rows]
    found = {}
    for name, vectoriser in _VECTORISERS.items():
        vectors = vectoriser().fit([*foreign, *english])
        similar = nearest(vectors.transform(english), vectors.transform(foreign))
        found[name] = [int(i) for i in similar]
    return found


def answer_rankings(pool: Pool, k: int) -> Callable[[Rows], dict[str, list[list[str]]]]:
    """Per baseline the `k` candidates whose sentence or context is most like each question."""
    texts = {"sentence": pool.sentences, "context": pool.contexts}
    fitted = [
        (f"{name}-{part}", fit, fit.transform(own))
        for name, vectoriser in _VECTORISERS.items()
        for part, own in texts.items()
        for fit in [vectoriser().fit(own)]
    ]

    def rankings(rows: Rows) -> dict[str, list[list[str]]]:
        questions = [row["question"] for row in rows]
        return {
            name: [
                [pool.ids[i] for i in line] for line in ranked(fit.transform(questions), index, k)
            ]
            for name, fit, index in fitted
        }

    return rankings


def entity_rankings(
    entities: Entities, train_rows: Rows, k: int
) -> Callable[[Rows], dict[str, list[list[str]]]]:
    """Per baseline the `k` entities that fit each mention.

    Those whose description, or its beginning, where names stand, is most like the mention or
    the sentence around it; and those that training mentions most often, for every mention.
    """
    fitted = [
        (f"{name}-{part}", text, fit, fit.transform(described))
        for name, described in (
            ("shared-words", entities.descriptions),
            ("shared-characters", [text[:_BEGINNING] for text in entities.descriptions]),
        )
        for fit in [_VECTORISERS[name]().fit(described)]
        for part, text in (("mention", lambda row: row["mention"]), ("sentence", marked))
    ]
    frequent = _most_frequent(entities, train_rows, k)

    def rankings(rows: Rows) -> dict[str, list[list[str]]]:
        found = {"most-frequent": [frequent] * len(rows)}
        for name, text, fit, index in fitted:
            best = ranked(fit.transform([text(row) for row in rows]), index, k)
            found[name] = [[entities.ids[i] for i in line] for line in best]
        return found

    return rankings


def _most_frequent(entities: Entities, train_rows: Rows, k: int) -> list[str]:
    """Of equals the earlier candidate first."""
    times = Counter(row["entity"] for row in train_rows)
    return sorted(entities.ids, key=lambda name: -times[name])[:k]


def mining_predictions(dev_rows: Rows, test_rows: Rows) -> dict[str, list[tuple[str, str]]]:
    """Per baseline the pairs mined from `test_rows`, with the threshold from `dev_rows`."""
    texts = [[row["text"] for row in rows] for rows in (dev_rows, test_rows)]
    found = {}
    for name, vectoriser in _VECTORISERS.items():
        dev, test = (vectoriser().fit_transform(side) for side in texts)
        found[name], _ = mine(dev_rows, dev, test_rows, test)
    return found

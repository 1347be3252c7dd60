"""Retrieval of translations: texts are embedded, nothing is trained."""

from typing import Any

from xstilts.tasks.encoding import encode_single, input_limit
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = None
FOREIGN, ENGLISH = "foreign", "english"


def encode(
    rows: list[Row],
    tokenizer: Any,
    task: Task,
    *,
    train: bool = False,  # noqa: ARG001  (the call is the same for every format)
) -> list[Feature]:
    """Two features per row, first all foreign texts, then all English ones; `side` says which."""
    limit = input_limit(tokenizer, task)
    features = []
    for side, column in ((FOREIGN, "text_a"), (ENGLISH, "text_b")):
        for feature in encode_single([row[column] for row in rows], tokenizer, limit):
            features.append({**feature, "side": side})
    return features

"""Mining of translation pairs from two collections: texts are embedded, nothing is trained."""

from typing import Any

from xstilts.tasks.encoding import encode_single, input_limit
from xstilts.tasks.formats import Feature, Row
from xstilts.tasks.record import Task

HEAD = None


def encode(
    rows: list[Row],
    tokenizer: Any,
    task: Task,
    *,
    train: bool = False,  # noqa: ARG001  (the call is the same for every format)
) -> list[Feature]:
    """One feature per row; its `side` is the row's."""
    texts = [row["text"] for row in rows]
    features = encode_single(texts, tokenizer, input_limit(tokenizer, task))
    return [{**feature, "side": rows[feature["row"]]["side"]} for feature in features]

"""When to answer at all: the threshold of SQuAD 2.0, chosen on dev and applied to the test set.

The official script chooses it on the very rows that it scores ("best F1"); here dev decides,
as everywhere, so that a test score owes nothing to test labels.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xstilts.evaluation.answers import best_over_golds_v2
from xstilts.tasks.formats import format_of, truncated
from xstilts.tasks.record import Task
from xstilts.tasks.span_qa import Guess, answered, guesses

if TYPE_CHECKING:
    from xstilts.models.heads import TaskModel

Rows = list[dict[str, Any]]


def predict_with_threshold(
    model: "TaskModel", tokenizer: Any, head: str, task: Task, dev: Rows, test: Rows
) -> tuple[list[str], dict[str, Any]]:
    """Answers to `test`, and the notes: `threshold` (logits) and `truncated` (rows)."""
    chosen, _ = _guesses(model, tokenizer, head, task, dev)
    threshold = best_threshold(chosen, dev)
    found, cut = _guesses(model, tokenizer, head, task, test)
    return answered(found, threshold), {"truncated": cut, "threshold": threshold}


def _guesses(
    model: "TaskModel", tokenizer: Any, head: str, task: Task, rows: Rows
) -> tuple[list[Guess], int]:
    from xstilts.training.predict import predict

    features = format_of(task).encode(rows, tokenizer, task, train=False)
    logits = predict(model, head, task, features, tokenizer.pad_token_id)
    return guesses(logits, features, rows, task), truncated(features)


def best_threshold(found: Sequence[Guess], rows: Sequence[dict[str, Any]]) -> float:
    """The null excess up to which answering gives the best mean F1 on `rows`.

    As `find_best_thresh` of SQuAD 2.0's script: start from no answer at all, take the guesses
    in the order of their null excess, keep the first best. Two things differ, because logits
    have no lowest value and may be equal: where no answer at all is best the threshold lies
    below all guesses (the script says 0), and equal guesses are taken together.
    """
    excess = np.array([guess.null_excess for guess in found])
    gains = np.array([_gain(guess.text, row) for guess, row in zip(found, rows, strict=True)])
    order = np.argsort(excess, kind="stable")
    totals, ordered = np.cumsum(gains[order]), excess[order]
    is_last = np.append(ordered[1:] > ordered[:-1], True) & np.isfinite(ordered)
    totals, ordered = totals[is_last], ordered[is_last]
    if not len(totals) or totals.max() <= 0:
        return float(ordered[0] - 1) if len(ordered) else 0.0
    return float(ordered[np.argmax(totals)])


def _gain(text: str, row: dict[str, Any]) -> float:
    """What answering adds to the sum of F1, beside giving no answer."""
    golds = [answer["text"] for answer in row["answers"]]
    return best_over_golds_v2(text, golds)[0] - best_over_golds_v2("", golds)[0]

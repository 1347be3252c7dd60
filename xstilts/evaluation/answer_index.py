"""The candidates of answer retrieval as vectors, and questions ranked against them.

Light to import; torch loads when vectors are made.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xstilts.evaluation.prepared import Rows
from xstilts.tasks.pool import Pool, depth, ranked, with_targets
from xstilts.tasks.record import Task

if TYPE_CHECKING:
    from xstilts.models.heads import TaskModel


@dataclass(frozen=True)
class AnswerIndex:
    """All candidates of all languages, embedded once, and how many of them were cut."""

    pool: Pool
    vectors: np.ndarray  # float32 [candidates, width]
    truncated: int

    @classmethod
    def of(
        cls, model: "TaskModel", tokenizer: Any, head: str, task: Task, tests: dict[str, Rows]
    ) -> "AnswerIndex":
        """The index of the test rows `tests` by language."""
        from xstilts.tasks.formats import format_of, truncated
        from xstilts.training.predict import predict

        dual_encoder: Any = format_of(task)
        pool = Pool.of(tests)
        features = dual_encoder.encode_candidates(pool, tokenizer, task)
        vectors = predict(model, head, task, features, tokenizer.pad_token_id)
        return cls(pool, np.stack(vectors), truncated(features))

    def targeted(self, rows: Rows) -> Rows:
        """The rows with their targets in all languages."""
        return with_targets(rows, self.pool)

    def rank(
        self, model: "TaskModel", tokenizer: Any, head: str, task: Task, rows: Rows
    ) -> tuple[list[list[str]], dict[str, Any]]:
        """Per question the ids of its best candidates, best first; and what was cut."""
        from xstilts.tasks.formats import format_of, truncated
        from xstilts.training.predict import predict

        dual_encoder: Any = format_of(task)
        features = dual_encoder.encode_questions(rows, tokenizer, task)
        vectors = predict(model, head, task, features, tokenizer.pad_token_id)
        best = ranked(np.stack(vectors), self.vectors, depth(task))
        notes = {
            "truncated": truncated(features),
            "candidates": len(self.pool.ids),
            "truncated_candidates": self.truncated,
        }
        return [[self.pool.ids[i] for i in line] for line in best], notes

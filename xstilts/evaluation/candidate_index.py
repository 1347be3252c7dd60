"""The candidates of a dual encoder as vectors, and queries ranked against them.

Light to import; torch loads when vectors are made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from xstilts.evaluation.prepared import Rows
from xstilts.tasks.pool import depth, ranked
from xstilts.tasks.record import Task

if TYPE_CHECKING:
    from xstilts.models.heads import TaskModel

AT_ONCE = 1 << 15  # candidates that are encoded at a time: their sub-words take some 100 MB


class Candidates(Protocol):
    """What is ranked: ids, and what the format encodes."""

    @property
    def ids(self) -> Sequence[str]:
        """One per candidate."""

    def part(self, span: slice) -> Self:
        """Some of them."""


@dataclass(frozen=True)
class CandidateIndex:
    """All candidates, embedded once, and how many of them were cut.

    Memory: 4 bytes per candidate and unit of width, 4 GB for a million of XLM-R large; of
    sub-words and products only a block stands in memory (see `pool.ranked`).
    """

    ids: Sequence[str]
    vectors: np.ndarray  # float32 [candidates, width]
    truncated: int

    @classmethod
    def of(
        cls, model: "TaskModel", tokenizer: Any, head: str, task: Task, candidates: Candidates
    ) -> "CandidateIndex":
        """The index of all `candidates`, made `AT_ONCE` at a time."""
        from xstilts.tasks.formats import format_of, truncated
        from xstilts.training.predict import predict

        dual_encoder: Any = format_of(task)
        size, cut = len(candidates.ids), 0
        vectors = np.empty((size, model.body.config.hidden_size), dtype=np.float32)
        for start in range(0, size, AT_ONCE):
            span = slice(start, start + AT_ONCE)
            features = dual_encoder.encode_candidates(candidates.part(span), tokenizer, task)
            vectors[span] = np.stack(predict(model, head, task, features, tokenizer.pad_token_id))
            cut += truncated(features)
        return cls(candidates.ids, vectors, cut)

    def rank(
        self, model: "TaskModel", tokenizer: Any, head: str, task: Task, rows: Rows
    ) -> tuple[list[list[str]], dict[str, Any]]:
        """Per row the ids of its best candidates, best first; and what was cut."""
        from xstilts.tasks.formats import format_of, truncated
        from xstilts.training.predict import predict

        dual_encoder: Any = format_of(task)
        features = dual_encoder.encode_questions(rows, tokenizer, task)
        vectors = predict(model, head, task, features, tokenizer.pad_token_id)
        best = ranked(np.stack(vectors), self.vectors, depth(task))
        notes = {
            "truncated": truncated(features),
            "candidates": len(self.ids),
            "truncated_candidates": self.truncated,
        }
        return [[self.ids[i] for i in line] for line in best], notes

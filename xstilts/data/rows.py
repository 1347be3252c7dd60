"""Rows of a source as they are, before they become canonical."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class SourceRows:
    """Rows of one split of a source.

    `numbers[i]` is the place of `rows[i]` in the source's split, counted from 0; `labels`
    names the values of integer label columns, where the source declares them.
    """

    rows: Sequence[dict[str, Any]]
    numbers: Sequence[int]
    where: str  # file, config and split, for messages
    labels: dict[str, list[str]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    revision: str | None = None  # commit that the hub served
    notes: tuple[str, ...] = ()  # for the provenance

    def take(self, indices: Sequence[int]) -> "SourceRows":
        """The same source, only these rows (indices into `rows`)."""
        return replace(
            self,
            rows=[self.rows[i] for i in indices],
            numbers=[self.numbers[i] for i in indices],
        )

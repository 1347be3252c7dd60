"""From the name of a format to the module that encodes, collates, scores and decodes it."""

import importlib
from typing import Any, Protocol, cast

from xstilts.errors import UserError
from xstilts.tasks.record import Task

FORMATS = (
    "classification",
    "regression",
    "tagging",
    "parsing",
    "span_qa",
    "multiple_choice",
    "retrieval",
    "mining",
    "dual_encoder",
    "entity_linking",
    "mlm",
)

Row = dict[str, Any]
Feature = dict[str, Any]


class Format(Protocol):
    """What the module of a trained format offers; `retrieval` and `mining` only encode, and
    `mlm`, which is never scored, does not decode.

    A *feature* is one model input: `input_ids` (multiple choice: a list of them), `row`
    (index into the rows it was made from), `length` (sub-words it costs), `truncated`
    (whether some of its text was cut off) and, with `train`, the format's targets.
    """

    HEAD: str | None

    def outputs(self, task: Task) -> int:
        """Width of the head."""

    def encode(self, rows: list[Row], tokenizer: Any, task: Task, *, train: bool) -> list[Feature]:
        """Features of `rows`, with targets when `train`."""

    def collate(self, features: list[Feature], pad_id: int) -> dict[str, Any]:
        """One padded batch of tensors."""

    def loss(self, logits: Any, batch: dict[str, Any]) -> Any:
        """Mean loss over what `count` counts."""

    def count(self, features: list[Feature]) -> int:
        """How many predictions the loss of `features` is the mean of."""

    def decode(
        self, logits: list[Any], features: list[Feature], rows: list[Row], task: Task
    ) -> list[Any]:
        """One prediction per row."""


def format_of(task: Task, interface: str = "heads") -> Format:
    """The module of the task's format; with the interface `text`, of texts in and out.

    Raises:
        UserError: the task names a format that does not exist.
    """
    if task.format not in FORMATS:
        raise UserError(
            f"Task {task.name!r} has the unknown format {task.format!r}; "
            f"use one of {', '.join(FORMATS)}."
        )
    if interface == "text":
        return cast(Format, importlib.import_module("xstilts.tasks.text"))
    return cast(Format, importlib.import_module(f"xstilts.tasks.{task.format}"))


def truncated(features: list[Feature]) -> int:
    """How many rows lost some of their text when they were encoded."""
    return len({feature["row"] for feature in features if feature["truncated"]})

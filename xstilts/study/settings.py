"""The settings of a training run that a study may change, and what each may be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from xstilts.study.page import Keys, Page, unknown
from xstilts.tasks.record import Hparams
from xstilts.training.memory import OFFLOADS, ZERO_STAGES

# Lengths of the input and of answers; the rest of `Hparams` concerns only the optimizer.
ENCODING = ("max_length", "doc_stride", "max_query_length", "max_answer_length")
LORA = ("lora_rank", "lora_alpha", "lora_dropout")  # adapters beside a body that stays as it is


@dataclass(frozen=True)
class Setting:
    """What a value may be: a type with bounds (both included), or one of `choices`."""

    kind: type
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    optional: bool = False  # may be null

    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, or None."""
        if value is None:
            return None if self.optional else "must have a value"
        if self.choices:
            wanted = ", ".join(map(str, self.choices))
            return None if self._typed(value) and value in self.choices else f"must be of {wanted}"
        if not self._typed(value):
            return f"must be of type {self.kind.__name__}"
        if self.low is not None and not value >= self.low:  # not a number is below everything
            return f"must be at least {self.low:g}"
        if self.high is not None and value > self.high:
            return f"must be at most {self.high:g}"
        return None

    def _typed(self, value: Any) -> bool:
        if isinstance(value, bool):
            return self.kind is bool
        return isinstance(value, (int, float) if self.kind is float else self.kind)


_TINY = 1e-12  # "greater than nothing"
_ALMOST_ONE = 0.99
HPARAMS = {
    "learning_rate": Setting(float, _TINY, 1),
    "epochs": Setting(float, _TINY),
    "batch_size": Setting(int, 1),
    "max_length": Setting(int, 8),
    "warmup": Setting(float, 0, 1),
    "weight_decay": Setting(float, 0),
    "doc_stride": Setting(int, 1),
    "max_query_length": Setting(int, 1),
    "max_answer_length": Setting(int, 1),
}
RUN = {
    "max_grad_norm": Setting(float, _TINY),
    "precision": Setting(str, choices=("fp32", "bf16")),
    "zero_stage": Setting(int, choices=ZERO_STAGES, optional=True),
    "offload": Setting(str, choices=OFFLOADS, optional=True),
    "processes": Setting(int, 1),
    "accumulation": Setting(int, 1),
    "eval_limit": Setting(int, 1),
    "train_limit": Setting(int, 1, optional=True),
    "evals": Setting(int, 1),
    "patience": Setting(int, 1),
    "freeze_embeddings": Setting(bool),
    "lora_rank": Setting(int, 1, optional=True),
    "lora_alpha": Setting(int, 1),
    "lora_dropout": Setting(float, 0, _ALMOST_ONE),
    "max_steps": Setting(int, 1, optional=True),
}
SETTINGS = HPARAMS | RUN
PRETRAINING = {
    "vocabulary": Setting(int, 100),
    "width": Setting(int, 8),
    "layers": Setting(int, 1),
    "heads": Setting(int, 1),
    "positions": Setting(int, 16),
    "length": Setting(int, 8),
    "batch": Setting(int, 1),
    "steps": Setting(int, 1),
    "learning_rate": Setting(float, _TINY, 1),
    "masked": Setting(float, _TINY, 1),
    "window": Setting(int, 1),
    "stories": Setting(int, 1),
    "seed": Setting(int, 0),
}
assert set(HPARAMS) == {field.name for field in fields(Hparams)}


def read_settings(
    page: Page,
    keys: Keys,
    values: dict[str, Any],
    known: Mapping[str, Setting],
    besides: Collection[str] = (),
) -> dict[str, Any]:
    """The valid settings of a mapping; every other entry becomes a problem of the page.

    Entries named in `besides` are no settings and are left to the caller.
    """
    found = {}
    for name, value in values.items():
        if name in besides:
            continue
        if name not in known:
            page.problem((*keys, name), unknown("setting", name, [*besides, *known]))
        elif problem := known[name].problem(value):
            page.problem((*keys, name), f"{name} {problem}, not {value!r}.")
        else:
            found[name] = value
    return found

"""The command line of a component with many inputs, out of their names."""

from collections.abc import Mapping
from typing import Any

from kfp.dsl import PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER as EXECUTOR_INPUT
from kfp.dsl.placeholders import InputValuePlaceholder


def options(values: Mapping[str, Any]) -> list[Any]:
    """Every input of a component (`locals()` at its start) as its program's option of that name.

    Outputs are none of them: where they go is in the last option, `--outputs`.
    """
    given = {name: value for name, value in values.items()
             if isinstance(value, InputValuePlaceholder)}  # fmt: skip
    given["outputs"] = EXECUTOR_INPUT
    return [word for name in given for word in (f"--{name.replace('_', '-')}", given[name])]

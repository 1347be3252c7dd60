"""Loops over what a task put out, as KFP's local runner does not know them.

It finds a loop's items only if they are a pipeline's parameter or a task's single output, it
gives the loop's item for every other task's output that is used in the loop, and it has no
outputs for a loop without items. Here the compiled pipeline is written in the form that it
can read, and `LoopStore` answers what it asks for then.
"""

from typing import Any

from kfp.local.io import IOStore
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

_CHANNEL = "pipelinechannel--"
_LOOP = "for-loop-"  # how KFP's compiler names loops


def mend(spec: PipelineSpec) -> PipelineSpec:
    """A copy in which loops take what other tasks put out as if it were their parent's input."""
    mended = PipelineSpec()
    mended.CopyFrom(spec)
    for component in (mended.root, *mended.components.values()):
        for task in component.dag.tasks.values():
            if task.WhichOneof("iterator"):
                for value in task.inputs.parameters.values():
                    if value.HasField("task_output_parameter"):
                        output = value.task_output_parameter
                        name = f"{output.producer_task}-{output.output_parameter_key}"
                        value.component_input_parameter = f"{_CHANNEL}{name}"
    return mended


class LoopStore(IOStore):
    """The values of a pipeline in progress; finds tasks' outputs also under a channel's name."""

    def get_parent_input(self, key: str) -> Any:
        """The value of a parent's input or, failing that, of a task's output."""
        outputs = {
            f"{_CHANNEL}{task}-{name}": value
            for task, values in self._task_output_data.items()
            for name, value in values.items()
        }
        return outputs[key] if key in outputs else super().get_parent_input(key)

    def get_task_output(self, task_name: str, key: str) -> Any:
        """The value of a task's output; an empty list for a loop that had no items."""
        try:
            return super().get_task_output(task_name, key)
        except ValueError:
            if task_name.startswith(_LOOP):
                return []
            raise

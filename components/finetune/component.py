"""The Kubeflow component finetune: fine-tunes on a target."""

from kfp import dsl


@dsl.container_component
def finetune(
    stages: str, run: str, receipt: dsl.OutputPath(str), metrics: dsl.Output[dsl.Metrics]
) -> dsl.ContainerSpec:
    """Fine-tune a model on the English training data of a target.

    Args:
        stages: Names of the stages to bring up to date, separated by spaces.
        run: Address of the run's folder in the store, as the plan gives it.

    Returns:
        receipt: What was done, in one line.
        metrics: Dev score, steps and speed of the training.
    """
    arguments = [stages, "--run", run, "--outputs", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
    return dsl.ContainerSpec(image="xstilts", command=["xstilts-stage"], args=arguments)

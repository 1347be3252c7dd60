"""The Kubeflow component evaluate: scores a model."""

from kfp import dsl


@dsl.container_component
def evaluate(
    stages: str, run: str, receipt: dsl.OutputPath(str), metrics: dsl.Output[dsl.Metrics]
) -> dsl.ContainerSpec:
    """Score a model in all languages of its targets.

    Args:
        stages: Names of the stages to bring up to date, separated by spaces.
        run: Address of the run's folder in the store, as the plan gives it.

    Returns:
        receipt: What was done, in one line.
        metrics: Points of every target, by language and as a mean.
    """
    arguments = [stages, "--run", run, "--outputs", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
    return dsl.ContainerSpec(image="xstilts", command=["xstilts-stage"], args=arguments)

"""The Kubeflow component publish: publishes a run."""

from kfp import dsl


@dsl.container_component
def publish(
    stages: str,
    run: str,
    receipt: dsl.OutputPath(str),
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
) -> dsl.ContainerSpec:
    """Compare the recipes, and publish the report, the scores and the lock.

    Args:
        stages: Names of the stages to bring up to date, separated by spaces.
        run: Address of the run's folder in the store, as the plan gives it.

    Returns:
        receipt: What was done, in one line.
        metrics: Average of every recipe, and its difference to the baseline.
        report: The report of the study, one page.
    """
    arguments = [stages, "--run", run, "--outputs", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
    return dsl.ContainerSpec(image="xstilts", command=["xstilts-stage"], args=arguments)

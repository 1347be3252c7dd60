"""The Kubeflow component publish: publishes a run."""

from kfp import dsl

OUTPUTS = ["--outputs", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]


@dsl.container_component
def publish(
    stages: str,
    run: str,
    receipt: dsl.OutputPath(str),
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    scores: dsl.Output[dsl.Markdown],
) -> dsl.ContainerSpec:
    """Compare the recipes, and publish the report, the scores and the lock.

    Args:
        stages: Names of the stages to bring up to date, separated by spaces.
        run: Address of the run's folder in the store, as the plan gives it.

    Returns:
        receipt: What was done, in one line.
        metrics: Averages, differences to the baseline and task scores, by model and recipe.
        report: The report of the study, one page.
        scores: The scores as tables, for reading beside the report.
    """
    return dsl.ContainerSpec("xstilts", ["xstilts-stage"], [stages, "--run", run, *OUTPUTS])

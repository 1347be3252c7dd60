"""The Kubeflow component backbone: gets the pretrained models."""

from kfp import dsl


@dsl.container_component
def backbone(stages: str, run: str, receipt: dsl.OutputPath(str)) -> dsl.ContainerSpec:
    """Get, or make, the pretrained models of a study.

    Args:
        stages: Names of the stages to bring up to date, separated by spaces.
        run: Address of the run's folder in the store, as the plan gives it.

    Returns:
        receipt: What was done, in one line.
    """
    arguments = [stages, "--run", run, "--outputs", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER]
    return dsl.ContainerSpec(image="xstilts", command=["xstilts-stage"], args=arguments)

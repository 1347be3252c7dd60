"""The Kubeflow component plan: checks everything, and lists what has to run."""

from kfp import dsl

Text, Items = dsl.OutputPath(str), dsl.OutputPath(list)
EXECUTOR_INPUT = dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER


# fmt: off
@dsl.container_component
def plan(study: str, seeds: str, models: str, gpus: str, gpu_type: str, tolerations: list,
         node_selector: dict, images: list, s3_url: str, s3_endpoint: str, s3_region: str,
         run_id: str, run: Text, prepare: Text, backbone: Text, shortcuts: Text,
         intermediate: Items, trained: Items, evaluate: Items, summary: dsl.Output[dsl.Markdown]):
    """Check everything that can be wrong with a run, and list the stages that have to run.

    Args:
        study: Name of a study in the image, or its YAML.
        seeds: Seeds to run instead of the study's own, such as 0,1,2.
        models: Models to run instead of the study's own, such as xlm-roberta-base.
        gpus: Number of GPUs of a training pod.
        gpu_type: Kubernetes resource name of the GPUs.
        tolerations: Kubernetes tolerations of training pods.
        node_selector: Labels of the nodes for training pods.
        images: Images that the pipeline was compiled with.
        s3_url: The store, as s3://BUCKET/PREFIX.
        s3_endpoint: URL of the S3 server; empty for AWS.
        s3_region: Region of the bucket; empty for the default.
        run_id: KFP's id of the run.

    Returns:
        run: Address of the run's folder in the store.
        prepare: Stages of the phase prepare that have to run, separated by spaces.
        backbone: Stages of the phase backbone that have to run, separated by spaces.
        shortcuts: Stages of the phase shortcuts that have to run, separated by spaces.
        intermediate: Intermediate trainings that have to run.
        trained: Fine-tunings that have to run, each with the evaluations of its model.
        evaluate: Evaluations that have to run of models that are finished, by model.
        summary: What is finished, what will run, and what it will cost.
    """
    return dsl.ContainerSpec(image="xstilts", command=["python", "-m", "components.plan"], args=[
        "--study", study, "--seeds", seeds, "--models", models, "--gpus", gpus,
        "--gpu-type", gpu_type, "--tolerations", tolerations, "--node-selector", node_selector,
        "--images", images, "--s3-url", s3_url, "--s3-endpoint", s3_endpoint,
        "--s3-region", s3_region, "--run-id", run_id, "--outputs", EXECUTOR_INPUT])

"""The Kubeflow component plan: checks everything, and lists what has to run."""

from kfp import dsl

from components.options import options

COMMAND = ["python", "-m", "components.plan"]
Text, Items, Labels = dsl.OutputPath(str), dsl.OutputPath(list), dsl.OutputPath(dict)


# fmt: off
@dsl.container_component
def plan(study: str, seeds: str, models: str, pool: str, pools: list, gpus: str, gpu_type: str,
         tolerations: list, node_selector: dict, nodes: str, images: list, data: dict,
         s3_url: str, s3_endpoint: str, s3_region: str, s3_secret: str, champion: str, notify: str,
         run_id: str, run: Text, prepare: Text, backbone: Text, shortcuts: Text,
         intermediate: Items, trained: Items, evaluate: Items, pod_gpus: Text, pod_gpu_type: Text,
         pod_cpu: Text, pod_memory: Text, pod_memory_request: Text, pod_tolerations: Items,
         pod_node_selector: Labels, summary: dsl.Output[dsl.Markdown]):
    """Check everything that can be wrong with a run, and list the stages that have to run.

    Args:
        study: Name of a study in the image, or its YAML.
        seeds: Seeds to run instead of the study's own, such as 0,1,2.
        models: Models to run instead of the study's own, such as xlm-roberta-base.
        pool: Name of the node pool for training pods; empty for the first one.
        pools: The pools that the pipeline knows; it was compiled for the first one.
        gpus: Number of GPUs of a training pod, instead of the pool's.
        gpu_type: Kubernetes resource name of the GPUs, instead of the pool's.
        tolerations: Kubernetes tolerations of training pods, instead of the pool's.
        node_selector: Labels of the nodes for training pods, instead of the pool's.
        nodes: Number of nodes that train a model together.
        images: Images that the pipeline was compiled with.
        data: Revisions of the folders that the study reads, by their paths.
        s3_url: The store, as s3://BUCKET/PREFIX.
        s3_endpoint: URL of the S3 server; empty for AWS.
        s3_region: Region of the bucket; empty for the default.
        s3_secret: Kubernetes secret with the store's keys, which several nodes need, too.
        champion: Name of the champion that the run will challenge; empty for none.
        notify: When people will be told how the run ended: never, failures or always.
        run_id: KFP's id of the run.

    Returns:
        run: Address of the run's folder in the store.
        prepare: Stages of the phase prepare that have to run, separated by spaces.
        backbone: Stages of the phase backbone that have to run, separated by spaces.
        shortcuts: Stages of the phase shortcuts that have to run, separated by spaces.
        intermediate: Intermediate trainings that have to run.
        trained: Fine-tunings that have to run, each with the evaluations of its model.
        evaluate: Evaluations that have to run of models that are finished, by model.
        pod_gpus: Number of GPUs of a training pod.
        pod_gpu_type: Kubernetes resource name of the GPUs.
        pod_cpu: Processors that a training pod asks for.
        pod_memory: Memory that a training pod may take.
        pod_memory_request: Memory that a training pod asks for.
        pod_tolerations: Kubernetes tolerations of training pods.
        pod_node_selector: Labels of the nodes for training pods.
        summary: What is finished, what will run, and what it will cost.
    """
    return dsl.ContainerSpec(image="xstilts", command=COMMAND, args=options(locals()))

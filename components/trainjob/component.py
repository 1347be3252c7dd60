"""The Kubeflow component trainjob: trains on several nodes, and waits for them."""

from kfp import dsl

from components.options import options

COMMAND = ["python", "-m", "components.trainjob"]


# fmt: off
@dsl.container_component
def trainjob(stages: str, run: str, image: str, nodes: str, hours: str, queue: str, gpus: str,
             gpu_type: str, cpu: str, memory: str, memory_request: str, shm: str, scratch: str,
             tolerations: list, node_selector: dict, s3_secret: str,
             receipt: dsl.OutputPath(str), metrics: dsl.Output[dsl.Metrics]):
    """Train a model on several nodes, by a TrainJob of Kubeflow Trainer.

    Args:
        stages: Names of the stages to bring up to date, separated by spaces.
        run: Address of the run's folder in the store, as the plan gives it.
        image: Image of the nodes.
        nodes: Number of nodes.
        hours: Hours after which a training is ended.
        queue: Kueue's LocalQueue that the nodes wait in; empty for none.
        gpus: Number of GPUs of each node.
        gpu_type: Kubernetes resource name of the GPUs.
        cpu: Processors that each node asks for.
        memory: Memory that each node may take.
        memory_request: Memory that each node asks for.
        shm: Shared memory that each node may take, a part of memory.
        scratch: Space on the disk that each node may take.
        tolerations: Kubernetes tolerations of the nodes' pods.
        node_selector: Labels of the nodes for the pods.
        s3_secret: Kubernetes secret with the store's keys, if any.

    Returns:
        receipt: What was done, in one line.
        metrics: Dev score, steps and speed of the training.
    """
    given = locals()
    arguments = [given.pop("stages"), *options(given)]
    return dsl.ContainerSpec(image="xstilts", command=COMMAND, args=arguments)

"""Where the pods of a pipeline run, and with what: one helper for all of its tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask

from pipelines.pools import Pool
from xstilts.observe.logs import FORMAT
from xstilts.observe.metrics import PORT, USUAL_PORT

Parameter = Any  # a pipeline's parameter or a task's output; the class is internal to KFP
DIGEST = "XSTILTS_IMAGE_DIGEST"  # goes into the provenance of what is published
USER = 10001  # the image's user and group
QUEUE = "kueue.x-k8s.io/queue-name"  # the label by which Kueue knows what waits in a queue
BACKOFF = {"backoff_duration": "30s", "backoff_factor": 2.0, "backoff_max_duration": "600s"}
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_HOUR = 3600

# For what trains and runs no model: any node, at once
STEPS = Pool("steps", "cpu", cpu="500m", memory="16Gi", memory_request="2Gi", shm="1Gi",
             scratch="50Gi", hours=6)  # fmt: skip


@dataclass(frozen=True)
class Placement:
    """How the tasks of one compiled pipeline are placed; `images` maps flavour to reference.

    The secret's name is a parameter of the pipeline: what a run is started with decides.
    """

    images: Mapping[str, str]
    retries: int
    s3_secret: Parameter


@dataclass(frozen=True)
class Nodes:
    """Where the training pods of a run go, as its plan says, which knows the run's pool."""

    gpus: Parameter
    gpu_type: Parameter
    cpu: Parameter
    memory: Parameter
    memory_request: Parameter
    tolerations: Parameter
    node_selector: Parameter


def planned_nodes(outputs: Mapping[str, Any]) -> Nodes:
    """The nodes out of the plan's outputs."""
    return Nodes(**{item.name: outputs[f"pod_{item.name}"] for item in fields(Nodes)})


def flavours(device: str) -> tuple[str, ...]:
    """The flavours of the image that a pipeline for `device` runs."""
    return tuple(dict.fromkeys((STEPS.device, device)))


def images_of(device: str, images: Mapping[str, str]) -> list[str]:
    """The references that a pipeline for `device` runs."""
    return [images[flavour] for flavour in flavours(device)]


def place(
    placement: Placement,
    pool: Pool,
    task: PipelineTask,
    title: str,
    *,
    nodes: Nodes | None = None,
    retried: bool = True,
) -> PipelineTask:
    """Give a task its image, resources, volumes, credentials, deadline, and name in the UI.

    `nodes` win over the pool, where KFP takes a value when a run starts; the rest is compiled.
    """
    task.set_display_name(title).set_caching_options(False)  # KFP's key ignores content
    image = placement.images[pool.device]
    task.set_container_image(image)
    if digest := image.partition("@")[2]:
        task.set_env_variable(DIGEST, digest)  # the image itself cannot know it
    if retried and placement.retries:
        task.set_retry(placement.retries, **BACKOFF)
    kubernetes.set_timeout(task, pool.hours * _HOUR)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    _mount(task, pool)
    keys = {name: name for name in _KEYS}
    kubernetes.use_secret_as_env(task, placement.s3_secret, keys, optional=True)
    if pool.queue:
        kubernetes.add_pod_label(task, QUEUE, pool.queue)
    _resources(task, nodes or pool)
    if nodes:
        if pool.device == "cuda":
            _accelerate(task, nodes)
        kubernetes.add_toleration_json(task, nodes.tolerations)
        kubernetes.add_node_selector_json(task, nodes.node_selector)
    _observe(task, trains=nodes is not None)
    return task


def _resources(task: PipelineTask, amounts: Pool | Nodes) -> None:
    task.set_cpu_request(amounts.cpu).set_memory_request(amounts.memory_request)
    task.set_memory_limit(amounts.memory)
    if isinstance(amounts, Nodes):
        # The compiler does not see these as inputs: without this, no loop hands them in.
        task.register_pipeline_channels([amounts.cpu, amounts.memory_request, amounts.memory])


def _observe(task: PipelineTask, *, trains: bool) -> None:
    """Records for a log collector, and of what trains figures on a port, read by its labels."""
    task.set_env_variable(FORMAT, "json")
    kubernetes.add_pod_label(task, "app.kubernetes.io/name", "xstilts")
    if trains:
        task.set_env_variable(PORT, USUAL_PORT)
        kubernetes.add_pod_label(task, "app.kubernetes.io/component", "training")


def _mount(task: PipelineTask, pool: Pool) -> None:
    """Volumes for what may be written; the rest of the image can be read-only."""
    kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit=pool.shm)
    kubernetes.empty_dir_mount(task, "scratch", "/scratch", size_limit=pool.scratch)
    kubernetes.empty_dir_mount(task, "tmp", "/tmp", size_limit=pool.scratch)


def _accelerate(task: PipelineTask, nodes: Nodes) -> None:
    # The number has to be a text: KFP's driver reads it as one, and asks for no GPU otherwise.
    task.set_accelerator_type(nodes.gpu_type).set_accelerator_limit(nodes.gpus)
    task.register_pipeline_channels([nodes.gpus, nodes.gpu_type])  # as in _resources

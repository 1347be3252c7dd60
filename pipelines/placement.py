"""Where the pods of a pipeline run, and with what: one helper for all of its tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp import kubernetes
from kfp.dsl import PipelineTask

Parameter = Any  # a pipeline's parameter; the class is internal to KFP
DEVICES = ("cuda", "cpu")
DIGEST = "XSTILTS_IMAGE_DIGEST"  # goes into the provenance of what is published
USER = 10001  # the image's user and group
BACKOFF = {"backoff_duration": "30s", "backoff_factor": 2.0, "backoff_max_duration": "600s"}
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_HOUR = 3600


@dataclass(frozen=True)
class Pool:
    """What a pod of one kind of work gets, as Kubernetes quantities; `hours` end it.

    `shm` is memory: it counts against `memory_limit`. Kubernetes gives 64 MiB, on which
    processes of one training that share tensors die. `scratch` is space on the node's disk.
    """

    image: str  # flavour
    cpu: str
    memory: str
    memory_limit: str
    shm: str
    scratch: str
    hours: int
    accelerated: bool = False
    chosen: bool = False  # the run's tolerations and node selector apply


CPU = Pool("cpu", "500m", "2Gi", "16Gi", shm="1Gi", scratch="50Gi", hours=6)
TRAINING = {
    "cuda": Pool("cuda", "4", "16Gi", "64Gi", shm="8Gi", scratch="100Gi", hours=48,
                 accelerated=True, chosen=True),
    "cpu": Pool("cpu", "2", "4Gi", "16Gi", shm="1Gi", scratch="50Gi", hours=48, chosen=True),
}  # fmt: skip


@dataclass(frozen=True)
class Placement:
    """How the tasks of one compiled pipeline are placed.

    `images` maps flavour to reference. The other fields but `device` and `retries` are
    parameters of the pipeline: what a run is started with decides.
    """

    device: str
    images: Mapping[str, str]
    retries: int
    gpus: Parameter
    gpu_type: Parameter
    tolerations: Parameter
    node_selector: Parameter
    s3_secret: Parameter

    @property
    def training(self) -> Pool:
        """The pool for phases that train a model or run one."""
        return TRAINING[self.device]


def flavours(device: str) -> tuple[str, ...]:
    """The flavours of the image that a pipeline for `device` runs."""
    return tuple(dict.fromkeys(pool.image for pool in (CPU, TRAINING[device])))


def images_of(device: str, images: Mapping[str, str]) -> list[str]:
    """The references that a pipeline for `device` runs."""
    return [images[flavour] for flavour in flavours(device)]


def place(
    placement: Placement, pool: Pool, task: PipelineTask, title: str, *, retried: bool = True
) -> PipelineTask:
    """Give a task its image, resources, volumes, credentials, deadline, and name in the UI."""
    task.set_display_name(title).set_caching_options(False)  # KFP's key ignores content
    image = placement.images[pool.image]
    task.set_container_image(image)
    if digest := image.partition("@")[2]:
        task.set_env_variable(DIGEST, digest)  # the image itself cannot know it
    task.set_cpu_request(pool.cpu).set_memory_request(pool.memory)
    task.set_memory_limit(pool.memory_limit)
    if retried and placement.retries:
        task.set_retry(placement.retries, **BACKOFF)
    kubernetes.set_timeout(task, pool.hours * _HOUR)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    _mount(task, pool)
    keys = {name: name for name in _KEYS}
    kubernetes.use_secret_as_env(task, placement.s3_secret, keys, optional=True)
    if pool.accelerated:
        _accelerate(task, placement)
    if pool.chosen:
        kubernetes.add_toleration_json(task, placement.tolerations)
        kubernetes.add_node_selector_json(task, placement.node_selector)
    return task


def _mount(task: PipelineTask, pool: Pool) -> None:
    """Volumes for what may be written; the rest of the image can be read-only."""
    kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit=pool.shm)
    kubernetes.empty_dir_mount(task, "scratch", "/scratch", size_limit=pool.scratch)
    kubernetes.empty_dir_mount(task, "tmp", "/tmp", size_limit=pool.scratch)


def _accelerate(task: PipelineTask, placement: Placement) -> None:
    # The number has to be a text: KFP's driver reads it as one, and asks for no GPU otherwise.
    task.set_accelerator_type(placement.gpu_type).set_accelerator_limit(placement.gpus)
    # The compiler does not see these two as inputs: without this, no loop hands them in.
    task.register_pipeline_channels([placement.gpus, placement.gpu_type])

"""The pipeline: which task follows which. What a task does is its component's; where, `place`'s.

The graph is the same for every study: the plan lists what has to run, and flat loops go
through the lists.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kfp import dsl
from kfp.dsl.base_component import BaseComponent

from components.backbone.component import backbone
from components.evaluate.component import evaluate
from components.finetune.component import finetune
from components.finish.component import finish
from components.intermediate.component import intermediate
from components.plan.component import plan
from components.prepare.component import prepare
from components.publish.component import publish
from components.shortcuts.component import shortcuts
from pipelines.placement import CPU, Placement, Pool, images_of, place

NAME = "xstilts"
PARALLELISM = 8  # pods of one loop at the same time
RETRIES = 3
SECRET = "xstilts-s3"
DEADLINE = 14 * 24 * 3600  # seconds, for a whole run
RUN_ID = dsl.PIPELINE_JOB_ID_PLACEHOLDER
On = Callable[..., dsl.PipelineTask]


def pipeline(
    images: Mapping[str, str],
    device: str = "cuda",
    *,
    study: str = "",
    parallelism: int = PARALLELISM,
    retries: int = RETRIES,
) -> BaseComponent:
    """The pipeline for one device; `images` are the references of the flavours it needs.

    `study` is the default of the parameter of this name. `parallelism` bounds each loop.
    """

    def study_pipeline(
        s3_url: str,
        study: str = study,
        seeds: str = "",
        models: str = "",
        gpus: str = "1" if device == "cuda" else "0",
        gpu_type: str = "nvidia.com/gpu",
        tolerations: list = [],  # noqa: B006 (KFP copies defaults into its specification)
        node_selector: dict = {},  # noqa: B006
        s3_endpoint: str = "",
        s3_region: str = "",
        s3_secret: str = SECRET,
    ) -> None:
        """Run a study of intermediate-task training; what its store holds is not run again.

        Args:
            s3_url: The store, as s3://BUCKET/PREFIX.
            study: Name of a study in the image, or a study's YAML.
            seeds: Seeds to run instead of the study's own, such as 0,1,2.
            models: Models to run instead of the study's own, such as xlm-roberta-base.
            gpus: Number of GPUs of each training pod; 0 in a pipeline for CPUs.
            gpu_type: Kubernetes resource name of the GPUs, such as nvidia.com/gpu.
            tolerations: JSON list of Kubernetes tolerations of training pods.
            node_selector: JSON mapping of labels; training pods go to nodes that have them.
            s3_endpoint: URL of the S3 server; empty for AWS.
            s3_region: Region of the bucket; empty for the default.
            s3_secret: Kubernetes secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, if any.
        """
        chosen = (gpus, gpu_type, tolerations, node_selector, s3_secret)
        placement = Placement(device, images, retries, *chosen)
        on = partial(place, placement)
        store = {"study": study, "s3_url": s3_url, "s3_endpoint": s3_endpoint,
                 "s3_region": s3_region, "run_id": RUN_ID}  # fmt: skip
        asked = {"seeds": seeds, "models": models, "gpus": gpus, "gpu_type": gpu_type,
                 "tolerations": tolerations, "node_selector": node_selector}  # fmt: skip
        with dsl.ExitHandler(on(CPU, finish(**store), "Say how it ended"), name="Study"):
            todo = plan(images=images_of(device, images), **store, **asked)
            on(CPU, todo, "Check and plan", retried=False)  # what it finds is the user's to mend
            _stages(on, placement.training, todo.outputs, parallelism)

    config = dsl.PipelineConfig(active_deadline_seconds=DEADLINE)
    decorate = dsl.pipeline(name=pipeline_name(device), pipeline_config=config)
    return decorate(study_pipeline)


def pipeline_name(device: str) -> str:
    """The name that Kubeflow knows the pipeline by."""
    return NAME if device == "cuda" else f"{NAME}-{device}"


def _stages(on: On, train: Pool, todo: Mapping[str, Any], parallelism: int) -> None:
    """Bring the planned stages up to date; `train` is the pool for models."""
    run = todo["run"]
    data = on(CPU, prepare(stages=todo["prepare"], run=run), "Prepare data")
    base = on(CPU, backbone(stages=todo["backbone"], run=run), "Get models").after(data)
    cheap = on(CPU, shortcuts(stages=todo["shortcuts"], run=run), "Score shortcuts").after(data)
    with dsl.ParallelFor(todo["intermediate"], "Intermediate tasks", parallelism) as item:
        first = on(train, intermediate(stages=item, run=run), "Train").after(base)
    with dsl.ParallelFor(todo["trained"], "Targets", parallelism) as item:
        tuned = on(train, finetune(stages=item.finetune, run=run), "Fine-tune").after(first)
        scored = on(train, evaluate(stages=item.evaluate, run=run), "Evaluate").after(tuned)
    with dsl.ParallelFor(todo["evaluate"], "Finished models", parallelism) as item:
        again = on(train, evaluate(stages=item, run=run), "Evaluate").after(first)
    # Only the order: KFP cannot collect outputs of a loop over nothing, and most lists are
    # empty when a study is run again.
    on(CPU, publish(stages="publish", run=run), "Publish").after(scored, again, cheap)

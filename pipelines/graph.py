"""The pipeline: which task follows which. What a task does is its component's; where, `place`'s.

The graph is the same for every study: the plan lists what has to run, and flat loops go
through the lists.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kfp import dsl
from kfp.dsl.base_component import BaseComponent
from kfp.kubernetes import use_secret_as_env

from components.backbone.component import backbone
from components.evaluate.component import evaluate
from components.finetune.component import finetune
from components.finish.component import finish
from components.finish.notify import NEVER, WEBHOOK
from components.intermediate.component import intermediate
from components.plan.component import plan
from components.prepare.component import prepare
from components.publish.component import publish
from components.shortcuts.component import shortcuts
from pipelines.placement import STEPS, Placement, images_of, place, planned_nodes
from pipelines.pools import Pool
from pipelines.several_nodes import order, train_on_nodes

NAME = "xstilts"
PARALLELISM = 8  # pods of one loop at the same time
RETRIES = 3
SECRET = "xstilts-s3"
NOTIFY_SECRET = "xstilts-notify"
DEADLINE = 14 * 24 * 3600  # seconds, for a whole run
RUN_ID = dsl.PIPELINE_JOB_ID_PLACEHOLDER
On = Callable[..., dsl.PipelineTask]


def pipeline(
    images: Mapping[str, str],
    pools: Sequence[Pool],
    *,
    study: str = "",
    parallelism: int = PARALLELISM,
    retries: int = RETRIES,
    nodes: int = 1,
) -> BaseComponent:
    """The pipeline for the first pool; a run may take another one of the same device.

    `images` are the references of the flavours it needs. `study` is the default of the parameter of
    this name. `parallelism` bounds each loop. On how many `nodes` a model trains is compiled in.
    """
    pool, device = pools[0].name, pools[0].device
    known = [entry.record() for entry in pools]

    def study_pipeline(
        s3_url: str,
        study: str = study,
        seeds: str = "",
        models: str = "",
        data: dict = {},  # noqa: B006 (KFP copies defaults into its specification)
        pool: str = pool,
        gpus: str = "",
        gpu_type: str = "",
        tolerations: list = [],  # noqa: B006
        node_selector: dict = {},  # noqa: B006
        s3_endpoint: str = "",
        s3_region: str = "",
        s3_secret: str = SECRET,
        champion: str = "",
        notify: str = NEVER,
        notify_secret: str = NOTIFY_SECRET,
    ) -> None:
        """Run a study of intermediate-task training; what its store holds is not run again.

        Args:
            s3_url: The store, as s3://BUCKET/PREFIX.
            study: Name of a study in the image, or a study's YAML.
            seeds: Seeds to run instead of the study's own, such as 0,1,2.
            models: Models to run instead of the study's own, such as xlm-roberta-base.
            data: Revisions of the folders that the study reads, as their .dvc files have them.
            pool: Node pool of training pods, as k8s/pools.yaml named it when this was compiled.
            gpus: Number of GPUs of each training pod; empty for the pool's.
            gpu_type: Kubernetes resource name of the GPUs; empty for the pool's.
            tolerations: JSON list of tolerations of training pods; empty for the pool's.
            node_selector: JSON mapping of labels of nodes for training pods; empty for the pool's.
            s3_endpoint: URL of the S3 server; empty for AWS.
            s3_region: Region of the bucket; empty for the default.
            s3_secret: Kubernetes secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, if any.
            champion: Name of the champion that the published run challenges; empty for none.
            notify: When to tell people how it ended: never, failures or always.
            notify_secret: Kubernetes secret with the webhook as url, which takes Slack's JSON.
        """
        on = partial(place, Placement(images, retries, s3_secret))
        store = {"study": study, "s3_url": s3_url, "s3_endpoint": s3_endpoint,
                 "s3_region": s3_region, "run_id": RUN_ID}  # fmt: skip
        asked = {"seeds": seeds, "models": models, "data": data, "pool": pool, "pools": known,
                 "gpus": gpus, "gpu_type": gpu_type, "tolerations": tolerations,
                 "node_selector": node_selector, "nodes": str(nodes),
                 "s3_secret": s3_secret}  # fmt: skip
        last = on(STEPS, finish(**store, notify=notify), "Say how it ended")
        use_secret_as_env(last, notify_secret, {"url": WEBHOOK}, optional=True)
        with dsl.ExitHandler(last, name="Study"):
            own = images_of(device, images)
            todo = plan(images=own, champion=champion, notify=notify, **store, **asked)
            on(STEPS, todo, "Check and plan", retried=False)  # what it finds is the user's to mend
            planned = planned_nodes(todo.outputs)
            train = partial(on, pools[0], nodes=planned)
            fit = partial(_fit, train)
            if nodes > 1:
                where = order(pools[0], nodes, planned, images, s3_secret)
                fit = partial(train_on_nodes, on, pools[0], where)
            _stages(on, train, fit, todo.outputs, parallelism)

    config = dsl.PipelineConfig(active_deadline_seconds=DEADLINE)
    decorate = dsl.pipeline(name=pipeline_name(device, nodes), pipeline_config=config)
    return decorate(study_pipeline)


def pipeline_name(device: str, nodes: int = 1) -> str:
    """The name that Kubeflow knows the pipeline by."""
    name = NAME if device == "cuda" else f"{NAME}-{device}"
    return name if nodes == 1 else f"{name}-{nodes}-nodes"


def _fit(train: On, component: On, stages: Any, run: Any, title: str) -> dsl.PipelineTask:
    """The task that trains, in a pod that `train` places."""
    return train(component(stages=stages, run=run), title)


def _stages(on: On, train: On, fit: On, todo: Mapping[str, Any], parallelism: int) -> None:
    """Bring the planned stages up to date.

    `train` places what models run in; `fit` makes and places what trains them.
    """
    run = todo["run"]
    data = on(STEPS, prepare(stages=todo["prepare"], run=run), "Prepare data")
    base = on(STEPS, backbone(stages=todo["backbone"], run=run), "Get models").after(data)
    cheap = on(STEPS, shortcuts(stages=todo["shortcuts"], run=run), "Score shortcuts").after(data)
    with dsl.ParallelFor(todo["intermediate"], "Intermediate tasks", parallelism) as item:
        first = fit(intermediate, item, run, "Train").after(base)
    with dsl.ParallelFor(todo["trained"], "Targets", parallelism) as item:
        tuned = fit(finetune, item.finetune, run, "Fine-tune").after(first)
        scored = train(evaluate(stages=item.evaluate, run=run), "Evaluate").after(tuned)
    with dsl.ParallelFor(todo["evaluate"], "Finished models", parallelism) as item:
        again = train(evaluate(stages=item, run=run), "Evaluate").after(first)
    # Only the order: KFP cannot collect outputs of a loop over nothing, and most lists are
    # empty when a study is run again.
    on(STEPS, publish(stages="publish", run=run), "Publish").after(scored, again, cheap)

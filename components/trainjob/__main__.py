"""`python -m components.trainjob`: bring stages up to date that train on several nodes.

This pod needs no GPU. It looks up the store, has the cluster run a TrainJob for each stage whose
result is not there, and waits. The first of the job's nodes writes the result to the store.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial

from components import pod
from components.desk import Desk
from components.dvc_steps import StageFailed
from components.plan.placement import read_count, read_json, read_placement
from components.pod import Visit
from components.trainjob import watch
from components.trainjob.cluster import Cluster, in_cluster
from components.trainjob.resource import HOUR, WAIT, Order, trainjob
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, raise_if_any
from xstilts.observe.logs import FORMAT, LOG, configure
from xstilts.observe.metrics import PORT, USUAL_PORT
from xstilts.store import fragments, lookup

_TEXTS = ("image", "cpu", "memory", "memory_request", "shm", "scratch")
_CHOICES = ("gpus", "gpu_type", "tolerations", "node_selector", "queue", "s3_secret")


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring stages up to date; returns the exit code (2 for a mistake of the user's)."""
    options = _parser().parse_args(arguments)
    try:
        configure()
        order, cluster = read_order(options), in_cluster()
    except UserError as error:
        for problem in error.problems:
            LOG.error("%s", problem)
        return USER_ERROR_EXIT_CODE
    return pod.serve(options, partial(pod.visit_all, make=partial(_on_nodes, cluster, order)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.trainjob",
        description="Bring stages of a planned run up to date, training on several nodes.",
    )
    pod.add_stage_options(parser)
    for name in (*_TEXTS, "nodes", "hours"):
        parser.add_argument(f"--{name.replace('_', '-')}", required=True)
    for name in _CHOICES:
        parser.add_argument(f"--{name.replace('_', '-')}", default="")
    return parser


def read_order(options: argparse.Namespace) -> Order:
    """What the command line says of the nodes; `UserError` with everything wrong in it."""
    problems: list[str] = []
    place = read_placement(
        options.gpus, options.gpu_type, options.tolerations, options.node_selector, problems
    )
    if place.gpus and not place.gpu_type:
        problems.append("gpu_type is missing: name the GPUs' resource, such as nvidia.com/gpu.")
    nodes, hours = (
        read_count(name, getattr(options, name), problems) for name in ("nodes", "hours")
    )
    raise_if_any(problems)
    return Order(
        **{name: getattr(options, name) for name in (*_TEXTS, "queue", "s3_secret")},
        nodes=nodes,
        hours=hours,
        gpus=place.gpus,
        gpu_type=place.gpu_type,
        tolerations=read_json("tolerations", options.tolerations, list, []),
        node_selector=read_json("node_selector", options.node_selector, dict, []),
        settings={PORT: USUAL_PORT, FORMAT: os.environ.get(FORMAT, "")},
    )


def _on_nodes(
    cluster: Cluster, order: Order, desk: Desk, visit: Visit, _inputs: lookup.Entries
) -> lookup.Entry:
    """Have the cluster run a stage; returns the lock entry that the first node wrote."""
    with visit.timed("work"):
        watch.run(cluster, trainjob(order, visit.stage, desk.run), WAIT * HOUR)
    entry = fragments.read(desk.run, visit.stage.name)
    if entry is None:
        raise StageFailed(
            f"the TrainJob of {visit.stage.name} ended well, but {desk.run} has no result of it: "
            "do its nodes run the image of this pod?"
        )
    return entry


if __name__ == "__main__":
    sys.exit(main())

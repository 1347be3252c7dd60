"""Whether Kubeflow Pipelines answers, is new enough, and has the pipelines of the schedules."""

import os
from collections.abc import Iterator, Sequence

from pipelines import api
from pipelines.doctor.demand import Demand
from pipelines.graph import pipeline_name
from pipelines.schedule import recurring
from pipelines.schedule.recurring import Server
from pipelines.target import ENDPOINTS, read_endpoint
from xstilts.errors import UserError, raise_if_any
from xstilts.study.findings import NOTE, PROBLEM, Finding


def kubeflow(url: str | None, namespace: str, demands: Sequence[Demand]) -> Iterator[Finding]:
    """What Kubeflow's endpoint says; a note where none is given and none set.

    `namespace` is that of the runs, which a Kubeflow without users does not want to hear of.
    """
    if not url and not any(os.environ.get(name) for name in ENDPOINTS):
        text = f"not asked: no endpoint is set (--endpoint, or {ENDPOINTS[0]})."
        yield Finding("kubeflow", text, state=NOTE)
        return
    problems: list[str] = []
    endpoint = read_endpoint(url, problems)
    try:
        raise_if_any(problems)
        version = api.examine(endpoint, namespace)
        has_users = api.has_users(endpoint)
    except UserError as error:
        yield from (Finding("kubeflow", text, state=PROBLEM) for text in error.problems)
        return
    yield Finding("kubeflow", f"{endpoint.url}, version {version or 'not told'}")
    server = Server(endpoint, namespace if has_users else None)
    for name in dict.fromkeys(pipeline_name(own.pool.device) for own in demands if own.source):
        yield from _pipeline(server, name)


def _pipeline(server: Server, name: str) -> Iterator[Finding]:
    """A pipeline that schedules run."""
    try:
        recurring.pipeline(server, name)
    except UserError as error:
        yield from (Finding("kubeflow", text, state=PROBLEM) for text in error.problems)
    else:
        yield Finding("kubeflow", f"the pipeline {name} is there.")

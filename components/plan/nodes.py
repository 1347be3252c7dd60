"""What a training on several nodes needs of the cluster, as the plan's pod can see it."""

import os
from http import HTTPStatus

from components.trainjob.cluster import Cluster, Refused, call, in_cluster
from components.trainjob.resource import GROUP, RUNTIME
from xstilts.errors import UserError

_TRIES = 3  # for one answer: what cannot be looked at is a note
_KEY = "AWS_ACCESS_KEY_ID"


def examine_nodes(
    nodes: int, s3_secret: str, has_store: bool, problems: list[str], notes: list[str]
) -> None:
    """Look for the TrainingRuntime and for the store's keys, if several `nodes` train a model.

    `has_store` says that this pod itself can use the store. What is missing goes to `problems`,
    and to `notes` what this pod's service account may not look at.
    """
    if nodes == 1:
        return
    try:
        cluster = in_cluster()
    except UserError as error:
        notes.append(f"what {nodes} nodes need was not looked at: {error}")
        return
    if said := _absent(cluster, f"TrainingRuntime {RUNTIME}", GROUP, "trainingruntimes", RUNTIME,
                       notes):  # fmt: skip
        problems.append(
            f"the namespace {cluster.namespace} has no TrainingRuntime {RUNTIME}, which training "
            f"on {nodes} nodes needs: install Kubeflow Trainer 2 and apply an overlay of k8s/ to "
            f"the namespace, or leave --nodes out. Kubernetes says: {said}"
        )
    what = f"secret {s3_secret}"
    if s3_secret and (said := _absent(cluster, what, "v1", "secrets", s3_secret, notes)):
        _no_secret(cluster, s3_secret, has_store, problems, notes)


def _no_secret(
    cluster: Cluster, name: str, has_store: bool, problems: list[str], notes: list[str]
) -> None:
    text = f"the namespace {cluster.namespace} has no secret {name} with the store's keys"
    if has_store and not os.environ.get(_KEY):  # this pod is somebody without them
        notes.append(
            f"{text}. This pod does without; the nodes of a training, whose service account is "
            "that of the TrainingRuntime, must be able to, too."
        )
    else:
        problems.append(f"{text}: make it, or name another one by the parameter s3_secret.")


def _absent(cluster: Cluster, what: str, group: str, kind: str, name: str, notes: list[str]) -> str:
    """What Kubernetes says of an object that is not there, '' if it is there or may be."""
    try:
        call(cluster, "GET", cluster.objects(group, kind, name), tries=_TRIES)
    except Refused as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return str(error)
        notes.append(f"the {what} was not looked at: {error}")
    except UserError as error:
        notes.append(f"the {what} was not looked at: {error}")
    return ""

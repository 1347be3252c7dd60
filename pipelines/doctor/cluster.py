"""The objects that a cluster has, as Kubernetes' API tells the user of the current context."""

import json
import os
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

import yaml

from pipelines.doctor.objects import (
    CLUSTER_WIDE,
    DEFAULT_NAMESPACE,
    NAMESPACED,
    SECRET,
    Json,
    Objects,
)
from xstilts.errors import UserError
from xstilts.study.findings import Finding

_OBJECT = re.compile(r"^(<[^>]*>|\w+\([^)]*\)): ")  # what urllib3 says first of itself
_SECONDS = 15  # for one answer
_SHOWN = 300  # characters of a refusal
_OTHER = "choose another context (`kubectl config use-context`), or another file by KUBECONFIG"


def read_cluster(namespace: str, secrets: Collection[str]) -> tuple[Objects, Finding]:
    """The objects of the current context's cluster.

    The finding says which one that is, and whether the namespace is there.

    The namespace is by default the context's, or else that of k8s/base. Of secrets the named ones
    are read, and only the names of their keys are kept. What the user may not read is in `unread`.
    Raises `UserError` if there is no context, or the API does not answer or know the user.
    """
    client, context, own = _connect()
    namespace = namespace or own or DEFAULT_NAMESPACE
    reader = _Reader(client, namespace)
    for kind, (group, plural) in (NAMESPACED | CLUSTER_WIDE).items():
        where = f"namespaces/{namespace}/{plural}" if kind in NAMESPACED else plural
        reader.read(kind, group, f"namespaces/{namespace}" if kind == "Namespace" else where)
    for name in sorted(secrets):
        reader.read(SECRET, "", f"namespaces/{namespace}/secrets/{name}")
    return reader.objects(), reader.where(context)


class _Reader:
    """Gathers what the API says, kind by kind."""

    def __init__(self, client: Any, namespace: str) -> None:
        self.client, self.namespace = client, namespace
        self.found: dict[str, dict[str, Json]] = {}
        self.unread: dict[str, str] = {}
        self.uninstalled: set[str] = set()
        self.versions: dict[str, str] = {}

    def read(self, kind: str, group: str, path: str) -> None:
        """Take in the objects, or the object, at a path below the group's newest version."""
        try:
            start = self._version(group)
            answer = _get(self.client, f"{start}/{path}") if start else None
        except _Forbidden as error:
            self.unread[kind] = f"Kubernetes does not allow it ({error})"
            return
        known = self.found.setdefault(kind, {})
        if answer is None:  # no such group, kind or, asked for by its name, object
            self.uninstalled |= {kind} if group else set()
            return
        for item in answer.get("items", [answer]):
            keys = {"keys": sorted(item.get("data") or {})} if kind == SECRET else item
            known[item["metadata"]["name"]] = {**keys, "kind": kind}

    def _version(self, group: str) -> str:
        """Where the objects of an API group are, '' if the cluster does not know the group."""
        if not group:
            return "api/v1"
        if group not in self.versions:
            found = _get(self.client, f"apis/{group}")
            newest = found["preferredVersion"]["groupVersion"] if found else ""
            self.versions[group] = f"apis/{newest}" if newest else ""
        return self.versions[group]

    def objects(self) -> Objects:
        """What was gathered."""
        absent = frozenset(self.uninstalled)
        return Objects(self.namespace, self.found, False, self.unread, absent)

    def where(self, context: str) -> Finding:
        """Which cluster and namespace these are."""
        title = f"{context}, namespace {self.namespace}"
        if self.found.get("Namespace") or "Namespace" in self.unread:
            return Finding("cluster", title)
        remedy = "give the namespace of the runs by --namespace, or make it: kubectl apply -k …"
        return Finding("cluster", f"{title}, which does not exist.", remedy)


class _Forbidden(Exception):
    """Kubernetes does not let this user read something; the text is its own."""


def _connect() -> tuple[Any, str, str]:
    """A client for kubectl's current context, the context's name, and its namespace ('': none)."""
    from kubernetes import client, config

    file = os.environ.get("KUBECONFIG") or None  # the client itself reads it when imported only
    configuration = client.Configuration()
    try:
        _, active = config.list_kube_config_contexts(file)
        config.load_kube_config(file, client_configuration=configuration)
    except (config.ConfigException, OSError, yaml.YAMLError, TypeError) as error:
        text = " ".join(str(error).split()).rstrip(".")  # TypeError: a file that is no mapping
        raise UserError(f"there is no cluster to ask ({text}): {_OTHER}.") from error
    configuration.retries = False  # who waits for a wrong address wants to know at once
    return client.ApiClient(configuration), active["name"], active["context"].get("namespace", "")


def _get(client: Any, path: str) -> Json | None:
    """The JSON at a path of the API, None if there is nothing.

    Raises `_Forbidden`, or `UserError` if nobody answers as Kubernetes does, or knows the user.
    """
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    host = client.configuration.host
    try:
        found = client.call_api(
            f"/{path}",
            "GET",
            header_params={"Accept": "application/json"},
            response_type="object",
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            _request_timeout=_SECONDS,
        )
    except ApiException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise _refusal(host, path, error) from error
    except HTTPError as error:
        reason = _OBJECT.sub("", str(error)).rstrip(".")
        raise UserError(f"{host} does not answer ({reason}): {_OTHER}.") from error
    if not isinstance(found, dict):
        shown = repr(found)[:80]
        raise UserError(f"{host} is no API of Kubernetes, for it answers {shown}: {_OTHER}.")
    return found


def _refusal(host: str, path: str, error: Any) -> Exception:
    """What to raise for an answer that is a refusal."""
    message = _message(error)
    if error.status == HTTPStatus.FORBIDDEN:
        return _Forbidden(message)
    if error.status == HTTPStatus.UNAUTHORIZED:
        return UserError(f"{host} does not know who asks ({message}): log in, or {_OTHER}.")
    return UserError(f"{host} refuses to tell /{path} ({error.status}): {message}.")


def _message(error: Any) -> str:
    """What the server says of its refusal: the message of a Status object, or its text."""
    try:
        value = json.loads(error.body or "")
    except ValueError:
        value = None
    text = value.get("message") if isinstance(value, dict) else error.body
    return " ".join(str(text or error.reason).split()).rstrip(".")[:_SHOWN]

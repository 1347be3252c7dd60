"""Kubernetes' API over HTTP, from inside a cluster: objects, and streams of what changes.

The image has no client of Kubernetes: these few calls do not need its 20 MB.
"""

import json
import os
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from xstilts.errors import UserError

Json = dict[str, Any]
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TRIES = 7
PAUSE = 1.0  # seconds before the second try; each further one waits twice as long
TIMEOUT = 30.0  # seconds, for one answer
_BUSY = (429, 500, 502, 503, 504)  # worth another try
_SHOWN = 1000  # characters of an answer
_AT_ONCE = 65_536  # bytes


@dataclass(frozen=True)
class Cluster:
    """Where the API is, and the namespace that we work in.

    The token is read for every request: Kubernetes replaces it from time to time.
    """

    url: str
    namespace: str
    token: Path | None = None
    authority: Path | None = None

    def objects(self, group: str, kind: str, *names: str) -> str:
        """The path of a kind of object in our namespace, or of one object or part of it."""
        start = "api/v1" if group == "v1" else f"apis/{group}"
        return "/".join((start, "namespaces", self.namespace, kind, *names))


class Unreachable(UserError):
    """The server did not answer, or said that it is too busy: it may when asked again."""


class Refused(UserError):
    """The server answered, and did not do what it was asked; `status` is HTTP's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def in_cluster(account: Path = ACCOUNT) -> Cluster:
    """The cluster that this pod runs in, as its service account; `UserError` outside of one."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    port = os.environ.get("KUBERNETES_SERVICE_PORT") or "443"
    token = account / "token"
    if not host or not token.is_file():
        raise UserError(
            "this is no pod with a service account (KUBERNETES_SERVICE_HOST or "
            f"{token} is missing): a training on several nodes is started from within the cluster."
        )
    host = f"[{host}]" if ":" in host else host
    namespace = (account / "namespace").read_text(encoding="utf-8").strip()
    return Cluster(f"https://{host}:{port}", namespace, token, account / "ca.crt")


def call(
    cluster: Cluster,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    query: Mapping[str, str] | None = None,
    tries: int = TRIES,
) -> Json:
    """One request; returns the JSON object that answers it.

    Asks again when the server is busy or not there, so a request that makes or removes
    something may have been heard twice. Raises `Unreachable` or `Refused`.
    """
    for attempt in range(1, tries + 1):
        try:
            with _answer(cluster, method, path, body, query or {}, TIMEOUT) as response:
                return dict(json.loads(response.read()))
        except (Unreachable, ValueError) as error:
            if attempt == tries:
                raise _as_unreachable(cluster, error) from error
            time.sleep(PAUSE * 2 ** (attempt - 1))
    raise AssertionError("tries must be at least 1")


def lines(cluster: Cluster, path: str, query: Mapping[str, str], patience: float) -> Iterator[str]:
    """The lines of a stream until it ends, or breaks: then `Unreachable` is raised.

    A connection that brings nothing for `patience` seconds is given up, and ends here. A line that
    was broken off is not among them.
    """
    with _answer(cluster, "GET", path, None, query, patience) as response:
        rest = b""
        try:
            while data := response.read1(_AT_ONCE):  # iterating would hide that it broke
                *whole, rest = (rest + data).split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
            if rest:
                yield rest.decode(errors="replace")
        except TimeoutError:
            return
        except (OSError, HTTPException, ValueError) as error:
            raise _as_unreachable(cluster, error) from error


@contextmanager
def _answer(
    cluster: Cluster,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    query: Mapping[str, str],
    timeout: float,
) -> Iterator[HTTPResponse]:
    """The answer to a request that was not refused."""
    headers = {"Accept": "application/json, */*", "Content-Type": "application/json"}
    if cluster.token:
        headers["Authorization"] = f"Bearer {cluster.token.read_text(encoding='utf-8').strip()}"
    url = f"{cluster.url}/{path}" + (f"?{urlencode(query)}" if query else "")
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, headers, method=method)
    try:
        with _opener(cluster).open(request, timeout=timeout) as response:
            yield response
    except HTTPError as error:
        text = _refusal(cluster, method, path, error)
        if error.code in _BUSY:
            raise Unreachable(text) from error
        raise Refused(text, error.code) from error
    except (OSError, HTTPException) as error:
        raise _as_unreachable(cluster, error) from error


def _opener(cluster: Cluster) -> OpenerDirector:
    """Trusts the cluster's own authority alone, and asks no proxy: those are for the world."""
    direct = ProxyHandler({})
    if cluster.authority is None:
        return build_opener(direct)
    trust = ssl.create_default_context(cafile=str(cluster.authority))
    return build_opener(direct, HTTPSHandler(context=trust))


def _as_unreachable(cluster: Cluster, error: Exception) -> Unreachable:
    if isinstance(error, Unreachable):
        return error
    reason = error.reason if isinstance(error, URLError) else error
    return Unreachable(
        f"Kubernetes' API at {cluster.url} does not answer: {reason or type(reason).__name__}."
    )


def _refusal(cluster: Cluster, method: str, path: str, error: HTTPError) -> str:
    message = _message(error)
    where = f"namespace {cluster.namespace}"
    if error.code == HTTPStatus.FORBIDDEN and "admission webhook" not in message:
        return (
            f"this pod's service account may not {method} {path} ({where}): bind the Role "
            f"xstilts-trainjobs of k8s/base/training-role.yaml to it. Kubernetes says: {message}"
        )
    if error.code == HTTPStatus.UNAUTHORIZED:
        return f"Kubernetes does not accept this pod's token ({where}): {message}"
    return f"Kubernetes refuses {method} {path} ({error.code}): {message}"


def _message(error: HTTPError) -> str:
    """What the server says: the message of a Status object, or a proxy's text."""
    try:
        text = error.read().decode(errors="replace")
    except (OSError, HTTPException):
        return str(error.reason)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict) and value.get("message"):
        text = str(value["message"])
    return (" ".join(text.split()) or str(error.reason))[:_SHOWN]

"""Kubeflow Pipelines' API over HTTP: the few calls that starting and watching a run take.

KFP's own client tries for half a minute before it says that nothing is there, drops the
server's version, and prints stack traces; a person in front of a terminal needs one line.
"""

import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from xstilts.errors import UserError

TOKEN = "XSTILTS_KFP_TOKEN"
OLDEST = (2, 17)  # an older driver drops all Kubernetes settings when it meets the run's deadline
ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")  # states of a run
_TIMEOUT = 30  # seconds, for one answer
_SHOWN = 1000  # characters of an answer
_EQUALS = 1  # of KFP's filter operations
_KNOWN = {"multi_user", "commit_sha", "tag_name", "apiServerReady"}  # of the API server or the UI
Json = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """Where the API is, without a slash at the end, and the token that opens it."""

    url: str
    token: str | None = field(default=None, repr=False)

    def run(self, run: str) -> str:
        """The address of a run's page."""
        return f"{self.url}/#/runs/details/{run}"


class Unreachable(UserError):
    """The server did not answer: it may when asked again."""


class Refused(UserError):
    """The server answered, and did not do what it was asked; `status` is HTTP's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _NoRedirects(HTTPRedirectHandler):
    """A redirect goes to a page for logging in, and would take the token there."""

    def redirect_request(self, *_: Any) -> None:
        return None


def endpoint_problems(url: str) -> list[str]:
    """What is wrong with an endpoint's address."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        return [f"--endpoint {url!r} is no URL: {error}."]
    if parts.scheme not in ("http", "https") or not host:
        return [f"--endpoint {url!r} must begin with http:// or https:// and name a host."]
    if parts.username or parts.password:
        return [f"--endpoint must hold no user or password: put a token into {TOKEN}."]
    if parts.query or parts.fragment:
        return [f"--endpoint {url!r} must end before the ? or #, such as https://HOST/pipeline."]
    return []


def examine(endpoint: Endpoint, namespace: str | None) -> str:
    """The version of the server; empty when it does not say.

    Raises `UserError` when there is no KFP, or one that cannot run this pipeline.
    """
    try:
        found = call(endpoint, "v2beta1/healthz")
    except Refused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise UserError(_without_v2(endpoint)) from error
    if not found.keys() & _KNOWN:
        raise UserError(_no_kfp(endpoint, json.dumps(found)))
    if found.get("apiServerReady") is False:
        raise UserError(f"the pages of KFP at {endpoint.url} answer, but its API server does not.")
    tag = str(found.get("tag_name") or found.get("apiServerTagName") or "")
    version = re.match(r"v?(\d+)\.(\d+)", tag)
    if version and (int(version[1]), int(version[2])) < OLDEST:
        raise UserError(
            f"{endpoint.url} is Kubeflow Pipelines {tag}, which is too old: it would ignore the "
            f"pipeline's Kubernetes settings. Update it to {OLDEST[0]}.{OLDEST[1]} or newer."
        )
    if _multi_user(found) and not namespace:
        raise UserError(f"{endpoint.url} has a namespace per user: give yours by --namespace.")
    return tag if version else ""


def has_users(endpoint: Endpoint) -> bool:
    """Whether a server that `examine` found to be right has a namespace for each user."""
    return _multi_user(call(endpoint, "v2beta1/healthz"))


def experiment(endpoint: Endpoint, name: str, namespace: str | None) -> str:
    """The id of the experiment of this name, which is made if there is none."""
    if found := find_experiment(endpoint, name, namespace):
        return found
    body = {"display_name": name} | in_namespace(namespace)
    return str(call(endpoint, "v2beta1/experiments", body)["experiment_id"])


def find_experiment(endpoint: Endpoint, name: str, namespace: str | None) -> str:
    """The id of the experiment of this name, '' if there is none."""
    query = equals("display_name", name) | in_namespace(namespace)
    found = call(endpoint, f"v2beta1/experiments?{urlencode(query)}").get("experiments")
    return str(found[0]["experiment_id"]) if found else ""


def start(endpoint: Endpoint, body: Mapping[str, Any]) -> str:
    """Start a run; returns its id."""
    return str(call(endpoint, "v2beta1/runs", body)["run_id"])


def read_run(endpoint: Endpoint, run: str) -> Json:
    """What the server knows of a run."""
    return call(endpoint, f"v2beta1/runs/{quote(run, safe='')}")


def call(
    endpoint: Endpoint,
    path: str,
    body: Mapping[str, Any] | None = None,
    method: str | None = None,
) -> Json:
    """Get, or post `body` to, a path of the API, or what `method` says; returns its JSON object.

    Raises `Unreachable`, `Refused` or another `UserError`, which say what to do.
    """
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if endpoint.token:
        headers["Authorization"] = f"Bearer {endpoint.token}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{endpoint.url}/apis/{path}", data, headers, method=method)
    try:
        with build_opener(_NoRedirects()).open(request, timeout=_TIMEOUT) as response:
            text = response.read()
    except HTTPError as error:
        raise Refused(_refusal(endpoint, error), error.code) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise Unreachable(_no_connection(endpoint, reason)) from error
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UserError(_no_kfp(endpoint, text.decode(errors="replace")))
    return value


def equals(key: str, value: str) -> dict[str, str]:
    """The part of a query that asks for objects with this value."""
    wanted = {"operation": _EQUALS, "key": key, "stringValue": value}
    return {"filter": json.dumps({"predicates": [wanted]})}


def in_namespace(namespace: str | None) -> dict[str, str]:
    """The part of a query, or of an object, that names a namespace, where there are any."""
    return {"namespace": namespace} if namespace else {}


def _multi_user(health: Json) -> bool:
    return bool(health.get("multi_user", health.get("apiServerMultiUser")))


def _without_v2(endpoint: Endpoint) -> str:
    """Why there is no API of today: the server has an old one only, or none at all."""
    try:
        found = call(endpoint, "v1beta1/healthz")
    except UserError as error:
        return _no_kfp(endpoint, str(error))
    if found.keys() & _KNOWN:
        return (
            f"{endpoint.url} is Kubeflow Pipelines of version 1, which cannot run this pipeline: "
            f"update it to {OLDEST[0]}.{OLDEST[1]} or newer."
        )
    return _no_kfp(endpoint, json.dumps(found))


def _no_kfp(endpoint: Endpoint, answer: str) -> str:
    shown = " ".join(answer.split())[:100]
    return (
        f"{endpoint.url} is not the API of Kubeflow Pipelines: it answers {shown!r}. Give the "
        "address before /apis, such as https://HOST/pipeline; for a page to log in, put a token "
        f"into {TOKEN}."
    )


def _refusal(endpoint: Endpoint, error: HTTPError) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= error.code < HTTPStatus.BAD_REQUEST:
        return _no_kfp(endpoint, f"go to {error.headers.get('Location')}")
    message = _message(error)
    if error.code == HTTPStatus.UNAUTHORIZED:
        given = "the token is wrong or has expired" if endpoint.token else "it wants a token"
        return f"{endpoint.url} does not know who asks: {given}; put one into {TOKEN}. {message}"
    if error.code == HTTPStatus.FORBIDDEN:
        return (
            f"{endpoint.url} does not allow this: use another account's token in {TOKEN}, or "
            f"another --namespace. {message}"
        )
    return f"{endpoint.url} refuses ({error.code}): {message}"


def _message(error: HTTPError) -> str:
    """What the server says of its refusal."""
    try:
        text = error.read().decode(errors="replace")
    except (OSError, HTTPException):
        text = ""
    try:
        value = json.loads(text)
    except ValueError:
        value = None  # a proxy's text or page, which is shown as it is
    if isinstance(value, dict):
        text = str(value.get("message") or value.get("error") or text)
    return (" ".join(text.split()) or str(error.reason))[:_SHOWN]


def _no_connection(endpoint: Endpoint, reason: Any) -> str:
    host = urlsplit(endpoint.url).netloc
    if isinstance(reason, socket.gaierror):
        return f"the host of {endpoint.url} is unknown ({reason.strerror}): correct --endpoint."
    if isinstance(reason, ConnectionRefusedError):
        return (
            f"nothing listens at {host}: correct --endpoint, or forward a port to it, such as "
            "`kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`."
        )
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {host} is not trusted ({reason.verify_message}): name the file "
            "of its authority in SSL_CERT_FILE."
        )
    if isinstance(reason, ssl.SSLError):
        return f"{host} does not speak TLS ({reason.reason}): does the address begin with http://?"
    if isinstance(reason, TimeoutError):
        return f"{host} did not answer within {_TIMEOUT} s: is it reachable from here?"
    return f"{host} cannot be reached: {reason or type(reason).__name__}."

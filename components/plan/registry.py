"""Whether the images of a pipeline exist, as far as their registries tell a stranger."""

import ipaddress
import json
import re
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_SECONDS = 10.0
_UNAUTHORISED = (401, 403)
_MISSING = 404


def check_image(reference: object) -> tuple[str | None, str | None]:
    """(problem, note) for an image reference, as `HOST/NAME@sha256:…`.

    An image that is not there is a problem. A registry that cannot be reached from here, or
    wants to know who asks, leaves a note only: a node may pull through a mirror, with
    credentials of its own.
    """
    host, _, rest = str(reference).partition("/")
    hosted = bool(rest) and (host == "localhost" or "." in host or ":" in host)
    found = _REFERENCE.fullmatch(rest if hosted else str(reference))
    if not isinstance(reference, str) or found is None:
        return f"the image {reference!r} is no reference: write HOST/NAME@sha256:DIGEST.", None
    if not hosted:
        return None, f"image {reference}: not checked, for it names no registry."
    version = found["digest"] or found["tag"] or "latest"
    try:
        status = _status(host, f"/v2/{found['name']}/manifests/{version}")
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return None, f"image {reference}: not checked, {host} cannot be asked from here ({reason})."
    if status == _MISSING:
        return (
            f"the image {reference} does not exist in {host}: push it, or compile the pipeline "
            "with the digest of one that does.",
            None,
        )
    if status in _UNAUTHORISED:
        return None, f"image {reference}: not checked, {host} wants credentials."
    if status >= 300:
        return None, f"image {reference}: not checked, {host} answered {status}."
    return None, None


def _status(host: str, path: str) -> int:
    """The status of asking for a manifest, after one try with a token for anybody."""
    url = f"{'http' if _is_loopback(host) else 'https'}://{host}{path}"
    status, challenge = _head(url, {})
    if status == 401 and challenge.lower().startswith("bearer"):
        token = _token(dict(_CHALLENGE.findall(challenge)), host)
        if token is not None:
            status, _ = _head(url, {"Authorization": f"Bearer {token}"})
    return status


def _head(url: str, headers: dict[str, str]) -> tuple[int, str]:
    request = Request(url, method="HEAD", headers={"Accept": _MANIFESTS, **headers})
    try:
        with _open(request) as answer:
            return answer.status, ""
    except HTTPError as error:
        return error.code, error.headers.get("WWW-Authenticate", "")


def _token(challenge: dict[str, str], host: str) -> str | None:
    """A token for nobody in particular, from where the registry says; None if it gives none."""
    realm = challenge.pop("realm", "")
    secure = realm.startswith("https://")
    if not secure and not (realm.startswith("http://") and _is_loopback(host)):
        return None
    asked = {name: value for name, value in challenge.items() if name in ("service", "scope")}
    try:
        with _open(Request(f"{realm}?{urlencode(asked)}")) as answer:
            content = json.load(answer)
    except HTTPError:
        return None
    token = content.get("token") or content.get("access_token")
    return str(token) if token else None


def _open(request: Request):  # type: ignore[no-untyped-def]
    """Open a request; a proxy of the environment is no way to this machine itself."""
    direct = _is_loopback(urlsplit(request.full_url).netloc)
    handlers = [ProxyHandler({})] if direct else []
    return build_opener(*handlers).open(request, timeout=_SECONDS)


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"

"""What an error of the S3 client means, which value caused it, and what to change."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from xstilts.store import credentials
from xstilts.store.location import Location

_DOING = {
    "ListObjectsV2": ("list", "s3:ListBucket"),
    "GetObject": ("read", "s3:GetObject"),
    "PutObject": ("write", "s3:PutObject"),
    "DeleteObject": ("remove objects", "s3:DeleteObject"),
    "CreateMultipartUpload": ("write", "s3:PutObject"),
    "UploadPart": ("write", "s3:PutObject"),
    "CompleteMultipartUpload": ("write", "s3:PutObject"),
}
_REDIRECTS = {
    "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException", "301", "302", "307", "308",
}  # fmt: skip
_TOKENS = {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"}


def explain(error: Exception, location: Location) -> str:
    """One sentence or two for a botocore error; never with a secret in it."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _refusal(error, location)
    for kinds, text in _failures():
        if isinstance(error, kinds):
            return text(error, location)
    return f"{_server(location)} cannot be used for {location.url}: {_plain(error)}"


def _refusal(error: Any, location: Location) -> str:
    """The text for an error that the server answered with."""
    code = str(error.response.get("Error", {}).get("Code") or "")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _REDIRECTS:
        return _redirect(error, location)
    if text := _REFUSALS.get(code):
        return text(error, location)
    if code in _TOKENS:
        return (
            f"{_server(location)} refuses the session token from {credentials.source(location)}: "
            "it has run out or belongs to other keys. Log in again, or unset AWS_SESSION_TOKEN."
        )
    # S3 servers name their errors; boto also makes a 500 of a page where it expected XML
    if not code or (code.isdigit() and status not in (502, 503, 504)):
        return no_s3_server(location)
    if status >= 500:
        return (
            f"{_server(location)} failed to {_doing(error)[0]} in {location.url} "
            f"({status} {_reason(error)}): try again later, or see the server's log."
        )
    return (
        f"{_server(location)} refused to {_doing(error)[0]} in {location.url}: "
        f"{code} ({_reason(error)})."
    )


def _unknown_key(_error: Any, location: Location) -> str:
    return (
        f"{_server(location)} does not know the access key {_key(location)}: give a key of this "
        "server, or the endpoint that the key belongs to."
    )


def _wrong_secret(_error: Any, location: Location) -> str:
    return (
        f"The secret key for the access key {_key(location)} is not the one that "
        f"{_server(location)} has: correct the secret key."
    )


def _no_bucket(_error: Any, location: Location) -> str:
    return (
        f"There is no bucket {location.bucket!r} at {_server(location)}: create it, or correct "
        f"the bucket in {location.url}."
    )


def _denied(error: Any, location: Location) -> str:
    verb, permission = _doing(error)
    return (
        f"The access key {_key(location)} may not {verb} in {location.url} at "
        f"{_server(location)}: grant it {permission} there, or use another key."
    )


def _skewed(error: Any, location: Location) -> str:
    theirs = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    ours = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return (
        f"The clocks differ too much: here it is {ours}, at {_server(location)} "
        f"{theirs or 'it is another time'}. Set the clock that is wrong."
    )


def _quota(error: Any, location: Location) -> str:
    return (
        f"{_server(location)} has no space left for {location.url} ({_reason(error)}): raise the "
        "quota, or remove what is not needed."
    )


def _redirect(error: Any, location: Location) -> str:
    details = error.response.get("Error", {})
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or details.get("Region")
    where = f"in the region {region!r}" if region else "in another region or at another endpoint"
    given = f"the region {location.region!r}" if location.region else "no region"
    remedy = f"give the region {region}" if region else "correct the region or the endpoint"
    return (
        f"The bucket {location.bucket!r} is {where}, but {given} was given with "
        f"{_server(location)}: {remedy}."
    )


def no_s3_server(location: Location) -> str:
    """The text for an answer that no S3 server gives."""
    return (
        f"{_server(location)} answers like a web server that is no S3 server: correct the "
        "endpoint (its port is the one of the S3 interface, not of a web console)."
    )


_REFUSALS: dict[str, Callable[[Any, Location], str]] = {
    "InvalidAccessKeyId": _unknown_key,
    "SignatureDoesNotMatch": _wrong_secret,
    "NoSuchBucket": _no_bucket,
    "AccessDenied": _denied,
    "AllAccessDisabled": _denied,
    "RequestTimeTooSkewed": _skewed,
    "QuotaExceeded": _quota,
    "XMinioStorageFull": _quota,
}


def _unreachable(error: Any, location: Location) -> str:
    cause = str(error.kwargs.get("error", ""))
    host = urlsplit(credentials.endpoint(location) or "").hostname
    if re.search(r"[Rr]efused", cause):
        return (
            f"Nothing listens at {_server(location)} (connection refused): start the S3 server, "
            "or correct the endpoint's host and port."
        )
    if re.search(r"resolve|Name or service|nodename|getaddrinfo|name resolution", cause):
        return (
            f"The host {host or 'of ' + _server(location)} has no address here (DNS): correct "
            "the endpoint, or the network's name service."
        )
    return (
        f"{_server(location)} cannot be reached ({_plain(error)}): correct the endpoint, or the "
        "network between here and there."
    )


def _timed_out(_error: Any, location: Location) -> str:
    return (
        f"{_server(location)} does not answer in time: correct the endpoint, or open the way to "
        "it (firewall, proxy, network policy)."
    )


def _tls(error: Any, location: Location) -> str:
    cause = str(error.kwargs.get("error", ""))
    if "WRONG_VERSION_NUMBER" in cause or "record layer" in cause:
        return (
            f"{_server(location)} does not speak TLS: give the endpoint with http:// instead of "
            "https://, or its TLS port."
        )
    found = re.search(r"certificate verify failed: ([^(\[]+)", cause)
    reason = found.group(1).strip() if found else "the handshake failed"
    return (
        f"The TLS certificate of {_server(location)} is not trusted ({reason}): set AWS_CA_BUNDLE "
        "to a file with its authority, or correct the endpoint."
    )


def _garbled(error: Any, location: Location) -> str:
    return (
        f"{_server(location)} closes the connection or answers with something else than HTTP "
        f"({type(error).__name__}): correct the endpoint's scheme (http, https) and port."
    )


def _proxy(_error: Any, location: Location) -> str:
    return (
        f"The proxy of the environment (HTTP_PROXY, HTTPS_PROXY) does not lead to "
        f"{_server(location)}: correct it, or name the host in NO_PROXY."
    )


def _no_credentials(_error: Any, location: Location) -> str:
    if location.profile:
        return (
            f"The profile {location.profile!r} has no access key: add aws_access_key_id and "
            "aws_secret_access_key to it in ~/.aws/credentials, or leave the profile out."
        )
    return (
        f"There are no credentials for {location.url}: set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or give a profile of ~/.aws/credentials."
    )


def _half_credentials(error: Any, _location: Location) -> str:
    variable, provider = error.kwargs["cred_var"], error.kwargs["provider"]
    where = "the environment" if provider == "env" else f"the {provider}"
    return f"The credentials in {where} are not complete: set {variable} too."


def _no_profile(error: Any, location: Location) -> str:
    asked = "the store's settings" if location.profile else "AWS_PROFILE"
    return (
        f"There is no profile {error.kwargs['profile']!r} (from {asked}) in ~/.aws/config or "
        "~/.aws/credentials: correct the name, or add it there."
    )


def _bad_file(error: Any, _location: Location) -> str:
    return f"The file {error.kwargs['path']} is not in the form of ~/.aws/config: correct it."


def _no_login(error: Any, _location: Location) -> str:
    return f"The credentials could not be fetched ({_plain(error)}): log in again."


def _failures() -> list[tuple[Any, Callable[[Any, Location], str]]]:
    """The kinds of errors without an answer of the server; the first that fits counts."""
    from botocore import exceptions as e
    from botocore.parsers import ResponseParserError

    return [
        (e.ProfileNotFound, _no_profile),
        (e.PartialCredentialsError, _half_credentials),
        (e.NoCredentialsError, _no_credentials),
        ((e.ConfigParseError, e.ConfigNotFound), _bad_file),
        ((e.CredentialRetrievalError, e.TokenRetrievalError, e.SSOError, e.LoginError), _no_login),
        (e.SSLError, _tls),
        (e.ProxyConnectionError, _proxy),
        ((e.ConnectTimeoutError, e.ReadTimeoutError), _timed_out),
        (e.EndpointConnectionError, _unreachable),
        (e.HTTPClientError, _garbled),
        (ResponseParserError, lambda _error, location: no_s3_server(location)),
    ]


def _server(location: Location) -> str:
    """The S3 server, as it may be shown: scheme, host and port, without a user or a password."""
    address = credentials.endpoint(location)
    if address is None:
        return f"Amazon S3 ({location.region})" if location.region else "Amazon S3"
    url = urlsplit(address)
    host = url.netloc.rpartition("@")[2]
    return f"{url.scheme}://{host}{url.path.rstrip('/')}"


def _key(location: Location) -> str:
    """The access key's beginning and its source: a secret typed in its place stays unseen."""
    found = credentials.session(location).get_credentials()
    start = found.access_key[:4] if found else ""
    return f"{start}… from {credentials.source(location)}"


def _doing(error: Any) -> tuple[str, str]:
    """What was tried, and the permission that it needs."""
    return _DOING.get(error.operation_name, (error.operation_name, error.operation_name))


def _reason(error: Any) -> str:
    details = error.response.get("Error", {})
    return str(details.get("Message") or details.get("Code") or "no reason given")


def _plain(error: Any) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__

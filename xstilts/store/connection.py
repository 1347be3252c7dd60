"""The client that talks to a store's S3 server, with the credentials that boto finds."""

import os
import threading
from functools import lru_cache
from typing import Any

from xstilts.errors import UserError
from xstilts.store.location import Location, wrong_endpoint

Client = Any  # boto3 makes its classes at run time
Session = Any

REQUESTS = 32  # at the same time, from the threads of one process
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_PATIENT = (10, 60, 5)  # seconds to connect, seconds to wait for an answer, attempts
_QUICK = (4, 10, 2)
_LOCK = threading.Lock()  # a cache alone lets several threads make the same client at once


def connect(location: Location, *, patient: bool = True, signed: bool = True) -> Client:
    """The S3 client for a location; made once per server, profile and environment.

    One that is not patient gives up after seconds instead of minutes, for checks; one that does
    not sign needs no credentials. Raises a `UserError` when there are no usable credentials.
    """
    from botocore.exceptions import BotoCoreError

    if (address := endpoint(location)) and (reason := wrong_endpoint(address)):
        origin = "store" if location.endpoint else "environment (AWS_ENDPOINT_URL)"
        raise UserError(f"The endpoint of the {origin} {reason}")
    settings = (location.endpoint, location.region, location.profile)
    try:
        with _LOCK:
            if signed:
                check_credentials(location)
            return _client(*settings, _environment(), patient, signed)
    except (BotoCoreError, ValueError) as error:
        from xstilts.store.explain import explain

        raise UserError(explain(error, location)) from error


def session(location: Location) -> Session:
    """The boto session of a location's profile; raises botocore's errors."""
    return _session(location.profile, _environment())


def endpoint(location: Location) -> str | None:
    """The address of the S3 server, from the location or the environment; None: Amazon's."""
    return location.endpoint or next((os.environ[e] for e in _ENDPOINTS if os.environ.get(e)), None)


def check_credentials(location: Location) -> None:
    """Raise botocore's error when there are none, a `UserError` for those that cannot be right."""
    from botocore.credentials import Credentials
    from botocore.exceptions import NoCredentialsError

    found = session(location).get_credentials()
    if found is None:
        raise NoCredentialsError
    if type(found) is not Credentials:
        _fetch(found, location)
        return
    parts = {"access key": found.access_key, "secret key": found.secret_key, "token": found.token}
    for name, value in parts.items():
        if value and not (value.isascii() and value.isprintable() and " " not in value):
            raise UserError(
                f"The {name} from {source(location)} has a space, a line break or another "
                "character that no key has: give it without (a file made by `echo` ends with a "
                "line break, one made by `printf %s` does not)."
            )


def _fetch(credentials: Any, location: Location) -> None:
    """Have those of a role or a login at hand; they are fetched anew only when they run out."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"The credentials of {source(location)} could not be fetched ({reason}): log in "
            "again, or mend the role and its token."
        ) from error


def source(location: Location) -> str:
    """Where the credentials of a location come from, in words."""
    method = getattr(session(location).get_credentials(), "method", None)
    profile = session(location).profile_name
    words = {
        "env": "the environment (AWS_ACCESS_KEY_ID)",
        "shared-credentials-file": f"the profile {profile!r} in ~/.aws/credentials",
        "config-file": f"the profile {profile!r} in ~/.aws/config",
        "assume-role-with-web-identity": "the role of the pod's service account",
        "iam-role": "the role of this machine",
    }
    return words.get(str(method), f"the profile {profile!r} ({method})")


def _environment() -> tuple[tuple[str, str], ...]:
    """All that boto reads from the environment: other keys there make another client."""
    return tuple(
        sorted(
            (name, value)
            for name, value in os.environ.items()
            if name.startswith("AWS_") or name == "HOME" or name.lower().endswith("_proxy")
        )
    )


@lru_cache
def _session(profile: str | None, _environment: tuple[tuple[str, str], ...]) -> Session:
    import boto3

    return boto3.Session(profile_name=profile)


@lru_cache
def _client(
    server: str | None,
    region: str | None,
    profile: str | None,
    environment: tuple[tuple[str, str], ...],
    patient: bool,
    signed: bool,
) -> Client:
    from botocore import UNSIGNED
    from botocore.config import Config

    connect_timeout, read_timeout, attempts = _PATIENT if patient else _QUICK
    own = server or any(dict(environment).get(name) for name in _ENDPOINTS)
    # Servers other than Amazon's may not know the newer checksums
    checksums = "when_required" if own else "when_supported"
    config = Config(
        signature_version=None if signed else UNSIGNED,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=REQUESTS,
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        s3={"addressing_style": "path"} if own else None,
    )
    # An endpoint of the location replaces one in the environment, also for S3 alone
    return _session(profile, environment).client(
        "s3", endpoint_url=server, region_name=region, config=config
    )

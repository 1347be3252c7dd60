"""The client that talks to a store's S3 server, with the credentials that boto finds."""

import threading
from functools import lru_cache
from typing import Any

from xstilts.errors import UserError
from xstilts.store.credentials import (
    ENDPOINTS,
    Environment,
    check_credentials,
    endpoint,
    environment,
    session_of,
)
from xstilts.store.explain import explain
from xstilts.store.location import Location, wrong_endpoint

Client = Any  # boto3 makes its classes at run time

REQUESTS = 32  # at the same time, from the threads of one process
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
            return _client(*settings, environment(), patient, signed)
    except (BotoCoreError, ValueError) as error:
        raise UserError(explain(error, location)) from error


@lru_cache
def _client(
    server: str | None,
    region: str | None,
    profile: str | None,
    variables: Environment,
    patient: bool,
    signed: bool,
) -> Client:
    from botocore import UNSIGNED
    from botocore.config import Config

    connect_timeout, read_timeout, attempts = _PATIENT if patient else _QUICK
    own = server or any(dict(variables).get(name) for name in ENDPOINTS)
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
    return session_of(profile, variables).client(
        "s3", endpoint_url=server, region_name=region, config=config
    )

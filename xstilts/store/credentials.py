"""What boto finds in the environment and in profiles: the server's address and the credentials."""

import os
from functools import lru_cache
from typing import Any

from xstilts.errors import UserError
from xstilts.store.location import Location

Session = Any  # boto3 makes its classes at run time
Environment = tuple[tuple[str, str], ...]

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def session(location: Location) -> Session:
    """The boto session of a location's profile; raises botocore's errors."""
    return session_of(location.profile, environment())


def endpoint(location: Location) -> str | None:
    """The address of the S3 server, from the location or the environment; None: Amazon's."""
    return location.endpoint or next((os.environ[e] for e in ENDPOINTS if os.environ.get(e)), None)


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


def environment() -> Environment:
    """All that boto reads from the environment: other keys there make another client."""
    return tuple(
        sorted(
            (name, value)
            for name, value in os.environ.items()
            if name.startswith("AWS_") or name == "HOME" or name.lower().endswith("_proxy")
        )
    )


@lru_cache
def session_of(profile: str | None, _environment: Environment) -> Session:
    """The boto session of a profile, made once per environment; raises botocore's errors."""
    import boto3

    return boto3.Session(profile_name=profile)

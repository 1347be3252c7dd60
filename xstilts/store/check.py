"""Whether a store can be used: everything that is wrong with it, before any work starts."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from xstilts.errors import UserError
from xstilts.store.connection import Client, connect
from xstilts.store.explain import no_s3_server
from xstilts.store.location import Location
from xstilts.store.objects import explained

_KEYS_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"}
_CONTENT = b"written by a check of xstilts; can be removed\n"


def problems(location: Location, *, write: bool = True) -> list[str]:
    """What keeps a store from being used, each problem a complete text; empty when all is well.

    Lists, writes, reads and removes an object of its own below the prefix; without `write` it
    only lists and reads. Keys that are missing or refused do not hide a server that cannot be
    reached or a bucket that is not there, and permissions that are missing come together.
    """
    try:
        client = connect(location, patient=False)
    except UserError as error:
        return list(dict.fromkeys([*error.problems, *_seen_without_keys(location)]))
    found: list[str] = []
    for step, decides in _steps(client, location, write):
        try:
            with explained(location):
                step()
        except UserError as error:
            found += [text for text in error.problems if text not in found]
            if _code(error) in _KEYS_REFUSED:
                found += _seen_without_keys(location)
            if decides and _code(error) != "AccessDenied":
                break
    return found


def _steps(
    client: Client, location: Location, write: bool
) -> Iterator[tuple[Callable[[], object], bool]]:
    """List, write, read, remove; each with whether the next ones are pointless when it breaks.

    What was written is removed whatever happens to reading it.
    """
    probe = {"Bucket": location.bucket, "Key": location.key(f".xstilts-check-{uuid.uuid4().hex}")}
    written = False

    def put() -> None:
        nonlocal written
        client.put_object(**probe, Body=_CONTENT)
        written = True

    def get() -> None:
        try:
            content = client.get_object(**probe)["Body"].read()
        except client.exceptions.NoSuchKey:
            if not written:
                return
            content = None
        if content != _CONTENT:
            raise UserError(
                f"{location.url} does not give back what was just written to it: use a server "
                "that is consistent, or correct the endpoint."
            )

    yield lambda: _list(client, location), True
    if write:
        yield put, True
    yield get, False
    if written:
        yield lambda: client.delete_object(**probe), False


def _list(client: Client, location: Location) -> None:
    folder = f"{location.prefix}/" if location.prefix else ""
    answer = client.list_objects_v2(Bucket=location.bucket, Prefix=folder, MaxKeys=1)
    if answer.get("Name") != location.bucket:  # an empty answer, or a page in HTML
        raise UserError(no_s3_server(location))


def _seen_without_keys(location: Location) -> list[str]:
    """What an unsigned request tells: it gets no further than to the bucket's permissions."""
    from botocore.exceptions import ClientError

    unsigned = replace(location, profile=None)
    try:
        client = connect(unsigned, patient=False, signed=False)
        with explained(unsigned):
            try:
                _list(client, unsigned)
            except ClientError as error:
                code = str(error.response["Error"].get("Code"))
                if code.isalpha() and code != "NoSuchBucket":
                    return []
                raise
    except UserError as error:
        return error.problems
    return []


def _code(error: UserError) -> str:
    """The S3 error code that the server answered with; '' if it was something else."""
    from botocore.exceptions import ClientError

    cause = error.__cause__
    return str(cause.response["Error"].get("Code")) if isinstance(cause, ClientError) else ""

"""Conditional writes: an object is made once, or changed only by who has seen what it holds.

An answer can get lost on the way: boto then sends the write again, and the server refuses it
because the first one held. "Refused" so means that somebody wrote, perhaps we ourselves: whoever
must tell the two apart reads the object and compares.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from xstilts.errors import UserError
from xstilts.store.connection import connect
from xstilts.store.location import Location
from xstilts.store.objects import content_type as type_of
from xstilts.store.objects import explained

# The condition does not hold; another write of the object is under way; nothing to match
_REFUSED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404"}
_ATTEMPTS = 60
_LONGEST = 1.0  # seconds between two of them
_WRONG_TAG = "0" * 32

Edit = Callable[[bytes | None], bytes | None]


def create(location: Location, data: bytes, *parts: str, content_type: str | None = None) -> bool:
    """Write an object that must not be there yet; False if it is, or is just being written.

    Without `content_type` it follows from the name's ending. Raises `UserError` for errors of
    the server.
    """
    return _put(location, data, parts, content_type, IfNoneMatch="*")


def read_tagged(location: Location, *parts: str) -> tuple[bytes, str] | None:
    """Content and tag (ETag without quotes) of an object; None if there is none."""
    client = connect(location)
    with explained(location):
        try:
            answer = client.get_object(Bucket=location.bucket, Key=location.key(*parts))
        except client.exceptions.NoSuchKey:
            return None
        return answer["Body"].read(), answer["ETag"].strip('"')


def replace(
    location: Location, data: bytes, tag: str, *parts: str, content_type: str | None = None
) -> bool:
    """Write an object that must still have the tag of `read_tagged`; False if it has another.

    HTTP wants the tag in quotes, Ceph without: the second form is tried when the first is refused.
    """
    return any(
        _put(location, data, parts, content_type, IfMatch=form) for form in (f'"{tag}"', tag)
    )


def change(
    location: Location, edit: Edit, *parts: str, content_type: str | None = None
) -> bytes | None:
    """Read, edit and write an object until nobody wrote in between; returns what it then holds.

    `edit` gets the content (None: no object) and returns the new one (None: leave it as it is).
    It is called again after every lost race, and must recognise an edit of its own that is
    there already. Raises `UserError` when others are faster for half a minute.
    """
    for pause in _pauses():
        found = read_tagged(location, *parts)
        before, tag = found or (None, "")
        after = edit(before)
        if after is None or after == before:
            return before
        if found:
            written = replace(location, after, tag, *parts, content_type=content_type)
        else:
            written = create(location, after, *parts, content_type=content_type)
        if written:
            return after
        time.sleep(pause)
    raise UserError(
        f"{location.url}/{'/'.join(parts)} was changed by others {_ATTEMPTS} times while this was "
        "to change it: try again."
    )


def probe(location: Location) -> None:
    """Raise a `UserError` where the server does not keep to conditions; leaves nothing behind."""
    name = f".xstilts-check-{uuid.uuid4().hex}"
    try:
        problem = _broken_promise(location, name)
    finally:
        client = connect(location)
        with explained(location):
            client.delete_object(Bucket=location.bucket, Key=location.key(name))
    if problem:
        raise UserError(
            f"{location.url} {problem}: two publishers could overwrite each other. Use a server "
            "with conditional writes (Amazon S3, Ceph), and with Ceph a bucket without versioning."
        )


def _broken_promise(location: Location, name: str) -> str:
    if not create(location, b"1", name):
        return "refuses to create an object that is not there (If-None-Match)"
    if create(location, b"2", name):
        return "overwrites an object that is to be created only once (If-None-Match)"
    if replace(location, b"3", _WRONG_TAG, name):
        return "overwrites an object that was changed in between (If-Match)"
    found = read_tagged(location, name)
    if found is None or found[0] != b"1":
        return "does not give back what was just written to it"
    if not replace(location, b"4", found[1], name):
        return "refuses to replace an object that nobody has changed (If-Match)"
    return ""


def _put(
    location: Location,
    data: bytes,
    parts: tuple[str, ...],
    content_type: str | None,
    **condition: str,
) -> bool:
    from botocore.exceptions import ClientError

    client = connect(location)
    settings: dict[str, Any] = {"ContentType": content_type or type_of(parts[-1]), **condition}
    with explained(location):
        try:
            client.put_object(
                Bucket=location.bucket, Key=location.key(*parts), Body=data, **settings
            )
        except ClientError as error:
            if str(error.response["Error"].get("Code")) in _REFUSED:
                return False
            raise
    return True


def _pauses() -> Iterator[float]:
    """Seconds to wait after each lost race: random, so that racers come apart, and growing."""
    for attempt in range(_ATTEMPTS):
        yield random.uniform(0, min(_LONGEST, 0.02 * 1.5**attempt))

"""Objects of a store: read, written and listed, with errors that say what to change."""

import mimetypes
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from xstilts.errors import UserError
from xstilts.store.connection import REQUESTS, connect
from xstilts.store.explain import explain
from xstilts.store.location import Location

__all__ = [
    "connect",
    "content_type",
    "entries",
    "explain",
    "explained",
    "folders",
    "names",
    "read",
    "together",
    "upload_folder",
    "write",
    "written",
]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_BYTES = "application/octet-stream"
# A table of our own: the one of the machine differs between machines
_TYPES = mimetypes.MimeTypes()
for _ending, _type in (
    (".yaml", "application/yaml"),
    (".lock", "application/yaml"),
    (".jsonl", "application/jsonl"),
    (".md", "text/markdown"),
    (".parquet", "application/vnd.apache.parquet"),
    (".tsv", "text/tab-separated-values"),
    (".woff2", "font/woff2"),
):
    _TYPES.add_type(_type, _ending)


@contextmanager
def explained(location: Location) -> Iterator[None]:
    """Turn the S3 client's errors into a `UserError` that says what to change."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise UserError(explain(error, location)) from error


def read(location: Location, *parts: str) -> bytes | None:
    """The content of an object; None if there is none."""
    client = connect(location)
    with explained(location):
        try:
            answer = client.get_object(Bucket=location.bucket, Key=location.key(*parts))
        except client.exceptions.NoSuchKey:
            return None
        content: bytes = answer["Body"].read()
    return content


def write(location: Location, data: bytes, *parts: str, content_type: str = _BYTES) -> None:
    """Write an object; whoever reads it sees the old content or the new one."""
    client = connect(location)
    with explained(location):
        client.put_object(
            Bucket=location.bucket, Key=location.key(*parts), Body=data, ContentType=content_type
        )


def names(location: Location, *parts: str) -> list[str]:
    """The keys below a folder, relative to it, in the order of their bytes."""
    return [name for name, _ in _listed(location, *parts)]


def written(location: Location, *parts: str) -> dict[str, float]:
    """As `names`, each with the Unix time, by the server's clock, when it was last written."""
    listed = _listed(location, *parts)
    return {name: entry["LastModified"].timestamp() for name, entry in listed}


def _listed(location: Location, *parts: str) -> list[tuple[str, dict[str, Any]]]:
    folder = location.key(*parts)
    start = f"{folder}/" if folder else ""
    client = connect(location)
    with explained(location):
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=location.bucket, Prefix=start
        )
        found = [entry for page in pages for entry in page.get("Contents", [])]
    return [(own["Key"].removeprefix(start), own) for own in found if own["Key"] != start]


def folders(location: Location, *parts: str) -> list[str]:
    """The names of the folders directly in a folder, however much they hold."""
    return entries(location, *parts)[1]


def entries(location: Location, *parts: str) -> tuple[list[str], list[str]]:
    """The names of the objects and of the folders that are directly in a folder."""
    start = f"{location.key(*parts)}/".removeprefix("/")
    files: list[str] = []
    below: list[str] = []
    client = connect(location)
    with explained(location):
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=location.bucket, Prefix=start, Delimiter="/"
        ):
            files += [entry["Key"].removeprefix(start) for entry in page.get("Contents", [])]
            below += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    names = [prefix.removeprefix(start).rstrip("/") for prefix in below]
    return [name for name in files if name], names


def together(request: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """What `request` answers to each item, in their order; many requests at the same time."""
    with ThreadPoolExecutor(REQUESTS) as pool:
        return list(pool.map(request, items))


def upload_folder(location: Location, folder: Path, *parts: str) -> int:
    """Write every file of a folder, with its content type; returns how many there were."""
    client = connect(location)

    def upload(path: Path) -> None:
        key = location.key(*parts, path.relative_to(folder).as_posix())
        settings = {"ContentType": content_type(path.name)}
        with explained(location), path.open("rb") as stream:
            client.upload_fileobj(stream, location.bucket, key, ExtraArgs=settings)

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(REQUESTS // 4) as pool:  # each may send parts at the same time
        list(pool.map(upload, files))
    return len(files)


def content_type(name: str) -> str:
    """The type that a browser needs to show a file; text is UTF-8 here."""
    kind, packing = _TYPES.guess_type(name)
    if kind is None or packing:
        return _BYTES
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind

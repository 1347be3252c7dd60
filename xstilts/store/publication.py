"""Publishing a run to the store: complete or absent, written once, by whoever comes first.

The order makes it so. The claim settles whose content the run has; the files follow; the manifest
says that they are all there; only then do `latest.json` and the index name the run. Whoever is
killed in between leaves nothing that a reader would take for a run, and the next publisher with
the same content goes on from there.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xstilts.errors import UserError, raise_if_any
from xstilts.publish.board.schema import read_board
from xstilts.store import conditional, fragments, index, manifest, objects
from xstilts.store.location import Location
from xstilts.store.manifest import Files, Manifest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BOARD = "scores.json"


@dataclass(frozen=True)
class Published:
    """A run that is in the store; `new` if it was not there before."""

    new: bool
    run: str


def publish_results(
    location: Location, study: str, run: str | None, folder: Path, extra: Mapping[str, bytes]
) -> Published:
    """Publish `folder` as the results of a run, with the files `extra` beside them.

    `extra` holds `dvc.lock` and `params.yaml`. Without `run` the id follows from the content.
    The same content again changes nothing but what an earlier publisher did not come to. Raises
    `UserError`, and overwrites nothing, if the run has other content or the server ignores
    conditions.
    """
    files, run = _described(study, run, folder, extra)
    found, new = manifest.read(location, study, run), False
    if found is None:
        scores, writer = summary(read_board(folder / _BOARD)), uuid.uuid4().hex
        own = Manifest(study, run, _now(), files, scores, writer)
        conditional.probe(location)
        _write(location, own, folder, extra)
        found = _seal(location, own)
        new = found == own
    _compare(location, found, files)
    index.announce(location, found)
    return Published(new, run)


def look_up(
    location: Location, study: str, run: str | None, folder: Path, extra: Mapping[str, bytes]
) -> Published:
    """What `publish_results` would return or raise at this moment; nothing is written."""
    files, run = _described(study, run, folder, extra)
    found = manifest.read(location, study, run)
    if found:
        _compare(location, found, files)
    return Published(found is None, run)


def _described(
    study: str, run: str | None, folder: Path, extra: Mapping[str, bytes]
) -> tuple[Files, str]:
    """The files of a run, and its id."""
    files = manifest.describe(folder, extra)
    run = run or manifest.own_id(files)
    raise_if_any(wrong_names(study, run))
    return files, run


def wrong_names(study: str, run: str) -> list[str]:
    """What keeps these from being names of folders in a store."""
    return [
        f"The {what} {name!r} may hold letters, digits, dots, hyphens and underscores, and begins "
        "with a letter or a digit."
        for what, name in (("study's name", study), ("run's id", run))
        if not _NAME.fullmatch(name)
    ]


def summary(board: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of the scores: enough to know the run without reading them."""
    averages = [
        {name: record[name] for name in ("model", "recipe")} | {"value": record["average"]["value"]}
        for record in board["summary"]
        if record["average"]
    ]
    own = {name: board[name] for name in ("question", "answer", "benchmark", "best")}
    revision = board["provenance"].get("code", {}).get("revision")
    return own | {"averages": averages, "revision": revision}


def _write(location: Location, own: Manifest, folder: Path, extra: Mapping[str, bytes]) -> None:
    """Claim the run's folder, then write all files; raises `UserError` if others hold it."""
    place = fragments.run_folder(location, own.study, own.run)
    claim = manifest.as_json({"schema": manifest.SCHEMA, "digest": manifest.digest(own.files)})
    held = conditional.change(place, lambda there: claim if there is None else None, manifest.CLAIM)
    if held != claim:
        raise UserError(
            f"Another publisher has begun the run {own.run!r} of {own.study} in {place.url} with "
            "other content, and has not finished it: publish under another id (--run)."
        )
    objects.upload_folder(place, folder, fragments.RESULTS)
    for name, data in extra.items():
        objects.write(place, data, name, content_type=objects.content_type(name))


def _seal(location: Location, own: Manifest) -> Manifest:
    """Write the manifest, the first one only; returns the one that holds."""
    place, text = fragments.run_folder(location, own.study, own.run), own.text()
    held = conditional.change(place, lambda there: text if there is None else None, manifest.NAME)
    return manifest.parse(held or b"", place, own.study, own.run)


def _compare(location: Location, found: Manifest, files: Files) -> None:
    """Raise `UserError` if a run that is there was published with other content."""
    different = sorted(
        path
        for path in found.files.keys() | files.keys()
        if found.files.get(path, {}).get("sha256") != files.get(path, {}).get("sha256")
    )
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise UserError(
            f"The run {found.run!r} of {found.study} in {location.url} was published with other "
            f"content ({', '.join(different[:3])}{more}): publish under another id (--run)."
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

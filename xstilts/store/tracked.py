"""Folders that DVC tracks (`dvc add FOLDER`): a revision of one stands for all of its files.

The revision is what `FOLDER.dvc` says: above all the MD5 of the list of files, which the store
holds under that name once `dvc push` has brought it there. A clone, a pod and the store know a
folder by it, and so do the keys of stages.
"""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any

from xstilts.errors import UserError
from xstilts.store import objects
from xstilts.store.connection import connect
from xstilts.store.location import Location
from xstilts.study.plan import PHASES

Revision = Mapping[str, Any]  # md5, and what DVC shows of it: size in bytes, nfiles
Revisions = Mapping[str, Revision]  # by the folder's path within the project
FIELDS = ("md5", "size", "nfiles")
_DIGEST = re.compile(r"[0-9a-f]{32}\.dir")
_CODE = ("xstilts", "components", "pipelines")
_OURS = (*_CODE, *(Path(phase.output).parts[0] for phase in PHASES.values()))


def holder(path: str, tracked: Revisions) -> str | None:
    """The one of `tracked` that `path` is, or lies in; None if there is none."""
    place = PurePosixPath(path)
    return next((str(one) for one in (place, *place.parents) if str(one) in tracked), None)


def problems(revisions: Mapping[str, Any]) -> list[str]:
    """What is wrong with revisions that come from elsewhere, which may be anything."""
    return [problem for path, own in revisions.items() for problem in _problems(path, own)]


def _problems(path: str, own: Any) -> Iterator[str]:
    if place_problem := outside(path):
        yield f"the data {place_problem}"
    known = own if isinstance(own, Mapping) else {}
    if not _DIGEST.fullmatch(str(known.get("md5"))):
        yield f"the revision of the data {path!r} has no md5 that ends in .dir, as {path}.dvc has."
    for name in ("size", "nfiles"):
        value = known.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            yield f"{name} of the data {path!r} must be a number as in {path}.dvc, not {value!r}."


def outside(path: str) -> str:
    """Why DVC can track no folder of that path, or a run could not have it there; '' if it can."""
    place = PurePosixPath(path)
    hidden = any(part.startswith(".") for part in place.parts)
    if place.is_absolute() or hidden or not place.parts or str(place) != path:
        return f"{path!r} must be a folder in the project, by its path from there."
    if place.parts[0] in _OURS:
        return f"{path!r} lies in {place.parts[0]}, which is the pipeline's own: move it elsewhere."
    return ""


def in_clone(root: Path, folder: str) -> dict[str, Revision]:
    """The tracked folder that `folder` is or lies in, with its revision; empty if none is.

    Raises `UserError` if a .dvc file cannot be read, or is not of a folder.
    """
    if outside(folder):
        return {}
    place = PurePosixPath(folder)
    for one in (place, *place.parents):
        path = root / f"{one}.dvc"
        if one.name and path.is_file():
            return {str(one): _read(path, one.name)}
    return {}


def _read(path: Path, name: str) -> Revision:
    from dvc.utils.serialize import load_yaml

    try:
        content = load_yaml(str(path))
        (out,) = [out for out in content["outs"] if out["path"] == name]
        found = {field: out[field] for field in FIELDS}
    except Exception as error:  # whatever DVC's parser says of a damaged file
        raise UserError(
            f"{path} does not say which files {name} has: `dvc add` it again ({error!r})."
        ) from error
    if not _DIGEST.fullmatch(str(found["md5"])):
        raise UserError(f"{path} is of a file: put it into a folder, and `dvc add` that.")
    return found


def differs(root: Path, folder: str) -> bool:
    """Whether a tracked folder is here, and is not what its .dvc file says."""
    from dvc.repo import Repo

    if not (root / folder).is_dir():
        return False
    with Repo(str(root)) as repo:
        (stage,) = repo.stage.load_file(str(root / f"{folder}.dvc"))
        return bool(stage.outs[0].workspace_status())


def dvc_text(folder: str, revision: Revision) -> str:
    """The content of the .dvc file of a folder at a revision, as `dvc add` writes it."""
    from dvc.utils.serialize import dumps_yaml

    own = {name: revision[name] for name in FIELDS}
    text: str = dumps_yaml({"outs": [{**own, "hash": "md5", "path": PurePosixPath(folder).name}]})
    return text


def files(store: Location, folder: str, md5: str) -> dict[str, str]:
    """The files of a folder and their MD5s, by their paths in it.

    Raises `UserError` if the store does not hold that revision.
    """
    found = _list(store, md5)
    if found is None:
        raise UserError(lacks(store, folder, md5))
    return {file["relpath"]: file["md5"] for file in json.loads(found)}


def held(store: Location, md5: str) -> bool:
    """Whether the store holds a revision: DVC brings the list of its files there last.

    Raises `UserError` if that cannot be asked; it does not take long to find out.
    """
    from botocore.exceptions import ClientError

    client = connect(store, patient=False)
    with objects.explained(store):
        try:
            client.head_object(Bucket=store.bucket, Key=store.key(*_key(md5)))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
                raise
            return False
    return True


def _list(store: Location, md5: str) -> bytes | None:
    return objects.read(store, *_key(md5))


def _key(md5: str) -> tuple[str, ...]:
    return "files", "md5", md5[:2], md5[2:]


def lacks(store: Location, folder: str, md5: str) -> str:
    """What to say of a revision that the store does not hold."""
    return (
        f"{store.url} does not hold the revision {md5} of {folder}: bring it there from a clone "
        f"that has it, `dvc push {folder}.dvc`."
    )


def lay_out(folder: Path, names: Mapping[str, str]) -> None:
    """Make empty files of these names below `folder`, for what only asks which there are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

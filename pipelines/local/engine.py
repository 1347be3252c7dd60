"""The Docker engine: does it answer, has it the images, and what did a killed run leave there."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from xstilts.errors import UserError, raise_if_any

Client = Any  # docker.DockerClient; docker is imported when it is needed
Container = Any  # docker.models.containers.Container
LABEL = "xstilts.local"  # on every container: the folder of the run that started it
USER = "10001:10001"
_PREFIX = "xstilts-local-"


def connect() -> Client:
    """A client of the engine that `DOCKER_HOST` names, or of the local one.

    Raises `UserError` when no engine answers.
    """
    from docker.client import DockerClient
    from docker.errors import DockerException

    try:
        client = DockerClient.from_env()
        client.ping()
    except DockerException as error:
        where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        raise UserError(
            f"the Docker engine at {where} does not answer ({error}): start it, give this user "
            "access to it, or name another one in DOCKER_HOST."
        ) from error
    return client


def image_ids(client: Client, references: Iterable[str]) -> dict[str, str]:
    """The id of the image behind every reference, as the engine has it now.

    Nothing is pulled: what a tag names would change unseen. Raises `UserError` that names
    every missing image.
    """
    from docker.errors import ImageNotFound

    found, problems = {}, []
    for reference in sorted(set(references)):
        try:
            found[reference] = str(client.images.get(reference).id)
        except ImageNotFound:
            problems.append(
                f"the Docker engine has no image {reference}: build it with `make image`, fetch "
                f"it with `docker pull {reference}`, or name another one with --image."
            )
    raise_if_any(problems)
    return found


@contextmanager
def run_folder(keep: Path | None) -> Iterator[Path]:
    """A folder that only this user can enter, locked as long as this process lives.

    `root` in it can be written by a container's user. `keep` is used when given, and must be
    new or empty; otherwise the folder is a temporary one, which `remove_folder` removes.
    """
    if keep is None:
        # Locked before it has its name: `sweep` takes an unlocked one for a dead run's
        folder = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
    else:
        folder = keep.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder} is not empty: give --keep a folder that is new or empty.")
    folder.chmod(0o700)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if keep is None:
            folder = folder.rename(folder.with_name(folder.name.removeprefix(".")))
        for name, mode in (("root", 0o777), ("workspace", 0o777), ("logs", 0o700)):
            (folder / name).mkdir()
            (folder / name).chmod(mode)
        yield folder
    finally:
        os.close(lock)


def remove_folder(client: Client, folder: Path, image: str) -> None:
    """Remove a run's folder, also the files that the containers' user wrote."""
    try:
        shutil.rmtree(folder)
    except PermissionError:
        # This user may not remove what another one owns; that one may
        client.containers.run(
            image,
            ["sh", "-c", "rm -rf /left/*"],
            volumes={str(folder / "root"): {"bind": "/left", "mode": "rw"}},
            user=USER,
            network_mode="none",
            remove=True,
        )
        shutil.rmtree(folder)


def remove_containers(client: Client, folder: Path) -> list[str]:
    """Remove all containers of the run in `folder`, whatever they do; returns their names."""
    found = client.containers.list(
        all=True, filters={"label": f"{LABEL}={folder}"}, ignore_removed=True
    )
    for container in found:
        remove_container(container)
    return [str(container.name) for container in found]


def remove_container(container: Container) -> None:
    """End a container and remove it with its volumes; one that goes or is gone is left alone."""
    from docker.errors import APIError, NotFound

    try:
        container.remove(force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != HTTPStatus.CONFLICT:  # its removal is in progress
            raise


def sweep(client: Client, image: str) -> list[str]:
    """Remove what runs left behind that were killed; returns the containers' names.

    A run lives as long as somebody holds the lock of its folder. Folders that belong to
    another user are left to him.
    """
    labelled = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    folders = {Path(container.labels[LABEL]) for container in labelled}
    temporary = Path(tempfile.gettempdir())
    folders |= set(temporary.glob(f"{_PREFIX}*"))
    names = []
    for folder in sorted(folders):
        if _lives(folder):
            continue
        names += remove_containers(client, folder)
        if folder.parent == temporary and folder.name.startswith(_PREFIX) and folder.exists():
            remove_folder(client, folder, image)
    return names


def _lives(folder: Path) -> bool:
    """Whether the run in `folder` goes on, or belongs to another user."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False

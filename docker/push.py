"""Pushes the images of this machine to a registry, and pins their digests in images.lock.

    python docker/push.py HOST/FOLDER

The lock then names what was pushed, and nothing older: pods of one run must not hold
different code. What is pushed is named FOLDER/xstilts:FLAVOUR-REVISION.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from components.images import FLAVOURS, LOCK, write_lock
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, raise_if_any

_REVISION = "org.opencontainers.image.revision"
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_ENGINE = Path(__file__).with_name("engine.sh")


def push(registry: str, name: str = "xstilts", lock: Path = LOCK) -> dict[str, str]:
    """Push every flavour that is here and write the lock; returns flavour -> reference.

    `name` is the images' name on this machine. Raises `UserError` when there is nothing to
    push, when an image has no known commit behind it, or when the registry refuses.
    """
    if not registry:
        raise UserError("no registry is given: say `make push REGISTRY=host/folder`.")
    docker = subprocess.check_output([_ENGINE], text=True).strip()
    revisions = {flavour: _revision(docker, f"{name}:{flavour}") for flavour in FLAVOURS}
    here = {flavour: text for flavour, text in revisions.items() if text is not None}
    _check(name, here)
    pushed = {
        flavour: _push(docker, f"{name}:{flavour}", f"{registry}/xstilts", f"{flavour}-{revision}")
        for flavour, revision in here.items()
    }
    write_lock(lock, pushed)
    return pushed


def _revision(docker: str, image: str) -> str | None:
    """The commit an image was built from; None when there is no such image."""
    command = [docker, "image", "inspect", "--format", "{{json .Config.Labels}}", image]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 and "No such image" in done.stderr:
        return None
    if done.returncode != 0:
        raise UserError(f"the Docker engine cannot look up {image}: {done.stderr.strip()}")
    return str((json.loads(done.stdout) or {}).get(_REVISION, ""))


def _check(name: str, revisions: dict[str, str]) -> None:
    if not revisions:
        raise UserError(f"there is no image {name}:cpu or {name}:cuda: run `make image` first.")
    raise_if_any(
        f"{name}:{flavour} was built from {revision or 'no commit at all'}, which nobody can "
        "check out again: commit the changes, build the image again, then push."
        for flavour, revision in revisions.items()
        if not revision or revision.endswith("-dirty")
    )
    if len(set(revisions.values())) > 1:
        built = ", ".join(f"{flavour} of {revision}" for flavour, revision in revisions.items())
        raise UserError(
            f"the images are of different commits ({built}): build both of one, or remove one."
        )


def _push(docker: str, image: str, repository: str, tag: str) -> str:
    """Push an image; returns its reference by digest."""
    target = f"{repository}:{tag}"
    try:
        for command in (["tag", image, target], ["push", target]):
            done = subprocess.run([docker, *command], capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"{target} cannot be pushed ({error.stderr.strip()}): check the registry's name, "
            "that it answers, and that you are logged in to it."
        ) from error
    digest = _PUSHED.search(done.stdout)
    if not digest:
        raise UserError(f"{target} was pushed, but no digest came back:\n{done.stdout}")
    return f"{repository}@{digest[1]}"


if __name__ == "__main__":
    try:
        for flavour, reference in push(*sys.argv[1:2]).items():
            print(f"{flavour}: {reference}")
        print(f"{LOCK.name} has the digests: commit it.")
    except UserError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        sys.exit(USER_ERROR_EXIT_CODE)

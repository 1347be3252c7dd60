"""Pushes the images of this machine to a registry, and pins their digests in images.lock.

    python docker/push.py HOST/FOLDER [FLAVOUR]...

Without flavours, all that are here. The lock then names what was pushed, and nothing older: pods
of one run must not hold different code. What is pushed is named FOLDER/xstilts:FLAVOUR-REVISION.

An image is pushed once. Two builds of a commit differ in bytes (times, and what an index had on
that day), and a release must not: what the registry has of a commit stays, and the lock names that.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from components.images import FLAVOURS, LOCK, write_lock
from xstilts.errors import UserError, complain, raise_if_any

_REVISION = "org.opencontainers.image.revision"
_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})", re.IGNORECASE)
# What engines and registries say of an image that is not there, or of a folder that is new
_ABSENT = re.compile(r"manifest unknown|not found|name unknown|repository does not exist|not known")
_ENGINE = Path(__file__).with_name("engine.sh")


def push(
    registry: str, name: str = "xstilts", lock: Path = LOCK, wanted: Sequence[str] = ()
) -> dict[str, str]:
    """Push flavours of the image and write the lock; returns flavour -> reference.

    `name` is the images' name on this machine; nothing `wanted` are all that are here. Raises
    `UserError` when there is nothing to push, when an image has no known commit behind it, or when
    the registry refuses.
    """
    if not registry:
        raise UserError("no registry is given: say `make push REGISTRY=host/folder`.")
    raise_if_any(f"{flavour!r} is no flavour of the image; there are {' and '.join(FLAVOURS)}."
                 for flavour in wanted if flavour not in FLAVOURS)  # fmt: skip
    docker = subprocess.check_output([_ENGINE], text=True).strip()
    revisions = {flavour: _revision(docker, f"{name}:{flavour}") for flavour in wanted or FLAVOURS}
    here = {flavour: text for flavour, text in revisions.items() if text is not None}
    _check(name, here, [flavour for flavour in wanted if flavour not in here])
    pushed = {
        flavour: _push(docker, f"{name}:{flavour}", f"{registry}/xstilts", f"{flavour}-{revision}")
        for flavour, revision in here.items()
    }
    write_lock(lock, pushed, next(iter(here.values())))
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


def _check(name: str, revisions: dict[str, str], missing: Sequence[str]) -> None:
    raise_if_any(f"there is no image {name}:{flavour}: build it first." for flavour in missing)
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
    """Push an image, unless the registry has one of this tag; returns its reference by digest."""
    target = f"{repository}:{tag}"
    digest = _there(docker, target)
    if digest:
        print(f"{target} is in the registry already, and stays.")
        return f"{repository}@{digest}"
    _run(docker, target, "tag", image, target)
    output = _run(docker, target, "push", target)
    found = _PUSHED.search(output)
    if not found:
        raise UserError(f"{target} was pushed, but no digest came back:\n{output}")
    return f"{repository}@{found[1]}"


def _there(docker: str, target: str) -> str | None:
    """The digest of an image in the registry, None if there is none; fetches what is not here.

    A pull sees the registry as a push does: with the engine's keys, proxies and certificates.
    """
    try:
        found = _PUSHED.search(output := _run(docker, target, "pull", target))
    except UserError as error:
        if _ABSENT.search(str(error).lower()):
            return None
        raise
    if not found:
        raise UserError(f"{target} was pulled, but no digest came with it:\n{output}")
    return found[1]


def _run(docker: str, target: str, *arguments: str) -> str:
    """What the engine prints. Raises `UserError` if it cannot do what it was told."""
    done = subprocess.run([docker, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(
            f"{target} cannot be pushed ({done.stderr.strip()}): check the registry's name, "
            "that it answers, and that you are logged in to it."
        )
    return done.stdout


if __name__ == "__main__":
    try:
        registry, *wanted = sys.argv[1:] or [""]
        for flavour, reference in push(registry, wanted=wanted).items():
            print(f"{flavour}: {reference}")
        print(f"{LOCK.name} has the digests: commit it.")
    except UserError as error:
        sys.exit(complain(error))

"""Which container image runs a stage: the lock file that pins each flavour to a digest.

A tag can be moved, so a compiled pipeline that names one may run other code tomorrow. The
lock holds `flavour: registry/name@sha256:digest`, and `make push` writes it, with the commit that
the images were built from.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xstilts.errors import UserError, raise_if_any
from xstilts.files import write_text

FLAVOURS = ("cpu", "cuda")
LOCK = Path(__file__).with_name("images.lock")
_SHOWN = "components/images.lock"
_REVISION = "revision"  # the one key that is no flavour
_REMEDY = (
    "Push the images with `make push REGISTRY=host/folder`, which writes the file, or compile "
    "with --dev to use images of this machine."
)
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?"  # registry
    rf"{_PART}(?:/{_PART})*"  # name
    r"(?::[\w][\w.-]{0,127})?"  # a tag beside a digest is a remark: the digest decides
    r"@sha256:[0-9a-f]{64}"
)
_HEADER = """\
# The image of each flavour, by digest; `make push REGISTRY=host/folder` writes this file.
# A pipeline is compiled with these, so that it runs the same code for ever:
#
#     cpu: REGISTRY/xstilts@sha256:...
#     cuda: REGISTRY/xstilts@sha256:...
#     revision: the commit that they were built from
"""


def is_pinned(reference: str) -> bool:
    """Whether an image reference names a digest, not only a tag."""
    return _REFERENCE.fullmatch(reference) is not None


def read_lock(path: Path = LOCK) -> dict[str, str]:
    """Flavour -> reference, as the lock says; empty when nothing was pushed yet.

    What the references are is for `pinned` to check. Raises `UserError` when the file is
    missing or is no mapping of known flavours to texts.
    """
    found = _read(path)
    found.pop(_REVISION, None)
    return found


def read_revision(path: Path = LOCK) -> str:
    """The commit that the lock's images were built from, '' if it does not say; see `read_lock`."""
    return _read(path).get(_REVISION, "")


def _read(path: Path) -> dict[str, str]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing, the file that names the images. {_REMEDY}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML ({error}). {_REMEDY}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(f"{path} must be a mapping of flavour to image, not {found!r}. {_REMEDY}")
    raise_if_any(_problems(path, found))
    return dict(found)


def pinned(images: Mapping[str, str], flavour: str) -> str:
    """The reference of a flavour, by digest.

    Raises `UserError` when the flavour has none, or one that a registry could move.
    """
    if flavour not in images:
        known = ", ".join(images) or "none"
        raise UserError(
            f"{_SHOWN} names no image for the flavour {flavour!r}; it has {known}. {_REMEDY}"
        )
    reference = images[flavour]
    if not is_pinned(reference):
        raise UserError(
            f"{_SHOWN}: {flavour}: {reference!r} is no digest reference "
            f"(registry/name@sha256: and 64 hex digits): a tag can be moved. {_REMEDY}"
        )
    return reference


def reference(flavour: str) -> str:
    """The image of a flavour as the repository's own lock pins it; see `pinned`."""
    return pinned(read_lock(), flavour)


def write_lock(path: Path, images: Mapping[str, str], revision: str = "") -> None:
    """Write the lock atomically; every reference must be one by digest.

    `revision` is the commit that the images were built from, '' if nobody knows.
    """
    for flavour in images:
        pinned(images, flavour)
    lines = [f"{flavour}: {images[flavour]}\n" for flavour in sorted(images)]
    lines += [f"{_REVISION}: '{revision}'\n"] if revision else []
    write_text(path, _HEADER + "".join(lines))


def _problems(path: Path, found: Mapping[Any, Any]) -> list[str]:
    problems = []
    for flavour, value in found.items():
        if flavour not in (*FLAVOURS, _REVISION):
            problems.append(
                f"{path}: {flavour!r} is no flavour of the image; "
                f"there are {' and '.join(FLAVOURS)}."
            )
        elif not isinstance(value, str):
            kind = "text: quote it" if flavour == _REVISION else "image reference"
            problems.append(f"{path}: {flavour}: {value!r} is no {kind}. {_REMEDY}")
    return problems

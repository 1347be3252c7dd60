"""The manifest of a published run: written last, it says that every file of the run is there.

A run without one does not exist for readers. Who publishes first claims the run's folder with the
digest of what will be in it: a second publisher with other content is refused before it writes,
one with the same content may finish what the first began. Runs that were published before there
were manifests have no claim either: their `dvc.lock` came last.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.files import sha256
from xstilts.store import fragments, objects
from xstilts.store.location import Location

NAME = "manifest.json"
CLAIM = "claim.json"
SCHEMA = 1
_ID_LENGTH = 12  # hex digits of a run's own id

Files = Mapping[str, Mapping[str, Any]]  # path in the run's folder -> sha256, size


@dataclass(frozen=True)
class Manifest:
    """What was published: `files` by their path in the run's folder, `summary` for people.

    Two publishers may have all of that in common: who of them wrote it says `writer`.
    """

    study: str
    run: str
    written: str  # ISO 8601, UTC
    files: Files
    summary: Mapping[str, Any]
    writer: str = ""  # any text that nobody else has

    def text(self) -> bytes:
        """The content of the object."""
        return as_json({"schema": SCHEMA, **asdict(self)})


def as_json(content: Any) -> bytes:
    """JSON for people and programs."""
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def from_json(text: bytes | None) -> Any:
    """The content of JSON text; None if there is no text, or it is no JSON."""
    try:
        return json.loads(text or b"null")
    except ValueError:  # also for bytes that are no UTF-8
        return None


def describe(folder: Path, extra: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """The `files` of a run with these results, and `extra` beside them; in the order of paths."""
    found = {
        f"{fragments.RESULTS}/{path.relative_to(folder).as_posix()}": (
            {"sha256": sha256(path), "size": path.stat().st_size}
        )
        for path in folder.rglob("*")
        if path.is_file()
    }
    for name, data in extra.items():
        found[name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return dict(sorted(found.items()))


def digest(files: Files) -> str:
    """SHA-256 over paths and contents: equal for equal runs."""
    lines = [f"{path} {fact['sha256']}\n" for path, fact in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def own_id(files: Files) -> str:
    """The id of a run that was given no other: 12 hex digits that follow from its content."""
    return digest(files)[:_ID_LENGTH]


def read(location: Location, study: str, run: str) -> Manifest | None:
    """The manifest of a run; None without one. Raises `UserError` for one that is damaged."""
    folder = fragments.run_folder(location, study, run)
    text = objects.read(folder, NAME)
    return None if text is None else parse(text, folder, study, run)


def parse(text: bytes, folder: Location, study: str, run: str) -> Manifest:
    """A manifest out of its text; raises `UserError` with what is wrong with it."""
    content = from_json(text)
    problem = _problem(content, study, run)
    if problem:
        raise UserError(f"{folder.url}/{NAME} {problem}.")
    return Manifest(
        study,
        run,
        content["written"],
        content["files"],
        content["summary"],
        content.get("writer", ""),
    )


def read_file(location: Location, manifest: Manifest, path: str) -> bytes:
    """A file of a published run; raises `UserError` as `verify` does."""
    folder = fragments.run_folder(location, manifest.study, manifest.run)
    return verify(location, manifest, path, objects.read(folder, path))


def verify(location: Location, manifest: Manifest, path: str, data: bytes | None) -> bytes:
    """The content of a file, if it is the one that the manifest names.

    Raises `UserError` if the run has no such file, or the store has lost or changed it.
    """
    folder = fragments.run_folder(location, manifest.study, manifest.run)
    if path not in manifest.files:
        raise UserError(f"{folder.url} was published without {path}.")
    if data is None or hashlib.sha256(data).hexdigest() != manifest.files[path]["sha256"]:
        fate = "is gone" if data is None else "is not the file that was published"
        raise UserError(f"{folder.url}/{path} {fate} (its SHA-256 is in {NAME}).")
    return data


def is_older(folder: Location) -> bool:
    """Whether a run without manifest is complete: one of a version that wrote its lock last."""
    return objects.read(folder, fragments.LOCK) is not None and objects.read(folder, CLAIM) is None


def _problem(content: Any, study: str, run: str) -> str:
    """What is wrong with a manifest, as the end of a sentence; '' if nothing is."""
    if not isinstance(content, dict) or "files" not in content:
        return "is no manifest of a run"
    if content.get("schema") != SCHEMA:
        return f"has the schema {content.get('schema')!r}; this version of xstilts reads {SCHEMA}"
    kinds = {"study": str, "run": str, "written": str, "files": dict, "summary": dict,
             "writer": str}  # fmt: skip
    known = {"writer": ""} | content  # older ones have none
    wrong = [name for name, kind in kinds.items() if not isinstance(known.get(name), kind)]
    if wrong:
        return f"has no usable {', '.join(wrong)}"
    if (content["study"], content["run"]) != (study, run):
        return f"is of another run ({content['study']}/{content['run']})"
    if not all(isinstance(fact, dict) and "sha256" in fact for fact in content["files"].values()):
        return "has files without their SHA-256"
    return ""

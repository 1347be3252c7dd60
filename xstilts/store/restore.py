"""From the store to a clone: parameters and lock of a published run, for `dvc pull`."""

import os
from datetime import UTC, datetime
from pathlib import Path

from xstilts.errors import UserError, raise_if_any
from xstilts.files import write_text
from xstilts.publish.board.provenance import code_revision
from xstilts.store import fragments, index, manifest, objects, remote, tracked
from xstilts.store.location import Location
from xstilts.study.state import LOCK, SCRATCH


def restore(root: Path, study: str | None, run: str | None) -> str:
    """Write `params.yaml` and `dvc.lock` of a run (default: the newest published); returns it.

    So are the .dvc files of the folders that it read, if DVC tracked any. Without `study` the
    store must hold one study only. Files that were here and differ are kept
    under `.dvc/tmp/xstilts/`. Raises `UserError` if there is no store, study or run.
    """
    location = remote.configured(root)
    if location is None:
        raise UserError("no store is configured here: name one with `xstilts store use S3_URL`.")
    study = study or _only_study(location)
    run = run or _latest(location, study)
    lock, params, revision = _published_files(location, study, run)
    for name, text in ((fragments.PARAMS, params), (LOCK.name, lock)):
        _replace(root / name, text, root / SCRATCH)
    data = fragments.read_data(fragments.run_folder(location, study, run))
    raise_if_any(tracked.problems(data))
    for folder, own in data.items():
        _replace(root / f"{folder}.dvc", tracked.dvc_text(folder, own), root / SCRATCH)
    _compare_code(root, revision)
    return run


def _published_files(location: Location, study: str, run: str) -> tuple[str, str, str | None]:
    """Lock and parameters of a complete run, and the commit that made it, where that is known."""
    folder = fragments.run_folder(location, study, run)
    published = manifest.read(location, study, run)
    plan = manifest.from_json(objects.read(folder, fragments.PLAN)) or {}
    if published:
        lock, params = (
            manifest.read_file(location, published, name).decode()
            for name in (fragments.LOCK, fragments.PARAMS)
        )
        return lock, params, plan.get("revision") or published.summary.get("revision")
    if not manifest.is_older(folder):
        raise UserError(
            f"{folder.url} holds no {manifest.NAME}: that run of {study} is unknown, or its "
            "publication has not finished. Leave --run out for the newest published one."
        )
    older = objects.read(folder, fragments.LOCK) or b""
    return older.decode(), fragments.read_params(folder), plan.get("revision")


def _compare_code(root: Path, theirs: str | None) -> None:
    """Say so if the run was made by other code: DVC would run stages again that depend on it."""
    ours = code_revision(root)["revision"]
    if theirs and ours and theirs != ours:
        print(
            f"Commit {theirs} made that run; this clone is at {ours}. What depends on code that "
            "differs, DVC runs again."
        )


def _only_study(location: Location) -> str:
    studies = published(location)
    if len(studies) != 1:
        found = f"it holds {', '.join(studies)}: name one." if studies else "nothing is published."
        raise UserError(f"which study of {location.url}? {found}")
    return studies[0]


def published(location: Location) -> list[str]:
    """The studies of which the store holds a published run."""
    studies = objects.folders(location, fragments.STUDIES)
    return [
        study
        for study in studies
        if objects.read(location, fragments.STUDIES, study, fragments.LATEST) is not None
    ]


def _latest(location: Location, study: str) -> str:
    text = objects.read(location, fragments.STUDIES, study, fragments.LATEST)
    if text is None:
        known = ", ".join(published(location)) or "none"
        raise UserError(
            f"{location.url} has no published run of the study {study!r}; published studies: "
            f"{known}."
        )
    run = index.latest_run(text)
    if run is None:
        raise UserError(
            f"{location.url}/{fragments.STUDIES}/{study}/{fragments.LATEST} names no run: name "
            "one with --run, or publish the study again to mend it."
        )
    return run


def _replace(path: Path, text: str, scratch: Path) -> None:
    """Write a file; what was there and differs is kept under another name."""
    if path.exists() and (old := path.read_text(encoding="utf-8")) != text:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        kept = scratch / f"{path.name}.before-restore-{stamp}"
        write_text(kept, old)
        print(f"{path.name} was different; the old one is {os.path.relpath(kept)}.")
    write_text(path, text)

"""The folder of a run in the store: lock fragments, receipts, and the parameters they belong to.

A fragment is a stage's entry of `dvc.lock`: what went in and what came out, as hashes. The
fragments of a run together are its `dvc.lock`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from xstilts.errors import UserError
from xstilts.store import objects
from xstilts.store.location import Location
from xstilts.store.lookup import Entry
from xstilts.store.tracked import Revisions

STUDIES = "studies"
PARAMS = "params.yaml"
LOCK = "dvc.lock"
LATEST = "latest.json"
PLAN = "plan.json"
DATA = "data.json"  # revisions of the folders that DVC tracks, where the study reads any
RESULTS = "results"
_DEPTH = 3  # studies/STUDY/RUN
_SCHEMA = "2.0"  # of dvc.lock


def run_folder(store: Location, study: str, run: str) -> Location:
    """Where a run of a study keeps what belongs to it alone."""
    return store.below(STUDIES, study, run)


def store_of(run: Location) -> Location:
    """The store that a run's folder lies in; raises `UserError` if it is no run's folder."""
    parts = run.prefix.split("/")
    if len(parts) < _DEPTH or parts[-_DEPTH] != STUDIES:
        raise UserError(
            f"{run.url} is no run's folder: give s3://BUCKET/PREFIX/{STUDIES}/STUDY/RUN, as the "
            "plan prints it."
        )
    return replace(run, prefix="/".join(parts[:-_DEPTH]))


def write(run: Location, stage: str, entry: Entry) -> None:
    """Keep the lock entry of a finished stage."""
    objects.write(run, _yaml({stage: dict(entry)}), "lock", f"{stage}.yaml")


def read(run: Location, stage: str) -> Entry | None:
    """The lock entry of a stage; None if it has not finished in this run."""
    from dvc.utils.serialize import loads_yaml

    text = objects.read(run, "lock", f"{stage}.yaml")
    return loads_yaml(text.decode())[stage] if text else None


def read_all(run: Location, stages: Iterable[str]) -> dict[str, Entry]:
    """The lock entries of those of `stages` that have finished."""
    names = list(stages)
    entries = objects.together(partial(read, run), names)
    return {name: entry for name, entry in zip(names, entries, strict=True) if entry}


def lock_text(entries: Mapping[str, Entry]) -> str:
    """The text of a `dvc.lock` with these entries."""
    return _yaml({"schema": _SCHEMA, "stages": {n: dict(e) for n, e in entries.items()}}).decode()


def write_receipt(run: Location, stage: str, receipt: Mapping[str, Any]) -> None:
    """Keep what a pod did for a stage: outcome, seconds, and the error if there was one."""
    objects.write(run, json.dumps(receipt, indent=1).encode(), "receipts", f"{stage}.json")


def read_receipts(run: Location) -> dict[str, dict[str, Any]]:
    """Stage -> receipt, for every stage that a pod has dealt with in this run."""
    names = objects.names(run, "receipts")
    texts = objects.together(lambda name: objects.read(run, "receipts", name), names)
    return {
        name.removesuffix(".json"): json.loads(text)
        for name, text in zip(names, texts, strict=True)
        if text
    }


def ready(run: Location, stage: str, deps: Iterable[str]) -> float:
    """When a stage could begin, as Unix time of the store's clock.

    That is when the last of its inputs was there, or an earlier try had ended; of a stage without
    inputs when the run was planned.
    """
    times = objects.written(run)
    names = (PARAMS, f"receipts/{stage}.json", *(f"lock/{name}.yaml" for name in deps))
    return max(times[name] for name in names if name in times)


def read_params(run: Location) -> str:
    """The text of a run's `params.yaml`; raises `UserError` if the run has no plan."""
    text = objects.read(run, PARAMS)
    if text is None:
        raise UserError(
            f"{run} holds no {PARAMS}: the plan of this run has not finished, or the address "
            "is wrong. Start the run again with the plan."
        )
    return text.decode()


def write_data(run: Location, revisions: Revisions) -> None:
    """Keep which revisions of tracked folders the run reads; nothing where it reads none."""
    if revisions:
        objects.write(run, data_text(revisions), DATA, content_type="application/json")


def read_data(run: Location) -> Revisions:
    """The revisions of tracked folders that a run reads."""
    found: Revisions = json.loads(objects.read(run, DATA) or b"{}")
    return found


def data_text(revisions: Revisions) -> bytes:
    """Revisions as they are kept: the same ones are the same bytes."""
    return json.dumps(revisions, indent=1, sort_keys=True).encode()


def _yaml(content: Mapping[str, Any]) -> bytes:
    from dvc.utils.serialize import dumps_yaml

    return dumps_yaml(dict(content)).encode()

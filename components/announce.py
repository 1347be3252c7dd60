"""The end of a run: its lock, report and scores in the store, and its name as the latest."""

import json
from datetime import UTC, datetime

from components import dvc_steps
from components.desk import Desk
from xstilts.errors import raise_if_any
from xstilts.store import fragments, objects
from xstilts.store.lookup import Entry
from xstilts.study.plan import Stage


def announce(desk: Desk, publish: Stage, entry: Entry) -> None:
    """Write lock and results to the run's folder; then name this run the study's latest.

    `entry` is the lock entry of the publish stage. Raises `UserError`, and announces nothing,
    if a stage of the study has not finished in this run.
    """
    upstream = [name for name in desk.plan if name != publish.name]
    entries = fragments.read_all(desk.run, upstream)
    raise_if_any(
        f"{name} has not finished in this run ({desk.run.url}): run it before publishing."
        for name in upstream
        if name not in entries
    )
    lock = fragments.lock_text(entries | {publish.name: entry})
    folder = dvc_steps.results(desk, publish, entry)
    objects.upload_folder(desk.run, folder, fragments.RESULTS)
    objects.write(desk.run, lock.encode(), fragments.LOCK, content_type="text/yaml")
    latest = {
        "run": desk.run.prefix.rpartition("/")[2],
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    study = desk.params["study"]["name"]
    objects.write(
        desk.store.below(fragments.STUDIES, study),
        json.dumps(latest, indent=1).encode(),
        fragments.LATEST,
        content_type="application/json",
    )

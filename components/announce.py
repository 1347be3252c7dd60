"""The end of a run: its lock, report and scores in the store, and its name as the latest."""

from components import dvc_steps
from components.desk import Desk
from xstilts.errors import raise_if_any
from xstilts.store import fragments
from xstilts.store.lookup import Entry
from xstilts.store.publication import publish_results
from xstilts.study.plan import Stage


def announce(desk: Desk, publish: Stage, entry: Entry) -> None:
    """Publish the run: its results with lock and parameters, complete or not at all.

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
    extra = {
        fragments.LOCK: lock.encode(),
        fragments.PARAMS: fragments.read_params(desk.run).encode(),
    }
    folder = dvc_steps.results(desk, publish, entry)
    run = desk.run.prefix.rpartition("/")[2]
    publish_results(desk.store, desk.params["study"]["name"], run, folder, extra)

"""What a pod has DVC do for one stage: pull what it reads, run it, push what it wrote."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from components.desk import Desk
from xstilts.errors import UserError
from xstilts.files import write_text
from xstilts.store import fragments, lookup, remote
from xstilts.study.jobs import Job, failed_by_user, is_noise, last_lines, start, stop
from xstilts.study.plan import Stage
from xstilts.study.run import cores
from xstilts.study.state import LOCK, environment

if TYPE_CHECKING:
    from dvc.repo import Repo

_TICK = 0.05  # seconds
_LAST_LINES = 15


class StageFailed(Exception):
    """A stage ended with an error that is not the user's to mend; its output has been shown."""


def pull(desk: Desk, inputs: lookup.Entries) -> None:
    """Fetch the outputs that the lock entries `inputs` describe, and nothing else."""
    write_text(desk.root / LOCK, fragments.lock_text(inputs))
    if inputs:
        with _repo(desk, f"fetch {', '.join(inputs)} from") as repo:
            repo.pull(targets=list(inputs), remote=remote.NAME)


def run(desk: Desk, stage: Stage) -> None:
    """Run one stage by DVC, its output going to ours as it comes.

    Raises `UserError` when the stage says that the user made a mistake, `StageFailed` for
    any other failure. The stage's processes end with this function, however it ends.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS") or max(1, cores() // stage.slots))
    job = start(stage, desk.root, environment(threads))
    try:
        with job.log.open(encoding="utf-8", errors="replace") as log:
            _follow(job, log)
    finally:
        stop([job])
    if job.process.returncode == 0:
        return
    lines = "\n".join(last_lines(job.log, _LAST_LINES))
    if failed_by_user(job.log):
        raise UserError(f"{stage.name} cannot go on. Its last lines:\n{lines}")
    raise StageFailed(f"{stage.name} failed. Its last lines:\n{lines}")


def push(desk: Desk, stage: Stage) -> lookup.Entry:
    """Upload what the stage wrote, then its entry for the run cache; returns its lock entry.

    In this order: an entry in the store means that its files are there.
    """
    from dvc.utils.serialize import load_yaml

    with _repo(desk, f"push {stage.name} to") as repo:
        repo.push(targets=[stage.name], remote=remote.NAME)
    entry: lookup.Entry = load_yaml(str(desk.root / LOCK))["stages"][stage.name]
    lookup.record(desk.store, entry)
    return entry


def results(desk: Desk, stage: Stage, entry: lookup.Entry) -> Path:
    """The folder that a finished stage wrote, fetched from the store unless it is here."""
    folder = desk.root / stage.output
    if not folder.exists():
        pull(desk, {stage.name: entry})
    return folder


def _follow(job: Job, log: TextIO) -> None:
    """Copy the log as it grows, until the job has ended."""
    while True:
        ended = job.process.poll() is not None
        for line in log:
            if not is_noise(line):
                print(line, end="", flush=True)
        if ended:
            return
        time.sleep(_TICK)


@contextmanager
def _repo(desk: Desk, doing: str) -> Iterator["Repo"]:
    """DVC at work in the workspace; its errors become ours."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    before = Path.cwd()
    os.chdir(desk.root)  # DVC resolves targets against the current folder
    try:
        with Repo() as repo:
            yield repo
    except DvcException as error:
        raise UserError(f"DVC could not {doing} {desk.store.url}: {error}") from error
    finally:
        os.chdir(before)

"""What a pod has DVC do for one stage: pull what it reads, run it, push what it wrote."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from components.desk import Desk
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, raise_if_any
from xstilts.files import write_text
from xstilts.observe.logs import relay
from xstilts.store import fragments, lookup, remote, tracked
from xstilts.study.jobs import Job, failed_by_user, is_noise, last_lines, start, stop
from xstilts.study.plan import PHASES, Stage
from xstilts.study.run import cores
from xstilts.study.state import LOCK, environment
from xstilts.training.launch import nodes

if TYPE_CHECKING:
    from dvc.repo import Repo

_TICK = 0.05  # seconds
_LAST_LINES = 15


class StageFailed(Exception):
    """A stage ended with an error that is not the user's to mend; its output has been shown."""


def look_up(desk: Desk, stage: Stage) -> tuple[lookup.Entries, lookup.Entry | None]:
    """The lock entries of a stage's inputs, and its own if the store has the result.

    Raises `UserError` if an input is missing: a pod never runs an upstream stage.
    """
    inputs = fragments.read_all(desk.run, stage.deps)
    _check_inputs(desk, stage, inputs)
    return inputs, lookup.find(desk.root, stage, inputs, desk.store)


def _check_inputs(desk: Desk, stage: Stage, inputs: lookup.Entries) -> None:
    raise_if_any(
        f"{stage.name} needs the output of {name}, which has not finished in this run "
        f"({desk.run.url}): run {name} first."
        for name in stage.deps
        if name not in inputs
    )
    raise_if_any(
        f"{stage.name} needs the output of {name}, which the store has lost: {desk.store.url} "
        f"lacks {entry['outs'][0]['path']} ({entry['outs'][0]['md5']}). Start a new run: its "
        "plan finds what is missing and makes it again."
        for name, entry in inputs.items()
        if not lookup.has_outputs(desk.store, entry)
    )


def pull(desk: Desk, inputs: lookup.Entries, data: Sequence[str] = ()) -> None:
    """Fetch the outputs that the lock entries `inputs` describe, and nothing else.

    Nothing but `data`: paths of, or in, folders that DVC tracks.
    """
    write_text(desk.root / LOCK, fragments.lock_text(inputs))
    if targets := [*inputs, *data]:
        with _repo(desk, f"fetch {', '.join(targets)} from") as repo:
            repo.pull(targets=targets, remote=remote.NAME)


def tracked_inputs(desk: Desk, stage: Stage) -> list[str]:
    """The paths that a stage reads of folders that DVC tracks."""
    entry = desk.params[stage.phase].get(stage.key, {})
    paths = [entry[name] for name in PHASES[stage.phase].inputs if name in entry]
    return [path for path in paths if tracked.holder(path, desk.data)]


def run(desk: Desk, stage: Stage) -> None:
    """Run one stage by DVC, its output going to ours as it comes.

    Raises `UserError` when the stage says that the user made a mistake, `StageFailed` for
    any other failure. The stage's processes end with this function, however it ends.
    """
    job = start(stage, desk.root, environment(threads(stage)))
    try:
        with job.log.open(encoding="utf-8", errors="replace", newline="\n") as log:
            _follow(job, log)
    finally:
        stop([job])
    if job.process.returncode == 0:
        return
    lines = "\n".join(last_lines(job.log, _LAST_LINES))
    if failed_by_user(job.log):
        raise UserError(f"{stage.name} cannot go on. Its last lines:\n{lines}")
    raise StageFailed(f"{stage.name} failed. Its last lines:\n{lines}")


def help_run(desk: Desk, stage: Stage) -> None:
    """Run a stage's command without DVC, which is to keep nothing of it: see `node`.

    Raises as `run` does; what the command prints is ours.
    """
    with _repo(desk, f"read {stage.name} of") as repo:
        (command,) = [found.cmd for found in repo.index.stages if found.name == stage.name]
    settings = environment(threads(stage)) | {"DVC_STAGE": stage.name}
    code = subprocess.run(command, shell=True, cwd=desk.root, env=settings, check=False).returncode
    if code == USER_ERROR_EXIT_CODE:
        raise UserError(f"{stage.name} cannot go on; its last lines say why.")
    if code:
        raise StageFailed(f"{stage.name} ended with code {code} on this node.")


def threads(stage: Stage) -> int:
    """The threads of each of a stage's processes on this node, unless OMP_NUM_THREADS says."""
    here = max(1, stage.slots // nodes())
    return int(os.environ.get("OMP_NUM_THREADS") or max(1, cores() // here))


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
    """Copy the log as it grows, line by line, until the job has ended."""
    rest = ""
    while True:
        ended = job.process.poll() is not None
        *lines, rest = (rest + log.read()).split("\n")
        for line in [*lines, rest] if ended and rest else lines:
            if not is_noise(line):
                relay(line)
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

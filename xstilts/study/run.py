"""Running a study: its stages side by side, each by DVC, until all are up to date."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.files import write_json
from xstilts.study.display import Overview, clock, wall_times
from xstilts.study.jobs import Job, failed_by_user, last_lines, start, stop, was_cached
from xstilts.study.plan import Stage, critical_path, descendants
from xstilts.study.state import SCRATCH, changes, recorded_outputs, remove_left_over

# Seconds that a stage of each phase takes, until it has once been measured here.
GUESSES = {"prepare": 5, "backbone": 5, "intermediate": 60, "finetune": 25, "evaluate": 12,
           "shortcuts": 8, "publish": 10}  # fmt: skip
_TICK = 0.1
_LOG_LINES = 15


class Stopped(BaseException):
    """The runner was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Progress:
    """Where a run stands; all names are stages'."""

    plan: list[Stage]
    changed: set[str]  # by DVC's own word: they have to run
    waiting: set[str]  # changed, or depending on a stage that is
    before: dict[str, str]  # hash of every stage's output at the start
    running: dict[str, Job] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    rewritten: set[str] = field(default_factory=set)  # ran, with another result than before
    failed: dict[str, bool] = field(default_factory=dict)  # whether by the user's mistake
    skipped: set[str] = field(default_factory=set)  # a dependency failed


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Hold the folder's run lock; raises `UserError` while another runner holds it."""
    path = root / SCRATCH / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            owner = stream.read().strip() or "unknown"
            raise UserError(
                f"another xstilts run (process {owner}) is at work in {root}: wait for it, or "
                "work in another clone."
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def run(root: Path, plan: list[Stage], jobs: int, console: Console) -> int:
    """Bring all stages up to date, `jobs` at a time; returns the exit code.

    0: all are; 1: a stage failed; 2: a stage failed by a mistake of the user's; 128 + n:
    ended by signal n. The caller holds the lock of `exclusive`.
    """
    remove_left_over(root, plan)
    changed = set(changes(root))
    todo = descendants(plan, changed)
    if not todo:
        console.print(f"Nothing to do: all {len(plan)} stages are up to date.", highlight=False)
        return 0
    progress = Progress(plan, changed, todo, recorded_outputs(root))
    expected = {stage.name: _expected(root).get(stage.name) or GUESSES[stage.phase] for stage in plan}
    console.print(
        f"{len(todo)} of {len(plan)} stages to check or run, {jobs} at a time.", highlight=False
    )
    started = time.monotonic()
    try:
        with _signals_raised(), Overview(console, len(todo), 0) as overview:
            _work(root, progress, jobs, critical_path(plan, expected), overview)
    except Stopped as stopped:
        console.print(f"Stopped by {signal.Signals(stopped.number).name}; run again to go on.")
        return 128 + stopped.number
    finally:
        _remember(root, progress.seconds)
    console.print(wall_times(plan, progress.seconds))
    console.print(f"{clock(time.monotonic() - started)} in all", highlight=False)
    return _verdict(progress, console)


def _work(
    root: Path, progress: Progress, jobs: int, urgency: Mapping[str, float], overview: Overview
) -> None:
    try:
        while progress.waiting or progress.running:
            _start_ready(root, progress, jobs, urgency, overview)
            for name, job in list(progress.running.items()):
                if job.process.poll() is not None:
                    del progress.running[name]
                    _finish(root, job, progress, overview)
            overview.refresh(progress.running.values())
            time.sleep(_TICK)
    finally:
        with _signals_ignored():
            stop(progress.running.values())


def _start_ready(
    root: Path, progress: Progress, jobs: int, urgency: Mapping[str, float], overview: Overview
) -> None:
    """Fill the free slots with the stages that have the longest way to the end."""
    ready = [stage for stage in progress.plan if _ready(stage, progress)]
    for stage in sorted(ready, key=lambda stage: -urgency[stage.name]):
        if stage.name not in progress.changed and not progress.rewritten & set(stage.deps):
            progress.waiting.remove(stage.name)  # what it depends on ran and wrote the same
            overview.unchanged()
        elif len(progress.running) < jobs:
            progress.waiting.remove(stage.name)
            progress.running[stage.name] = start(stage, root, threads=1)


def _ready(stage: Stage, progress: Progress) -> bool:
    unfinished = progress.waiting | progress.running.keys()
    return stage.name in progress.waiting and not unfinished & set(stage.deps)


def _finish(root: Path, job: Job, progress: Progress, overview: Overview) -> None:
    name, seconds = job.stage.name, time.monotonic() - job.started
    if job.process.returncode == 0:
        progress.seconds[name] = seconds
        if recorded_outputs(root).get(name) != progress.before.get(name):
            progress.rewritten.add(name)
        overview.finished(job.stage, seconds, "(from the cache)" if was_cached(job.log) else "")
        return
    progress.failed[name] = failed_by_user(job.log)
    lost = descendants(progress.plan, {name}) & progress.waiting
    progress.waiting -= lost
    progress.skipped |= lost
    overview.failure(job.stage, seconds, last_lines(job.log, _LOG_LINES), job.log, len(lost))

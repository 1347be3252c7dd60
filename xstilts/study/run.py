"""Running a study: its stages side by side, each by DVC, until all are up to date."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console

from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.files import read_json, write_json
from xstilts.study.display import Overview, clock, wall_times
from xstilts.study.jobs import (
    Job,
    failed_by_user,
    last_lines,
    start,
    stop,
    warm_process,
    was_cached,
)
from xstilts.study.plan import Stage, critical_path, descendants
from xstilts.study.state import (
    SCRATCH,
    changes,
    environment,
    recorded_output,
    recorded_outputs,
    release_dead_locks,
    remove_left_over,
)

# Seconds that a stage of each phase takes, until it has once been measured here.
GUESSES = {"prepare": 5, "backbone": 5, "intermediate": 60, "finetune": 25, "evaluate": 12,
           "shortcuts": 8, "publish": 10}  # fmt: skip
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECONDS = SCRATCH / "seconds.json"
_TICK = 0.1
_LOG_LINES = 15


class Stopped(BaseException):
    """The runner was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class Progress:
    """Where a run stands; sets and keys are names of stages."""

    plan: list[Stage]
    environment: dict[str, str]
    expected: dict[str, float]  # seconds
    changed: set[str]  # by DVC's own word: they have to run
    waiting: set[str]  # changed, or depending on a stage that is
    before: dict[str, str]  # hash of every stage's output at the start
    running: dict[str, Job] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    rewritten: set[str] = field(default_factory=set)  # ran, with another result than before
    failed: dict[str, bool] = field(default_factory=dict)  # whether by the user's mistake


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
                f"another xstilts (process {owner}) is at work in {root}: wait until it ends, or "
                "use another clone."
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def run(root: Path, plan: list[Stage], jobs: int, console: Console) -> int:
    """Bring the stages of a plan, or of its end, up to date, `jobs` at a time; the exit code.

    0: all are; 1: a stage failed; 2: a stage failed by a mistake of the user's; 128 + n:
    ended by signal n. The caller holds the lock of `exclusive`.
    """
    release_dead_locks(root)
    remove_left_over(root, plan)
    changed = set(changes(root)) & {stage.name for stage in plan}
    todo = descendants(plan, changed)
    if not todo:
        stages = f"all {len(plan)} stages are" if len(plan) > 1 else f"{plan[0].name} is"
        console.print(f"Nothing to do: {stages} up to date.", highlight=False)
        return 0
    progress = Progress(
        plan=plan,
        environment=environment(threads=max(1, cores() // jobs)),
        expected=_expected(root, plan),
        changed=changed,
        waiting=todo,
        before=recorded_outputs(root),
    )
    console.print(
        f"{len(todo)} of {len(plan)} stages to run or check, {jobs} at a time.", highlight=False
    )
    started = time.monotonic()
    try:
        with (
            _signals_raised(),
            warm_process(root, progress.environment) as address,
            Overview(console, len(todo)) as overview,
        ):
            progress.environment |= address
            _work(root, progress, jobs, overview)
    except Stopped as stopped:
        name = signal.Signals(stopped.number).name
        console.print(f"Stopped by {name}. What is finished is kept; run again to go on.")
        return 128 + stopped.number
    finally:
        _remember(root, progress.seconds)
    console.print(wall_times(plan, progress.seconds))
    console.print(f"{clock(time.monotonic() - started)} in all", highlight=False)
    return _exit_code(progress)


def _work(root: Path, progress: Progress, jobs: int, overview: Overview) -> None:
    urgency = critical_path(progress.plan, progress.expected)
    try:
        while progress.waiting or progress.running:
            _start_ready(root, progress, jobs, urgency, overview)
            for name, job in list(progress.running.items()):
                if job.process.poll() is not None:
                    del progress.running[name]
                    _finish(root, job, progress, overview)
            overview.refresh(progress.running.values(), _left(progress) / jobs)
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
        elif _busy(progress, jobs) + min(stage.slots, jobs) <= jobs:
            progress.waiting.remove(stage.name)
            progress.running[stage.name] = start(stage, root, progress.environment)


def _ready(stage: Stage, progress: Progress) -> bool:
    unfinished = progress.waiting | progress.running.keys()
    return stage.name in progress.waiting and not unfinished & set(stage.deps)


def _busy(progress: Progress, jobs: int) -> int:
    return sum(min(job.stage.slots, jobs) for job in progress.running.values())


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _finish(root: Path, job: Job, progress: Progress, overview: Overview) -> None:
    name, seconds = job.stage.name, time.monotonic() - job.started
    if job.process.returncode == 0:
        cached = was_cached(job.log)
        if not cached:
            progress.seconds[name] = seconds
        if recorded_output(root, name) != progress.before.get(name):
            progress.rewritten.add(name)
        overview.finished(job.stage, seconds, "(from the cache)" if cached else "")
        return
    progress.failed[name] = failed_by_user(job.log)
    lost = descendants(progress.plan, {name}) & progress.waiting
    progress.waiting -= lost
    overview.failure(job.stage, seconds, last_lines(job.log, _LOG_LINES), job.log, len(lost))


def _exit_code(progress: Progress) -> int:
    if not progress.failed:
        return 0
    return USER_ERROR_EXIT_CODE if all(progress.failed.values()) else 1


def _expected(root: Path, plan: list[Stage]) -> dict[str, float]:
    """Seconds per stage: as it took last time here, else a guess by its phase."""
    path = root / _SECONDS
    measured = read_json(path) if path.exists() else {}
    return {stage.name: measured.get(stage.name, GUESSES[stage.phase]) for stage in plan}


def _remember(root: Path, seconds: dict[str, float]) -> None:
    path = root / _SECONDS
    write_json(path, (read_json(path) if path.exists() else {}) | seconds)


def _left(progress: Progress) -> float:
    now = time.monotonic()
    running = sum(
        max(0.0, progress.expected[name] - (now - job.started))
        for name, job in progress.running.items()
    )
    return running + sum(progress.expected[name] for name in progress.waiting)


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Let the signals that ask to stop unwind the stack as `Stopped`."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handlers(leave):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the stages running."""
    with _handlers(signal.SIG_IGN):
        yield


@contextmanager
def _handlers(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in STOPPING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)

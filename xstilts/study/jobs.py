"""Stages as processes: each one `dvc repro`, in a process group that ends with the runner."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from xstilts import warm
from xstilts.errors import USER_ERROR_EXIT_CODE
from xstilts.observe.logs import as_text
from xstilts.process import die_with_parent
from xstilts.study.plan import Stage
from xstilts.study.state import SCRATCH, dvc

GRACE = 5.0  # seconds that a stage gets to remove what it has half written
_NOISE = re.compile(
    r"^(Running stage|> |Updating lock file|ERROR: failed to reproduce .* exited with [12]$|"
    r"Use `dvc|To (track|enable)|\s*git add|\s*dvc config)"
)


@dataclass(frozen=True)
class Job:
    """A stage that is running."""

    stage: Stage
    process: "subprocess.Popen[bytes]"
    log: Path
    started: float  # monotonic seconds


def start(stage: Stage, root: Path, environment: Mapping[str, str]) -> Job:
    """Run one stage, its output going to a log file of its own."""
    log = root / SCRATCH / "logs" / f"{stage.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    runner = os.getpid()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            dvc("--wait-for-lock", "repro", "--single-item", stage.name),
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            process_group=0,  # a Ctrl-C at the terminal reaches the runner alone, which stops us
            preexec_fn=lambda: die_with_parent(runner),  # safe: the runner has no other threads
        )
    return Job(stage, process, log, time.monotonic())


@contextmanager
def warm_process(root: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Keep a process with the heavy libraries loaded; yields how stages find it."""
    if not warm.supported():
        yield {}
        return
    runner = os.getpid()
    log = root / SCRATCH / "logs" / "warm.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xstilts-") as folder, log.open("wb") as stream:
        address = str(Path(folder, "socket"))  # short: such paths may not exceed 100 bytes
        process = subprocess.Popen(
            [sys.executable, "-m", "xstilts.warm", address, *warm.LIBRARIES],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=lambda: die_with_parent(runner),
        )
        try:
            yield {warm.ADDRESS: address}
        finally:
            process.kill()
            process.wait()


def last_lines(log: Path, count: int) -> list[str]:
    """The end of a log as people read it, without DVC's own remarks; of a bar its last state."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 16_384))
        text = stream.read().decode("utf-8", errors="replace")
    lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [as_text(line) for line in lines if line and not is_noise(line)][-count:]


def is_noise(line: str) -> bool:
    """Whether a line of a log is a remark of DVC's that says nothing about the stage."""
    return _NOISE.match(line) is not None


def failed_by_user(log: Path) -> bool:
    """Whether the stage ended with the exit code that means a mistake of the user's."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return f"exited with {USER_ERROR_EXIT_CODE}" in text


def was_cached(log: Path) -> bool:
    """Whether DVC took the results from its cache instead of running the stage."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return "is cached - skipping run" in text or "didn't change, skipping" in text


def stop(jobs: Iterable[Job]) -> None:
    """End the jobs with all their processes: by an interrupt, then, after a grace, by force.

    DVC itself is not interrupted: it ends with its stage, and whatever it is writing then
    stays whole.
    """
    jobs = list(jobs)
    asked: set[int] = set()
    deadline = time.monotonic() + GRACE
    while any(job.process.poll() is None for job in jobs) and time.monotonic() < deadline:
        for pid in {pid for job in jobs for pid in _members(job)} - asked:
            asked.add(pid)
            _signal(pid, signal.SIGINT)
        time.sleep(0.05)
    for job in jobs:
        for pid in [*_descendants(job), *_members(job)]:
            _signal(pid, signal.SIGKILL)
        job.process.kill()
        job.process.wait()


def _members(job: Job) -> list[int]:
    """The processes of a job's group, without DVC: the stage and what it started."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getpgid(pid) == job.process.pid != pid:
                found.append(pid)
        except ProcessLookupError:
            continue
    return found


def _descendants(job: Job) -> list[int]:
    """Also those that left the group, such as the ranks of torchrun."""
    if job.process.poll() is not None:
        return []
    return [process.pid for process in psutil.Process(job.process.pid).children(recursive=True)]


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)

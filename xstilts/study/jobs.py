"""Stages as processes: each one `dvc repro`, in a process group that ends with the runner."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from xstilts import warm
from xstilts.errors import USER_ERROR_EXIT_CODE
from xstilts.process import die_with_parent
from xstilts.study.plan import Stage
from xstilts.study.state import SCRATCH, dvc

GRACE = 5.0  # seconds that a stage gets to remove what it has half written
_NOISE = re.compile(
    r"^(Running stage|> |ERROR: failed to reproduce .* exited with|Use `dvc|To track|\s*git add)"
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
    """The end of a log without DVC's own remarks; of a progress bar only its last state."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 16_384))
        text = stream.read().decode("utf-8", errors="replace")
    lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in lines if line and not _NOISE.match(line)][-count:]


def failed_by_user(log: Path) -> bool:
    """Whether the stage ended with the exit code that means a mistake of the user's."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return f"exited with {USER_ERROR_EXIT_CODE}" in text


def was_cached(log: Path) -> bool:
    """Whether DVC took the results from its cache instead of running the stage."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return "is cached - skipping run" in text or "didn't change, skipping" in text


def stop(jobs: Iterable[Job]) -> None:
    """End the jobs with all their processes: by an interrupt, then, after a grace, by force."""
    jobs = list(jobs)
    processes = [process for job in jobs for process in _family(job)]
    for job in jobs:
        _signal_group(job, signal.SIGINT)
    _, alive = psutil.wait_procs(processes, timeout=GRACE)
    for job in jobs:
        _signal_group(job, signal.SIGKILL)
    for process in alive:
        try:
            process.kill()  # one that left the group, such as a rank of torchrun
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=GRACE)
    for job in jobs:
        job.process.poll()


def _family(job: Job) -> list[psutil.Process]:
    try:
        own = psutil.Process(job.process.pid)
        return [own, *own.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal_group(job: Job, number: int) -> None:
    try:
        os.killpg(job.process.pid, number)
    except ProcessLookupError:
        return

"""Several processes for one training run, by torchrun; all of them end with this one.

Where several nodes train together, each launches its share of the processes. Which node this
is, and where the first one listens, says the environment in torchrun's own words: PET_NNODES,
PET_NODE_RANK, PET_MASTER_ADDR and PET_MASTER_PORT, as Kubeflow Trainer sets them.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from xstilts.errors import UserError
from xstilts.process import die_with_parent

SECONDS_TO_END = 10.0
SECONDS_TO_MEET = 1800  # that a node waits for the others: their images may have to be fetched


def nodes() -> int:
    """How many nodes train together; 1 where nothing is said."""
    return int(os.environ.get("PET_NNODES", "1"))


def launch(entry: dict[str, Any], folder: Path, processes: int) -> None:
    """Run `python -m xstilts.training` on `entry` in `processes` processes and wait.

    On several nodes each runs its share, and the first of the first node writes.

    Raises:
        UserError: what the processes found wrong with the user's input, or the nodes cannot
            share the processes evenly.
        RuntimeError: they ended otherwise than well.
    """
    if processes % nodes():
        raise UserError(
            f"{processes} processes cannot be shared evenly by {nodes()} nodes: set processes to "
            "a multiple of the nodes."
        )
    with tempfile.TemporaryDirectory(prefix="xstilts-launch-") as scratch:
        order, problems = Path(scratch, "entry.json"), Path(scratch, "problems.json")
        order.write_text(json.dumps(entry), encoding="utf-8")
        here = processes // nodes()
        code = _wait(_command(here, order, folder, problems), _environment(here))
        if problems.exists():
            raise UserError(json.loads(problems.read_text(encoding="utf-8")))
    if code:
        raise RuntimeError(f"training of {folder} in {processes} processes ended with code {code}")


def _command(processes: int, *arguments: Path) -> list[str]:
    # --standalone: torchrun itself picks a free port on this machine
    where = ["--standalone"] if nodes() == 1 else ["--rdzv-conf", f"timeout={SECONDS_TO_MEET}"]
    torchrun = ["-m", "torch.distributed.run", *where, "--nproc-per-node", str(processes)]
    return [sys.executable, *torchrun, "-m", "xstilts.training", *map(str, arguments)]


def _environment(processes: int) -> dict[str, str]:
    """One share of the cores per process; waiting threads sleep instead of spinning."""
    threads = max(1, (os.cpu_count() or 1) // processes)
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TORCHELASTIC_ERROR_FILE": os.devnull,
        **os.environ,
    }


def _wait(command: list[str], environment: dict[str, str]) -> int:
    child = subprocess.Popen(
        command,
        env=environment,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        with sigterm_unwinds():
            return child.wait()
    finally:
        _end(child)


@contextmanager
def sigterm_unwinds() -> Iterator[None]:
    """Let SIGTERM unwind the stack, as Ctrl-C does: children end, half-written folders go."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the child; torchrun hands SIGTERM on to its processes."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

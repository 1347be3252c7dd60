"""Processes: ending together, so that nothing writes on when the one who asked is gone; ending
at once; age."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
# Looked up once, at import: between fork and exec nothing may be imported any more.
_LIBC: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent ends, however that ends.

    `parent` is the parent's process id where it is known: a parent that ended before this
    call cannot be seen to end any more, so a different parent means to end at once. Linux
    only; elsewhere an interrupted run is ended by its process group alone.
    """
    if _LIBC is None:
        return
    if _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def leave(code: int) -> NoReturn:
    """End this process now, with its output written, but without an interpreter's tidying up.

    Python ends a thread that asks for the GIL while the interpreter finalises. Gloo's threads
    do when they give back a tensor late: they die inside a C++ destructor, and that aborts a
    process whose work is done and written ("terminate called without an active exception").
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def age() -> float:
    """Seconds since this process started, to a hundredth; Linux only.

    psutil's `create_time` may be off by a second: it adds the ticks to a rounded boot time.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # field 22 of proc(5): after boot
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started

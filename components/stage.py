"""What every component does around its phase: arguments, lock, clear errors, a clean end."""

import argparse
import errno
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.observe.logs import LOG, configure
from xstilts.observe.subject import about
from xstilts.process import die_with_parent
from xstilts.study.params import read_params
from xstilts.study.plan import output
from xstilts.warm import run_elsewhere

LOCKS = Path(".dvc/tmp/xstilts/locks")
_WAIT = 15.0  # seconds that a dying predecessor gets
Work = Callable[[dict[str, Any], Path], object]


def run_stage(phase: str, work: Work) -> None:
    """Do the work of the stage that the command line names, and exit.

    `work` gets the stage's entry of `params.yaml` and the folder it has to write. Exit
    codes: 0, 2 for what the user has to mend (each problem on a line of its own), 1 for
    everything else, 130 or 143 when interrupted.
    """
    if "DVC_STAGE" in os.environ:
        die_with_parent()  # a DVC that was killed must not leave a writer behind
    started = sys.modules["__main__"].__spec__  # None for a script
    if started and (code := run_elsewhere(started.name, sys.argv[1:])) is not None:
        sys.exit(code)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also when started in the background
    try:
        configure()
        params = read_params(Path("params.yaml"))
        key = _key(phase, list(params.get(phase, {})))
        entry = params if phase == "publish" else params[phase][key]
        folder = output(phase, key, params)
        with about(params["study"]["name"], "@".join(filter(None, (phase, key)))), _alone(folder):
            work(entry, folder)
    except UserError as error:
        sys.exit(_report(error.problems))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(_report([_no_space(error)]))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _leave(number: int, _frame: FrameType | None) -> None:
    """Unwind the stack, so that what is half written is removed."""
    sys.exit(128 + number)


def _key(phase: str, keys: list[str]) -> str:
    parser = argparse.ArgumentParser(
        prog=f"python -m components.{phase}",
        description=f"Run one stage of the phase {phase} as params.yaml says.",
    )
    if phase != "publish":
        parser.add_argument("key", help="the stage, by its name in params.yaml")
    key: str = getattr(parser.parse_args(), "key", "")
    if key and key not in keys:
        raise UserError(
            f"params.yaml has no {phase} stage {key!r}; it has {', '.join(keys) or 'none'}."
        )
    return key


def _report(problems: list[str]) -> int:
    for problem in problems:
        LOG.error("%s", problem)
    return USER_ERROR_EXIT_CODE


def _no_space(error: OSError) -> str:
    free = shutil.disk_usage(".").free / 2**30
    return (
        f"no space left on the disk ({error}); {free:.1f} GiB are free here: free some, or "
        "remove what no study uses any more from DVC's cache with `dvc gc --workspace`."
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of an output, so that no second process writes it at the same time.

    What a killed predecessor left half written beside the output is removed.
    """
    path = LOCKS / f"{'-'.join(folder.parts)}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        deadline = time.monotonic() + _WAIT
        while not _locked(stream.fileno()):
            if time.monotonic() > deadline:
                stream.seek(0)
                raise UserError(
                    f"process {stream.read().strip()} is writing {folder}: wait until it ends, "
                    "or end it."
                )
            time.sleep(0.1)
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        for left_over in folder.parent.glob(f".{folder.name}.*"):
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

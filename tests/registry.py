"""A container registry on a free loopback port, which ends with the block or with us."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from xstilts.errors import UserError
from xstilts.process import die_with_parent

START_LIMIT = 30  # seconds; less than one is usual
_LISTENS = re.compile(r"listening on (127\.0\.0\.1:\d+)")
# Port 0: the system picks a free one, and the registry's log says which
_CONFIGURATION = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:0"}}
"""


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run Debian's docker-registry with its images in `folder`; yields `127.0.0.1:PORT`.

    An engine needs no configuration for a registry on loopback. Raises `UserError` when the
    program is not installed or does not start.
    """
    program = shutil.which("docker-registry")
    if program is None:
        raise UserError("docker-registry not found: apt install docker-registry")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "config.yml"
    configuration.write_text(_CONFIGURATION.format(folder=folder / "images"), encoding="utf-8")
    process = subprocess.Popen(
        [program, "serve", str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        yield _address(process)
    finally:
        process.kill()
        process.wait()


def _address(process: "subprocess.Popen[str]") -> str:
    lines: SimpleQueue[str] = SimpleQueue()
    assert process.stderr is not None
    threading.Thread(target=_read, args=(process.stderr, lines), daemon=True).start()
    log = ""
    try:
        while line := lines.get(timeout=START_LIMIT):
            log += line
            if found := _LISTENS.search(line):
                return found[1]
    except Empty:
        raise UserError(f"no registry after {START_LIMIT} s:\n{log}") from None
    raise UserError(f"the registry ended:\n{log}")


def _read(stream: IO[str], lines: "SimpleQueue[str]") -> None:
    """Pass the log on until it ends, which an empty line says: a full pipe would stop it."""
    for line in stream:
        lines.put(line)
    lines.put("")

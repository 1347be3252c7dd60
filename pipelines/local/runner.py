"""KFP's local runner, without what it does wrong: lost exit codes, and containers left behind."""

import builtins
import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.local.containers import Containers

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_COLOUR = re.compile(r"\033\[\d+m")


def execute(
    spec: "PipelineSpec",
    arguments: dict[str, Any],
    run: str,
    containers: Containers,
    keywords: dict[str, Any],
) -> str:
    """Run a compiled pipeline as job `run`; returns what KFP says of a failure, '' for a success.

    `keywords` are what all containers get. KFP's own messages go to `kfp.log` in the run's
    folder: in loops its prefixes grow and its lines mix. Call this once per process: it
    replaces functions of KFP's, and KFP's settings are global.
    """
    from kfp import local
    from kfp.local import docker_task_handler, io, pipeline_orchestrator, placeholder_utils

    from pipelines.local.loops import LoopStore, mend

    folder = containers.folder
    docker_task_handler.run_docker_container = containers.run
    io.IOStore = LoopStore
    placeholder_utils.make_random_id = lambda: run  # KFP's eight digits repeat some day
    local.init(
        local.DockerRunner(**keywords),
        pipeline_root=str(folder / "root"),
        workspace_root=str(folder / "workspace"),  # KFP removes it, whosever it is
    )
    with _own_output(folder / "kfp.log"):
        try:
            pipeline_orchestrator.run_local_pipeline(mend(spec), arguments)
        except RuntimeError as error:  # how KFP reports that a task failed
            return _COLOUR.sub("", str(error))
    return ""


@contextmanager
def _own_output(path: Path) -> Iterator[None]:
    """Send what KFP prints and logs to a file; undo what it does to `print` and to logging.

    Its loops run in threads that each save and restore these two, in any order.
    """
    root = logging.getLogger()
    printing, level, handlers = builtins.print, root.level, root.handlers[:]
    try:
        with path.open("w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            yield
    finally:
        builtins.print, root.handlers[:] = printing, handlers
        root.setLevel(level)


def end_on_signal(
    containers: Containers, clear: Callable[[], None], show: Callable[[str], None]
) -> None:
    """From now on SIGINT, SIGTERM and SIGHUP remove all containers, clear up and end the process.

    A thread waits for them: a handler would wait itself for whatever the main thread is at,
    and KFP's threads would go on starting containers.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # threads that start later inherit it

    def wait() -> None:
        number = signal.sigwait(_SIGNALS)
        try:
            removed = len(containers.stop())
            clear()
            name = signal.Signals(number).name
            show(f"{name}: {removed} containers removed. What is finished is kept.")
        finally:
            os._exit(128 + number)

    threading.Thread(target=wait, daemon=True).start()

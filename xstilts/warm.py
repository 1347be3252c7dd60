"""A process that has loaded the heavy libraries once, and forks to run Python modules.

Loading torch and transformers takes longer than many stages of a miniature study. The
runner starts `python -m xstilts.warm SOCKET`; `python -m MODULE` then asks it, through
`run_elsewhere`, for a copy of itself in which the libraries are already there. The copy has
the caller's arguments, environment, folder, output and process group, and ends with it.

Only libraries are loaded beforehand, never this project's code, which may change while the
process waits. Linux only, and not where there is a GPU, whose driver does not survive a
fork; elsewhere callers run by themselves.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts.models.startup import collector_paused
from xstilts.process import die_with_parent

ADDRESS = "XSTILTS_WARM"  # environment variable: path of the socket
LIBRARIES = (
    "numpy",
    "torch",
    "deepspeed",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.xlm_roberta.modeling_xlm_roberta",
)
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/accel")
_LONGEST = 1 << 20  # bytes of a request: mostly the environment


def supported() -> bool:
    """Whether this machine can fork loaded processes safely."""
    return hasattr(os, "pidfd_open") and not any(Path(path).exists() for path in _GPUS)


def run_elsewhere(module: str, arguments: Sequence[str]) -> int | None:
    """Have the warm process run `python -m module arguments...`; returns its exit code.

    None when there is no such process: then the caller has to run by itself.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        return None
    request = {
        "module": module,
        "arguments": list(arguments),
        "environment": {name: text for name, text in os.environ.items() if name != ADDRESS},
        "folder": str(Path.cwd()),
        "group": os.getpgrp(),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(address)
            socket.send_fds(connection, [json.dumps(request).encode()], [1, 2])
        except (FileNotFoundError, ConnectionError):
            return None
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the copy gets it too, and cleans up
        answer = connection.recv(64)
    if not answer:
        raise RuntimeError(f"the warm process at {address} ended while it ran {module}")
    return int(answer)


def serve(address: str, libraries: Sequence[str]) -> None:
    """Load `libraries`, then answer requests at `address` until the parent process ends."""
    die_with_parent()
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    with collector_paused():
        for library in libraries:
            importlib.import_module(library)
    if _threads() > 1:  # a fork would copy their locks and not the threads
        print("the libraries have started threads; every process will load them itself")
        return
    gc.freeze()  # the copies share these pages: no collection may write to them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when to stop
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        selectors.DefaultSelector() as selector,
    ):
        listener.bind(address)
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        while True:
            key, _ = selector.select()[0]  # one at a time: an answer can end other keys
            _answer(listener, selector, key)


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _answer(
    listener: socket.socket, selector: selectors.BaseSelector, key: selectors.SelectorKey
) -> None:
    if key.fileobj is listener:
        connection, _ = listener.accept()
        selector.register(connection, selectors.EVENT_READ)
    elif key.data is None:  # a connection whose request comes now
        _start(selector, key.fileobj)
    else:
        _end(selector, *key.data)


def _start(selector: selectors.BaseSelector, connection: Any) -> None:
    text, descriptors, _, _ = socket.recv_fds(connection, _LONGEST, 2)
    if not text:  # the caller ended before it had asked
        selector.unregister(connection)
        connection.close()
        return
    child = os.fork()
    if child == 0:
        for key in list(selector.get_map().values()):
            os.close(key.fd)
        _become(json.loads(text), descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    watched = os.pidfd_open(child)
    selector.modify(connection, selectors.EVENT_READ, (connection, watched, child))
    selector.register(watched, selectors.EVENT_READ, (connection, watched, child))


def _end(selector: selectors.BaseSelector, connection: Any, watched: int, child: int) -> None:
    """The child has ended, or its caller has, and then the child must."""
    signal.pidfd_send_signal(watched, signal.SIGKILL)  # to an ended process: nothing
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    for item in (connection, watched):
        selector.unregister(item)
    with contextlib.suppress(ConnectionError):  # the caller may be gone
        connection.send(str(code if code >= 0 else 128 - code).encode())
    connection.close()
    os.close(watched)


def _become(request: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Turn the forked process into the one that was asked for; does not return."""
    code = 1
    try:
        os.setpgid(0, request["group"])
        die_with_parent()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, descriptor in enumerate(descriptors, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = [request["module"], *request["arguments"]]
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])

"""The containers of one pipeline run on this machine: how they are started, and how they ended.

KFP's own `run_docker_container` has the engine remove a container as soon as it ends, and
takes one that is gone for one that succeeded: under load a failed step counts as a good one.
`Containers.run` stands in for it.
"""

import ipaddress
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.local.engine import LABEL, USER, Client, connect, remove_container, remove_containers

_STAGE = "xstilts-stage"
_ENGINE_FAILED = 125  # what `docker run` itself says then


@dataclass(frozen=True)
class Ended:
    """A container that ended: its exit code, its wall time in seconds, and what it printed.

    `note` says what the exit code does not; empty when there is nothing to say. Attempts at
    the same task have the same command.
    """

    command: tuple[str, ...]
    title: str
    code: int
    seconds: float
    log: Path
    note: str = ""

    @property
    def stages(self) -> list[str]:
        """The stages that its command names."""
        return stages_of(self.command)


def settings(
    folder: Path, *, environment: dict[str, str], loopback: bool, memory: int
) -> dict[str, Any]:
    """What every container gets, as keywords of the Docker SDK's `containers.create`.

    `memory` is the limit of one container in bytes. The scratch folder is an anonymous volume,
    as large as the disk and gone with its container: in a tmpfs it would count as memory.
    `loopback` lets containers reach servers on this machine's loopback addresses.
    """
    from docker.types import Mount

    return {
        "user": USER,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": {"/tmp": "rw,nosuid,nodev,size=1g,mode=1777"},
        "mounts": [Mount(target="/scratch", source=None, type="volume")],
        "shm_size": "1g",
        "mem_limit": memory,
        "network_mode": "host" if loopback else "bridge",
        "environment": environment,
        "labels": {LABEL: str(folder)},
    }


def is_loopback(endpoint: str | None) -> bool:
    """Whether the server at this URL is reached over this machine's loopback interface."""
    host = urlsplit(endpoint or "").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Containers:
    """Runs the containers of one pipeline run, notes how each ended, and removes them all.

    `images` has the image id behind every reference: a tag that moves during the run is not
    followed. `show` gets every line to print.
    """

    def __init__(self, folder: Path, images: dict[str, str], show: Callable[[str], None]) -> None:
        self.ended: list[Ended] = []
        self.folder = folder
        self._images = images
        self._show = show
        self._starting = threading.Lock()
        self._started = 0
        self._stopped = False

    def run(
        self,
        client: Client,
        image: str,
        command: list[str],
        volumes: dict[str, Any],
        **keywords: Any,
    ) -> int:
        """Run one container until it ends; returns its exit code, 125 if the engine failed."""
        from docker.errors import DockerException
        from requests import RequestException  # what the SDK raises when the engine goes away

        began = time.monotonic()
        name, log = title(command), self._log(command)
        keywords |= {"image": self._images[image], "command": command, "volumes": volumes}
        try:
            code, note = self._run(client, name, log, keywords)
        except (DockerException, RequestException) as error:
            code, note = _ENGINE_FAILED, f"the Docker engine failed: {error}"
        seconds = time.monotonic() - began
        self.ended.append(Ended(tuple(command), name, code, seconds, log, note))
        if not self._stopped:
            how = "succeeded" if code == 0 else f"failed with exit code {code}"
            self._show(f"{name} {how} after {seconds:.1f} s")
        return code

    def stop(self) -> list[str]:
        """Remove the containers that run, and never start one again; returns their names."""
        self._stopped = True
        self._starting.acquire()  # for good: whoever starts one waits for ever
        return remove_containers(connect(), self.folder)

    def _log(self, command: list[str]) -> Path:
        with self._starting:
            self._started += 1
            number = self._started
        name = re.sub(r"[^A-Za-z0-9@_-]+", "-", title(command))
        return self.folder / "logs" / f"{number:03}-{name}.log"

    def _run(self, client: Client, name: str, log: Path, keywords: Any) -> tuple[int, str]:
        """The exit code, and what it does not say."""
        with self._starting:
            container = client.containers.create(**keywords)
            try:
                container.start()
            except BaseException:
                remove_container(container)
                raise
        try:
            self._show(f"{name} started")
            with log.open("w", encoding="utf-8") as stream:
                for line in lines(container.logs(stream=True, follow=True)):
                    stream.write(f"{line}\n")
                    self._show(f"{name} | {line}")
            code = int(container.wait()["StatusCode"])
            container.reload()
            killed = code != 0 and container.attrs["State"]["OOMKilled"]
        finally:
            remove_container(container)
        limit = keywords["mem_limit"] / 2**30
        return code, f"It needed more than its {limit:.1f} GiB of memory." if killed else ""


def title(command: Sequence[str]) -> str:
    """What people call a container's work: its stages, its phase, or else its program."""
    if Path(command[0]).name == _STAGE:
        first, *more = stages_of(command) or [f"{_component(command)} without a stage"]
        return f"{first} and {len(more)} more" if more else first
    if "-m" in command:
        return command[command.index("-m") + 1].rpartition(".")[2]
    return Path(command[0]).name


def stages_of(command: Sequence[str]) -> list[str]:
    """The stages that a command brings up to date."""
    return command[1].split() if Path(command[0]).name == _STAGE else []


def _component(command: Sequence[str]) -> str:
    """The component's name: the executor input, which KFP gives, has files in its folder."""
    inputs = [json.loads(word) for word in command if word.startswith("{")]
    return next((Path(found["outputs"]["outputFile"]).parent.name for found in inputs), "")


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines in a stream of bytes that is cut anywhere, also within a letter."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")

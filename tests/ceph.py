"""One Ceph monitor, one disk and one S3 gateway, which run from a folder and end with us."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.process import die_with_parent

PROGRAMS = (
    "ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin",
)  # fmt: skip
PACKAGES = "ceph-mon ceph-osd radosgw ceph-common"
STATE = "server.json"  # written last: a folder with it holds a whole server
PARTS = ("mon", "osd", "rgw", "log")
START_LIMIT = 120  # seconds; 8 are usual
STOP_LIMIT = 30  # seconds
GATEWAY = "client.rgw.a"

# Paths are relative: every daemon runs in the folder. The file that holds the objects grows as
# needed. Without the two settings of paxos the monitor waits a second before each of its changes.
CONFIGURATION = """
[global]
fsid = {cluster}
keyring = keyring
mon_initial_members = a
mon_host = [v2:{address}:3300]
ms_bind_msgr1 = false
public_addr = {address}
cluster_addr = {address}
run_dir = .
admin_socket =
log_file = log/$name.log
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
[mon.a]
mon_data = mon
[osd.0]
osd_data = osd
osd_objectstore = bluestore
bluestore_block_size = {bytes}
osd_memory_target = 939524096
[{gateway}]
rgw_data = rgw
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_thread_pool_size = 64
rgw_max_listing_results = {page}
"""


@contextmanager
def gateway(folder: Path, *, page: int = 1000, gigabytes: int = 100) -> Iterator[dict[str, Any]]:
    """Run a server until the block ends; its objects and keys stay in `folder` for the next time.

    A listing holds `page` keys at most, and all objects together `gigabytes`. Call it from the
    main thread: the daemons are killed when the thread that started them ends. Raises a
    `UserError` when Ceph is not installed, the folder is in use, or a daemon does not start.
    """
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise UserError(f"{', '.join(missing)} not found: apt install {PACKAGES}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder), _daemons() as daemons:
        state = _state(folder)
        new = state is None
        if state is None:
            state = _new_state(folder)
        if _answers(state["port"]):
            raise UserError(f"Port {state['port']} of {folder} is taken: end what listens there.")
        _configure(folder, state, page=page, bytes=gigabytes * 2**30)
        if new:
            _make_monitor(folder, state)
        _start(folder, daemons, "mon.a", "ceph-mon", "--id", "a")
        if new:
            _make_disk(folder)
        _start(folder, daemons, "osd.0", "ceph-osd", "--id", "0")
        if new:
            state |= _make_key(folder)
            (folder / STATE).touch(mode=0o600)
            (folder / STATE).write_text(json.dumps(state), encoding="utf-8")
        _start(folder, daemons, GATEWAY, "radosgw", "--name", GATEWAY)
        _wait_for_port(folder, daemons, state["port"])
        yield state


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"An S3 server is running in {folder}: stop it first.") from None
        yield


def _state(folder: Path) -> dict[str, Any] | None:
    """Addresses and keys of the server that the folder holds; None if it holds none."""
    path = folder / STATE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _new_state(folder: Path) -> dict[str, Any]:
    """An empty folder's addresses; what a start that was cut off has left is removed."""
    ours = {*PARTS, ".lock", "ceph.conf", "keyring", "monmap"}
    if foreign := sorted(path.name for path in folder.iterdir() if path.name not in ours):
        raise UserError(f"{folder} holds other files ({foreign[0]}): give an empty folder.")
    for name in PARTS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    (folder / "keyring").unlink(missing_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The other daemons' ports are fixed, so they get a loopback address that no one else has
    address = (
        f"127.{1 + secrets.randbelow(254)}.{secrets.randbelow(256)}.{2 + secrets.randbelow(253)}"
    )
    return {"port": port, "address": address, "cluster": str(uuid.uuid4())}


def _configure(folder: Path, state: dict[str, Any], **limits: int) -> None:
    text = CONFIGURATION.format(gateway=GATEWAY, **state, **limits)
    (folder / "ceph.conf").write_text(text, encoding="utf-8")
    for log in (folder / "log").iterdir():
        log.unlink()


def _make_monitor(folder: Path, state: dict[str, Any]) -> None:
    everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
    disk = ("--cap", "mon", "allow profile osd", "--cap", "osd", "allow *")
    for name, permissions in (
        ("mon.", ("--cap", "mon", "allow *")),
        ("client.admin", everything),
        (GATEWAY, everything),
        ("osd.0", disk),
    ):
        create = () if (folder / "keyring").exists() else ("--create-keyring",)
        _run(folder, "ceph-authtool", "keyring", *create, "--gen-key", "--name", name, *permissions)
    place = f"[v2:{state['address']}:3300]"
    _run(folder, "monmaptool", "--create", "--clobber", "--addv", "a", place,
         "--fsid", state["cluster"], "monmap")  # fmt: skip
    _run(folder, "ceph-mon", "--conf", "ceph.conf", "--mkfs", "--id", "a",
         "--monmap", "monmap", "--keyring", "keyring")  # fmt: skip


def _make_disk(folder: Path) -> None:
    name = str(uuid.uuid4())
    _run(folder, "ceph", "--conf", "ceph.conf", "osd", "new", name)
    _run(folder, "ceph-osd", "--conf", "ceph.conf", "--id", "0", "--mkfs", "--osd-uuid", name)


def _make_key(folder: Path) -> dict[str, str]:
    """A user with a key that Ceph makes up, so that it is on no command line."""
    answer = _run(folder, "radosgw-admin", "--conf", "ceph.conf", "--name", GATEWAY,
                  "user", "create", "--uid", "xstilts", "--display-name", "xstilts")  # fmt: skip
    key = json.loads(answer)["keys"][0]
    return {"access": key["access_key"], "secret": key["secret_key"]}


def _run(folder: Path, *command: str) -> str:
    """Run one of Ceph's tools in the folder; its output. Raises a `UserError` if it fails."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=START_LIMIT,
            preexec_fn=partial(die_with_parent, os.getpid()), check=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UserError(_failed(folder, f"{command[0]} did not end")) from None
    except subprocess.CalledProcessError as error:
        raise UserError(_failed(folder, f"{command[0]} failed", error.stderr)) from None
    return done.stdout


def _start(
    folder: Path, daemons: dict[str, subprocess.Popen[bytes]], name: str, *command: str
) -> None:
    # A session of its own keeps Ctrl-C for us, who stop the daemons in order
    with (folder / "log" / f"{name}.out").open("wb") as output:
        daemons[name] = subprocess.Popen(
            [*command, "--conf", "ceph.conf", "--foreground"], cwd=folder, stdout=output,
            stderr=output, start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )  # fmt: skip


def _wait_for_port(folder: Path, daemons: dict[str, subprocess.Popen[bytes]], port: int) -> None:
    limit = time.monotonic() + START_LIMIT
    while time.monotonic() < limit:
        for name, daemon in daemons.items():
            if daemon.poll() is not None:
                output = (folder / "log" / f"{name}.out").read_text(errors="replace")
                raise UserError(_failed(folder, f"Ceph's {name} ended", output))
        if _answers(port):
            return
        time.sleep(0.05)
    raise UserError(_failed(folder, f"no S3 server after {START_LIMIT} s"))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _failed(folder: Path, what: str, output: str = "") -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{what} (logs in {folder / 'log'}) {' / '.join(lines[-3:])}".strip()


@contextmanager
def _daemons() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The running daemons by name; at the end they are stopped, the last one first."""
    daemons: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield daemons
    finally:
        for daemon in reversed(daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

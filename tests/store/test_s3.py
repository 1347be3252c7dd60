"""The local S3 server itself: only on loopback, alone in its folder, and gone when we are."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from s3 import Server, server
from small_project import ROOT, wait_until

from xstilts.errors import UserError


def processes(folder: Path) -> list[psutil.Process]:
    """Those that run in the folder, as every daemon of its server does."""
    return [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(folder)]


def started(folder: Path) -> tuple[subprocess.Popen[str], Server]:
    """The command that people run, when it has printed what to type."""
    command = [sys.executable, str(ROOT / "tests" / "s3.py"), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"))
    while line := process.stdout.readline():
        name, _, value = line.strip().removeprefix("export ").partition("=")
        if name in lines:
            lines[name] = value
        if line.startswith("Ctrl-C"):
            access, secret, endpoint = lines.values()
            return process, Server(endpoint, access, secret)
    raise AssertionError(f"no server: exit code {process.wait()}")


def test_it_keeps_objects_and_leaves_no_process_however_it_ends(tmp_path):
    folder = tmp_path / "a folder"
    seen = set()
    for number, end in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGINT)):
        process, found = started(folder)
        seen.add(found)
        assert len(processes(folder)) == 3
        found.client().put_object(Bucket="xstilts", Key=str(number), Body=b"kept")
        process.send_signal(end)
        assert process.wait(120) == (-end if end == signal.SIGKILL else 0)
        wait_until(lambda: not processes(folder))
    assert len(seen) == 1, "address and key change from start to start"
    with server(folder) as again:
        listing = again.client().list_objects_v2(Bucket="xstilts")
        assert [entry["Key"] for entry in listing["Contents"]] == ["0", "1", "2"]


def test_it_listens_on_loopback_only(s3, s3_folder):
    addresses = [
        connection.laddr
        for process in processes(s3_folder)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert s3.endpoint.rpartition(":")[2] in {str(address.port) for address in addresses}
    assert len(addresses) > 3  # the gateway, the monitor and the disk
    assert all(address.ip.startswith("127.") for address in addresses), addresses


def test_its_keys_are_for_its_owner_only(s3, s3_folder):
    assert s3.secret in (s3_folder / "server.json").read_text()
    for name in ("server.json", "keyring"):
        assert stat.S_IMODE((s3_folder / name).stat().st_mode) == 0o600


@pytest.mark.usefixtures("s3")
def test_two_do_not_share_a_folder(s3_folder):
    with (
        pytest.raises(UserError, match=r"An S3 server is running in .*: stop it first"),
        server(s3_folder),
    ):
        pass


def test_a_folder_with_other_files_stays_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "log").mkdir()
    with pytest.raises(UserError, match=r"holds other files \(thesis.tex\)"), server(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "log", "thesis.tex"]


def test_without_ceph_the_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(UserError) as raised, server(tmp_path):
        pass
    assert raised.value.problems[0].endswith(
        "not found: apt install ceph-mon ceph-osd radosgw ceph-common"
    )

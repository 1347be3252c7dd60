"""The hub itself, played by a small server on this machine: the same path as a mirror's."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import mirrors
import pytest

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.files import read_json

MAIN, PINNED = "a" * 40, "b" * 40
PREPARE = """
import json, sys, time
from pathlib import Path
time.sleep = lambda _: None  # waits between retries
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
try:
    prepare(json.loads(sys.argv[1]), Path(sys.argv[2]))
except UserError as error:
    sys.exit("\\n".join(error.problems))
"""


class Hub(BaseHTTPRequestHandler):
    """Serves the folder `root` as data sets; `cut` closes connections amid Parquet files."""

    protocol_version = "HTTP/1.1"
    root: Path
    cut: bool

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlparse(self.path).path)
        if path.startswith("/api/datasets/"):
            owner, name, *rest = path.removeprefix("/api/datasets/").split("/")
            self._api(f"{owner}/{name}", rest)
        elif "/resolve/" in path:
            repository, _, place = path.removeprefix("/datasets/").partition("/resolve/")
            self._file(self.root / repository, *place.split("/", 1))
        else:
            self._answer(404, b"{}")

    def _api(self, repository: str, rest: list[str]) -> None:
        folder = self.root / repository
        if not folder.is_dir():
            self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif rest and rest[0] == "tree":
            self._answer(200, json.dumps(self._listed(folder, "/".join(rest[2:]))).encode())
        else:
            self._answer(200, json.dumps({"id": repository, "sha": rest[1]}).encode())

    def _listed(self, folder: Path, under: str) -> list[dict[str, Any]]:
        return [
            {
                "type": "directory" if path.is_dir() else "file",
                "path": path.relative_to(folder).as_posix(),
                "oid": "1" * 40,
                "size": path.stat().st_size,
            }
            for path in (folder / under).iterdir()
        ]

    def _file(self, folder: Path, revision: str, name: str) -> None:
        file = folder / name
        if not file.is_file():
            self._answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        body = file.read_bytes()
        commit = revision if len(revision) == 40 else MAIN
        headers = {"ETag": f'"{name}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        asked = self.headers.get("Range")
        if asked:
            first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            body = body[first : last + 1]
        self._answer(206 if asked else 200, body, headers)

    def _answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.cut and ".parquet" in self.path:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path) -> Iterator[type[Hub]]:
    """A served hub that holds SNLI; `hub.address` is its endpoint."""
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    handler = type("Handler", (Hub,), {"root": tmp_path / "hub", "cut": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    handler.address = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def prepared(served: type[Hub], folder: Path, **overrides: Any) -> subprocess.CompletedProcess[str]:
    """`prepare` from the served hub, in a process that knows its address from the start."""
    entry = mirrors.entry(served.root, "snli", {"train": ["en"]}, **overrides)
    entry["tasks"][0]["source"] = {"kind": "hub"}
    env = os.environ | {
        "HF_ENDPOINT": served.address,
        "HF_HOME": str(folder.parent.parent / "home"),
    }
    env |= {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-c", PREPARE, json.dumps(entry), str(folder)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def _about(folder: Path) -> dict[str, Any]:
    return read_json(folder / "provenance.json")["files"]["snli/train/en.arrow"]


def test_unpinned_load_says_so_and_names_the_commit(hub, tmp_path):
    done = prepared(hub, tmp_path / "out" / "data")
    assert done.returncode == 0, done.stderr
    rows = canonical.rows(data_path(tmp_path / "out" / "data", "snli", "train", "en"))
    assert [row["text_a"] for row in rows] == mirrors.SNLI["premise"]
    about = _about(tmp_path / "out" / "data")
    assert about["revision"] == MAIN
    assert about["notes"] == ["unpinned: the hub's main branch at the time of loading"]


def test_pinned_load_asks_for_its_commit(hub, tmp_path):
    done = prepared(hub, tmp_path / "out" / "data", revision=PINNED)
    assert done.returncode == 0, done.stderr
    about = _about(tmp_path / "out" / "data")
    assert (about["revision"], about["notes"]) == (PINNED, [])


def test_interrupted_download(hub, tmp_path):
    hub.cut = True
    done = prepared(hub, tmp_path / "out" / "data")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("stanfordnlp/snli on the hub (hf://datasets/stanfordnlp/snli@aaaa")
    assert "plain_text/train.parquet) could not be read (ConnectionError" in said
    assert "start again, or use a mirror" in said
    assert not list((tmp_path / "out").iterdir())


def test_unknown_data_set(hub, tmp_path):
    done = prepared(hub, tmp_path / "out" / "data", hub="stanfordnlp/snil")
    assert done.returncode == 1
    assert "stanfordnlp/snil on the hub could not be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_hub_out_of_reach(tmp_path):
    gone = type("Gone", (Hub,), {"root": tmp_path, "address": "http://127.0.0.1:9", "cut": False})
    done = prepared(gone, tmp_path / "out" / "data")
    assert done.returncode == 1
    assert "stanfordnlp/snli on the hub could not be read" in done.stderr
    assert "check the name, the revision and the network" in done.stderr

"""The Hugging Face hub, played by a small server on this machine."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

MAIN, PINNED = "a" * 40, "b" * 40


class Hub(BaseHTTPRequestHandler):
    """Serves the folder `root` as data sets; `cut` closes connections amid Parquet files.

    `commits` are the branches and tags that every data set has.
    """

    protocol_version = "HTTP/1.1"
    root: Path
    cut: bool
    commits: dict[str, str]
    address: str

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urlparse(self.path).path  # quoted: a branch may hold slashes
        if path.startswith("/api/datasets/"):
            owner, name, *rest = map(unquote, path.removeprefix("/api/datasets/").split("/"))
            self._api(f"{owner}/{name}", rest)
        elif "/resolve/" in path:
            repository, _, place = path.removeprefix("/datasets/").partition("/resolve/")
            self._file(self.root / repository, *map(unquote, place.split("/", 1)))
        else:
            self._answer(404, b"{}")

    def _api(self, repository: str, rest: list[str]) -> None:
        folder = self.root / repository
        if not folder.is_dir():
            self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif rest and rest[0] == "tree":
            self._tree(folder, folder / "/".join(rest[2:]))
        else:
            self._about(repository, rest[1] if rest else "main")

    def _about(self, repository: str, revision: str) -> None:
        if revision not in self.commits and len(revision) != 40:
            self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            sha = self.commits.get(revision, revision)
            self._answer(200, json.dumps({"id": repository, "sha": sha}).encode())

    def _tree(self, folder: Path, under: Path) -> None:
        if not under.is_dir():
            self._answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        everything = "recursive=true" in urlparse(self.path).query.lower()
        listed = [
            {
                "type": "directory" if path.is_dir() else "file",
                "path": path.relative_to(folder).as_posix(),
                "oid": "1" * 40,
                "size": path.stat().st_size,
            }
            for path in (under.rglob("*") if everything else under.iterdir())
        ]
        self._answer(200, json.dumps(listed).encode())

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


@contextmanager
def served(root: Path) -> Iterator[type[Hub]]:
    """The folder `root` as a hub; its `address` is the endpoint."""
    values = {"root": root, "cut": False, "commits": {"main": MAIN, "v1": PINNED}}
    handler: type[Hub] = type("Handler", (Hub,), values)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    handler.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def environment(address: str, home: Path) -> dict[str, str]:
    """Of a process that takes `address` for the hub and keeps what it fetches in `home`."""
    env = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(home)}
    return env | {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}

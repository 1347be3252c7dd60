"""Kubernetes' API as `xstilts doctor --cluster` asks it: what objects there are, as far as it says.

Like the real one it leaves `kind` out of the items of a list, and answers 404 for a group of kinds
that nobody installed.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

from pipelines.doctor.objects import CLUSTER_WIDE, NAMESPACED

Json = dict[str, Any]
KINDS = {plural: kind for kind, (_, plural) in (NAMESPACED | CLUSTER_WIDE).items()}
KINDS["secrets"] = "Secret"
VERSIONS = {"kueue.x-k8s.io": "v1beta2", "trainer.kubeflow.org": "v1alpha1",
            "external-secrets.io": "v1", "scheduling.k8s.io": "v1"}  # fmt: skip


class Cluster:
    """`objects` are all there are; `forbidden` are plurals that may not be read."""

    def __init__(self, objects: Iterable[Json]) -> None:
        self.objects = list(objects)
        self.forbidden: set[str] = set()
        self.groups = set(VERSIONS)
        self.asked: list[str] = []
        self.token = "right"

    def answer(self, path: str, token: str | None) -> tuple[int, Json]:
        """(status, content) of a GET."""
        self.asked.append(path)
        if token != f"Bearer {self.token}":
            return self.status(401, "Unauthorized")
        words = path.strip("/").split("/")
        if words[0] == "apis" and len(words) == 2:
            return self.group(words[1])
        if words[0] == "apis" and words[1] not in self.groups:
            return self.status(404, "the server could not find the requested resource")
        if words[0] == "apis":
            assert words[2] == VERSIONS[words[1]]
        return self.at(words[3:] if words[0] == "apis" else words[2:])

    def group(self, name: str) -> tuple[int, Json]:
        """What discovery says of a group."""
        if name not in self.groups:
            return self.status(404, "the server could not find the requested resource")
        version = {"groupVersion": f"{name}/{VERSIONS[name]}", "version": VERSIONS[name]}
        return 200, {"kind": "APIGroup", "preferredVersion": version, "versions": [version]}

    def at(self, words: list[str]) -> tuple[int, Json]:
        """The objects, or the object, at a path behind the version."""
        namespace = ""
        if words[0] == "namespaces" and len(words) > 2:
            _, namespace, *words = words
        plural, name = [*words, ""][:2]
        if plural in self.forbidden:
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            return self.status(403, f'{plural} is forbidden: User "ann" cannot read it {where}')
        found = [item for item in self.objects if item["kind"] == KINDS[plural]
                 and item["metadata"].get("namespace", "") == namespace]  # fmt: skip
        if not name:
            bare = [{key: item[key] for key in item if key not in ("kind", "apiVersion")}
                    for item in found]  # fmt: skip
            return 200, {"kind": f"{KINDS[plural]}List", "items": bare}
        own = [item for item in found if item["metadata"]["name"] == name]
        return (200, own[0]) if own else self.status(404, f'{plural} "{name}" not found')

    def status(self, code: int, message: str) -> tuple[int, Json]:
        """A refusal."""
        return code, {"kind": "Status", "status": "Failure", "message": message, "code": code}


@contextmanager
def serving(cluster: Cluster) -> Iterator[str]:
    """Answer on loopback; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            code, content = cluster.answer(self.path, self.headers.get("Authorization"))
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def kubeconfig(url: str, namespace: str = "", token: str = "right") -> str:
    """A file for kubectl with one context."""
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    return yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": context}],
    })  # fmt: skip

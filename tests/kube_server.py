"""A server with the paths and watch streams of Kubernetes' API, for TrainJobs and their pods.

It allows what the Role of k8s/base/training-role.yaml allows, and nothing else.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import yaml
from kube_api import CREATED, CUT, DROP, GONE, NAMESPACE, PATIENCE, KubeApi

ROOT = Path(__file__).resolve().parents[1]
ROLE = ROOT / "k8s" / "base" / "training-role.yaml"
HURRY = 10  # times as fast as clients say, a watch is over


@contextmanager
def kube_api() -> Iterator[KubeApi]:
    """The server, on a free port of this machine."""
    api = KubeApi(rules=yaml.safe_load(ROLE.read_text(encoding="utf-8"))["rules"])

    class Handler(_Handler):
        state = api

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    quick = {"poll_interval": 0.02}
    threading.Thread(target=server.serve_forever, kwargs=quick, daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: KubeApi

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api = self.state
        with api._changed:
            api.requests.append((method, parts.path, query))
            api.tokens.append(self.headers.get("Authorization"))
            fault = self._fault(method, self.path)
            api._changed.notify_all()
        group, kind, name, sub = _place(parts.path)
        verb = {"POST": "create", "DELETE": "delete"}.get(method)
        verb = verb or ("watch" if "watch" in query else "get" if name else "list")
        if isinstance(fault, int):
            self._status(fault, "a fault")
        elif isinstance(fault, str) and fault.startswith("admission webhook"):
            self._status(403, fault)
        elif not _allowed(api.rules, group, "/".join(filter(None, (kind, sub))), verb):
            self._status(403, f"trainer may not {verb} {kind} in {group}")
        elif kind == "trainjobs" and not api.has_trainer:
            self._status(404, "the server could not find the requested resource")
        elif verb == "watch":
            self._watch(query, fault)
        elif sub == "log":
            self._log(name, query, fault)
        else:
            self._object(method, kind, name, query, body, fault)

    def _fault(self, method: str, path: str) -> object:
        for position, (m, part, fault) in enumerate(self.state._faults):
            if m == method and part in path:
                del self.state._faults[position]
                return fault
        return None

    def _object(
        self, method: str, kind: str, name: str, query: dict, body: bytes, fault: object
    ) -> None:
        api = self.state
        found = api.objects.setdefault(kind, {})
        if method == "POST":
            made = json.loads(body)
            name = made["metadata"]["name"]
            if name in found:
                self._status(409, f'trainjobs "{name}" already exists')
                return
            if api.check:
                api.check(made)
            made = api.put(kind, name, made)
            self._json(made, fault, 201)
        elif method == "DELETE":
            uid = json.loads(body)["preconditions"]["uid"]
            assert json.loads(body)["propagationPolicy"] == "Foreground"
            if name not in found:
                self._status(404, "not found")
            elif found[name]["metadata"]["uid"] != uid:
                self._status(409, "the UID in the precondition does not match")
            elif api.lingers:
                going = {**found[name], "metadata": {"deletionTimestamp": CREATED}}
                self._json(api.put(kind, name, going), fault)
            else:
                api.remove(kind, name)
                self._json({"kind": "Status", "status": "Success"}, fault)
        elif name:
            self._json(found[name], fault) if name in found else self._status(404, "not found")
        else:
            self._json({"items": [o for o in found.values() if _selected(o, query)]}, fault)

    def _watch(self, query: dict, fault: object) -> None:
        api, version = self.state, int(query["resourceVersion"])
        name = query["fieldSelector"].removeprefix("metadata.name=")
        self._begin_stream()
        if fault == GONE:
            status = {"kind": "Status", "code": 410, "reason": "Expired"}
            self._chunk(json.dumps({"type": "ERROR", "object": status}) + "\n")
            self._chunk("")
            return
        if fault == CUT:
            self._chunk('{"type": "MODIFIED", "obj')
            self.close_connection = True
            return
        with api._changed:
            api._open += 1
            api._changed.notify_all()
        try:
            self._send_changes(version, name, float(query["timeoutSeconds"]) / HURRY)
        finally:
            with api._changed:
                api._open -= 1

    def _send_changes(self, version: int, name: str, seconds: float) -> None:
        """Send what follows on a version, until nothing has changed for so many seconds."""
        api = self.state
        with api._changed:
            sent = sum(known <= version for known, _ in api._history)
        while True:
            with api._changed:
                if not api._changed.wait_for(partial(api.has_changed, sent), seconds):
                    break
                changes = [change for _, change in api._history[sent:]]
            sent += len(changes)
            for change in changes:
                if change["object"]["metadata"]["name"] == name:
                    self._chunk(json.dumps(change) + "\n")
        self._chunk("")

    def _log(self, pod: str, query: dict, fault: object) -> None:
        """A pod's log; like a node, from whole seconds on when `sinceTime` is given."""
        api = self.state
        if "tailLines" in query:
            last = api.log.get(pod, [])[-int(query["tailLines"]) :]
            text = "".join(line.partition(" ")[2] + "\n" for line in last)
            self._bytes(text.encode(), 200, "text/plain")
            return
        since = query.get("sinceTime", "").partition(".")[0]
        self._begin_stream()
        sent = 0
        while True:
            with api._changed:
                api._changed.wait_for(partial(api.can_be_read, pod, sent), PATIENCE)
                fresh, is_over = api.log.get(pod, [])[sent:], api.is_over(pod)
            for line in fresh:
                sent += 1
                if line < since:
                    continue
                if fault == CUT:
                    self._chunk(line[: len(line) // 2 + 10])
                    self.close_connection = True
                    return
                self._chunk(f"{line}\n")
                if isinstance(fault, tuple) and fault == (DROP, sent):
                    self.close_connection = True
                    return
            if is_over:
                break
        self._chunk("")

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, text: str) -> None:
        data = text.encode()
        try:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _json(self, value: dict, fault: object = None, code: int = 200) -> None:
        if callable(fault):
            fault()
        if fault == DROP:  # what was asked is done, but nobody hears of it
            self.close_connection = True
            return
        self._bytes(json.dumps(value).encode(), code, "application/json")

    def _status(self, code: int, message: str) -> None:
        status = {"kind": "Status", "status": "Failure", "message": message, "code": code}
        self._json(status, None, code)

    def _bytes(self, data: bytes, code: int, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _place(path: str) -> tuple[str, str, str, str]:
    """API group, kind, name and subresource of a path."""
    words = path.strip("/").split("/")
    group = "" if words[0] == "api" else words[1]
    rest = words[words.index("namespaces") :]
    assert rest[1] == NAMESPACE
    kind, name, sub = [*rest[2:], "", ""][:3]
    return group, kind, name, sub


def _allowed(rules: list[dict], group: str, resource: str, verb: str) -> bool:
    return any(
        group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"]
        for rule in rules
    )


def _selected(item: dict, query: dict) -> bool:
    labels = item["metadata"].get("labels", {})
    for text in filter(None, query.get("labelSelector", "").split(",")):
        key, _, value = text.partition("=")
        if labels.get(key) != value:
            return False
    for text in filter(None, query.get("fieldSelector", "").split(",")):
        key, _, value = text.partition("=")
        found: object = item
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found != value:
            return False
    return True

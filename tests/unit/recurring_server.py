"""Kubeflow's API for recurring runs in memory: what tests of schedules talk to.

As the real one it lets several have one name, changes nothing of one but whether it is enabled,
and ends the runs of one that is deleted.
"""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

HEALTH = {"commit_sha": "714d7e4", "tag_name": "2.17.0", "multi_user": False}
PARAMETERS = ("s3_url", "study", "seeds", "models", "data", "pool", "champion", "notify",
              "s3_endpoint")  # fmt: skip
GONE = (404, {"code": 5, "message": "not found"})


class Recurrings:
    """`clock` is the server's, in seconds; the id of what is made next is drawn from `ids`."""

    def __init__(self):
        self.clock = 1_800_000_000
        self.ids = iter(f"id-{number:03}" for number in range(1, 1000))
        self.there = {}  # id -> recurring run
        self.runs = []  # of all of them
        self.killed = []  # ids of runs that a deletion ended
        self.asked = []  # (method, path, query)
        self.version = "v1"  # the newest of each pipeline
        self.pipelines = {"xstilts": PARAMETERS, "xstilts-cpu": PARAMETERS}

    def answer(self, method, path, query, body):
        """(status, content) of a request."""
        self.asked.append((method, path, query))
        head, *rest = path.removeprefix("/apis/v2beta1/").split("/")
        if head == "healthz":
            return 200, HEALTH
        if head == "experiments":
            return 200, {"experiments": [{"experiment_id": "e1"}]}
        if head == "pipelines":
            return self._pipelines(rest)
        if head == "runs":
            return self._runs(method, rest, query, body)
        if head == "recurringruns":
            return self._recurring(method, rest, query, body)
        return GONE

    def named(self, name):
        """The recurring runs of a name."""
        return [own for own in self.there.values() if own["display_name"] == name]

    def run(self, own, state="RUNNING", scheduled_at="2027-01-01T01:30:00Z"):
        """Start a run of a recurring run."""
        self._start({"recurring_run_id": own, "display_name": "of the schedule"}, state)
        self.runs[0]["scheduled_at"] = scheduled_at

    def _pipelines(self, rest):
        if rest[0] == "names":
            if rest[1] not in self.pipelines:
                return GONE
            return 200, {"pipeline_id": f"p-{rest[1]}"}
        parameters = {name: {} for name in self.pipelines[rest[0].removeprefix("p-")]}
        root = {"inputDefinitions": {"parameters": parameters}}
        version = {"pipeline_spec": {"pipeline_spec": {"root": root}, "platform_spec": {}}}
        names = {"pipeline_version_id": self.version, "display_name": f"{self.version}-rev"}
        return 200, {"pipeline_versions": [version | names]}

    def _runs(self, method, rest, query, body):
        if not rest and method == "POST":
            assert body["recurring_run_id"] in self.there
            return 200, self._start(body, "PENDING")
        if not rest:
            (predicate,) = json.loads(query["filter"])["predicates"]
            found = [run for run in self.runs if run[predicate["key"]] == value(query)]
            return 200, {"runs": found[: int(query["page_size"])]}
        name, _, action = unquote(rest[0]).partition(":")
        assert (method, action) == ("POST", "terminate")
        (run,) = [run for run in self.runs if run["run_id"] == name]
        run["state"] = "CANCELING"
        return 200, {}

    def _start(self, body, state):
        run = body | {"run_id": f"run-{len(self.runs) + 1}", "state": state}
        run["scheduled_at"] = run["created_at"] = self._now()
        self.runs.insert(0, run)
        return run

    def _now(self):
        return datetime.fromtimestamp(self.clock, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _recurring(self, method, rest, query, body):
        if not rest and method == "POST":
            return 200, self._make(body)
        if not rest:
            return 200, self._list(value(query), query.get("page_token", ""))
        name, _, action = unquote(rest[0]).partition(":")
        if name not in self.there:
            return GONE
        if method == "DELETE":
            going = [run for run in self.runs if run["state"] == "RUNNING"]
            self.killed += [run["run_id"] for run in going if run["recurring_run_id"] == name]
            del self.there[name]
        else:
            self.there[name]["status"] = "ENABLED" if action == "enable" else "DISABLED"
        return 200, {}

    def _list(self, name, token):
        """Two to a page. A token is where the next page begins, whatever is removed meanwhile."""
        ages = {f"{own['created_at']} {key}": own for key, own in self.there.items()
                if name in (None, own["display_name"])}  # fmt: skip
        left = sorted(age for age in ages if age >= token)
        more = {"next_page_token": left[2]} if len(left) > 2 else {}
        return {"recurringRuns": [ages[age] for age in left[:2]], **more}

    def _make(self, body):
        own = next(self.ids)
        output = {"recurring_run_id": own, "created_at": self._now(), "status": "ENABLED"}
        self.there[own] = body | output
        return self.there[own]


def value(query):
    """The text that a filter asks for, None without one."""
    if "filter" not in query:
        return None
    (predicate,) = json.loads(query["filter"])["predicates"]
    assert predicate["operation"] == 1
    return predicate["stringValue"]


@contextmanager
def serving(server):
    """Answer on loopback; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def handle_any(self):
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {key: found[0] for key, found in parse_qs(parts.query).items()}
            status, content = server.answer(self.command, parts.path, query, body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = handle_any

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()

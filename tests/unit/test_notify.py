"""Telling people how a run ended, through a webhook on loopback that takes Slack's JSON."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from components.finish import __main__ as finish
from components.finish import notify
from xstilts.errors import UserError
from xstilts.store import objects

SECRET = "/services/T000/B000/XXXXXXXX"
PLAN = {"written": "2026-11-21T10:00:00+00:00", "stages": {"publish": "to run"}}
ARGUMENTS = ["--study", "small", "--s3-url", "s3://bucket/p", "--run-id", "r1", "--notify"]
DECISION = {"name": "transfer", "promoted": True, "reason": "It gains.", "against": None}


class Webhook:
    """`answers` are the statuses it gives in turn, the last one for ever."""

    def __init__(self):
        self.answers = [200]
        self.got = []  # (path, content)

    def messages(self):
        return [content["text"] for _, content in self.got]


@pytest.fixture
def webhook(monkeypatch):
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((self.path, json.loads(content)))
            status = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv(notify.WEBHOOK, f"http://127.0.0.1:{server.server_port}{SECRET}\n")
    monkeypatch.setattr(notify, "_PAUSES", (0, 0))
    yield hook
    server.shutdown()
    server.server_close()


@pytest.fixture
def bucket(monkeypatch):
    """A store in memory, with a run that has finished."""
    found = {
        "p/studies/small/r1/plan.json": json.dumps(PLAN).encode(),
        "p/studies/small/r1/lock/publish.yaml": b"",
    }
    monkeypatch.setattr(objects, "read", lambda place, *parts: found.get(place.key(*parts)))
    monkeypatch.setattr(
        objects,
        "write",
        lambda place, data, *parts, **_: found.update({place.key(*parts): data}),
    )
    monkeypatch.setattr(
        objects,
        "names",
        lambda place, *parts: sorted(
            key.removeprefix(place.key(*parts) + "/")
            for key in found
            if key.startswith(place.key(*parts) + "/")
        ),
    )
    return found


def status(bucket):
    return json.loads(bucket["p/studies/small/r1/status.json"])


def test_when():
    assert notify.CHOICES == ("never", "failures", "always")
    assert notify.notify("never", False, ["x"]) == ""
    assert notify.notify("failures", True, ["x"]) == ""


def test_a_word_that_is_none_of_these(bucket, webhook):
    assert finish.main([*ARGUMENTS, "sometimes"]) == 0  # the status must be written anyhow
    assert status(bucket)["state"] == "complete"
    assert status(bucket)["notification"].startswith("failed: notify 'sometimes' is none of never")
    assert webhook.got == []


def test_a_run_that_ended_well(bucket, webhook, capsys):
    assert finish.main([*ARGUMENTS, "always"]) == 0
    ((path, content),) = webhook.got
    assert path == SECRET
    assert set(content) == {"text"}
    assert content["text"].startswith(":white_check_mark: *Study small, run r1: complete.")
    assert status(bucket)["notification"] == "sent"
    assert "Notification sent." in capsys.readouterr().out


def test_only_failures(bucket, webhook):
    assert finish.main([*ARGUMENTS, "failures"]) == 0
    assert webhook.got == []
    assert "notification" not in status(bucket)
    del bucket["p/studies/small/r1/lock/publish.yaml"]
    assert finish.main([*ARGUMENTS, "failures"]) == 0
    (text,) = webhook.messages()
    assert text.startswith(":x: *Study small, run r1: incomplete.")
    assert "missing: publish" in text


def test_what_the_gate_decided(bucket, webhook):
    plan = PLAN | {"champion": "transfer"}
    bucket["p/studies/small/r1/plan.json"] = json.dumps(plan).encode()
    receipt = {"outcome": "ran", "error": "", "seconds": {}, "champion": DECISION}
    bucket["p/studies/small/r1/receipts/publish.json"] = json.dumps(receipt).encode()
    assert finish.main([*ARGUMENTS, "always"]) == 0
    assert status(bucket)["champion"] == DECISION
    assert "It became the champion transfer. It gains." in webhook.messages()[0]
    receipt["champion"] = DECISION | {"promoted": False}
    bucket["p/studies/small/r1/receipts/publish.json"] = json.dumps(receipt).encode()
    assert finish.main([*ARGUMENTS, "always"]) == 0
    assert "It did not become the champion transfer. It gains." in webhook.messages()[1]


def test_a_challenger_that_was_not_published(bucket, webhook):
    plan = PLAN | {"champion": "transfer"}
    bucket["p/studies/small/r1/plan.json"] = json.dumps(plan).encode()
    del bucket["p/studies/small/r1/lock/publish.yaml"]
    assert finish.main([*ARGUMENTS, "failures"]) == 0
    assert status(bucket)["champion"]["promoted"] is False
    assert "The run was not published, so nothing was decided." in webhook.messages()[0]


def test_a_store_that_is_away(webhook, monkeypatch):
    def refuse(*_):
        raise UserError("the store is on fire")

    monkeypatch.setattr(objects, "read", refuse)
    assert finish.main([*ARGUMENTS, "failures"]) == 2
    (text,) = webhook.messages()
    assert "unknown. The store cannot be used." in text
    assert "the store is on fire" in text


def test_a_study_without_a_name(webhook):
    assert finish.main(["--study", "targets: all", *ARGUMENTS[2:], "failures"]) == 0
    assert "not planned; the study has no name" in webhook.messages()[0]


def test_slack_s_own_signs():
    text = notify.message(False, ["a < b & c > d", "<!channel>"])["text"]
    assert text == ":x: *a &lt; b &amp; c &gt; d*\n&lt;!channel&gt;"
    assert len(notify.message(True, ["x" * 10_000])["text"]) == 3000


@pytest.mark.parametrize(
    ("answers", "tries", "outcome"),
    [
        ([500, 429, 200], 3, "sent"),
        ([503], 3, "answers 503"),
        ([404], 1, "answers 404"),
        ([302], 1, "answers 302"),
    ],
)
def test_a_webhook_with_troubles(bucket, webhook, capsys, answers, tries, outcome):
    webhook.answers = answers
    assert finish.main([*ARGUMENTS, "always"]) == 0
    assert outcome in status(bucket)["notification"]
    assert [path for path, _ in webhook.got] == [SECRET] * tries
    assert not_told(bucket, capsys)


def test_nobody_listens(bucket, monkeypatch, capsys):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(notify, "_PAUSES", (0,))
    monkeypatch.setenv(notify.WEBHOOK, f"http://127.0.0.1:{port}{SECRET}")
    assert finish.main([*ARGUMENTS, "always"]) == 0
    assert status(bucket)["notification"] == (
        "failed: the webhook at 127.0.0.1 cannot be reached (ConnectionRefusedError)"
    )
    assert not_told(bucket, capsys)


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example" + SECRET, "ftp://x" + SECRET, "https:///x" + SECRET, "http://x/é" + SECRET,
     "http://[" + SECRET, "http://x/a b" + SECRET],
)  # fmt: skip
def test_no_address(bucket, monkeypatch, capsys, url):
    monkeypatch.setattr(notify, "_PAUSES", ())
    monkeypatch.setenv(notify.WEBHOOK, url)
    assert finish.main([*ARGUMENTS, "always"]) == 0
    assert status(bucket)["notification"].startswith("failed: ")
    assert not_told(bucket, capsys)


def not_told(bucket, capsys):
    """Whether the webhook's secret stands in no log and not in the store."""
    captured = capsys.readouterr()
    return "XXXX" not in captured.out + captured.err + json.dumps(status(bucket))

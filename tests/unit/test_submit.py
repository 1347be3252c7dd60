"""`xstilts submit` against a server on loopback that answers as Kubeflow's API does."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from compiled_pipeline import IMAGES, compiled

from pipelines import api, submit, target
from xstilts.store.location import parse

ROOT = Path(__file__).parents[2]
RUN = "0b1f6c4e-1111-4222-8333-444455556666"
HEALTH = {"commit_sha": "714d7e4", "tag_name": "2.17.0", "multi_user": False}
STORE = ["--s3-url", "s3://bucket/studies"]


class Kubeflow:
    """The server: `answers` maps "METHOD path" to (status, content) or a list of those."""

    def __init__(self):
        self.asked = []  # (method, path, query, body, headers)
        self.answers = {
            "GET /apis/v2beta1/healthz": (200, HEALTH),
            "GET /apis/v2beta1/experiments": (200, {"experiments": [{"experiment_id": "e1"}]}),
            "POST /apis/v2beta1/experiments": (200, {"experiment_id": "e2"}),
            "POST /apis/v2beta1/runs": (200, {"run_id": RUN}),
        }

    def answer(self, method, path):
        found = self.answers.get(f"{method} {path}", (404, {"code": 5, "message": "Not Found"}))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    def states(self, *states, **last):
        """The run goes through these states; `last` is what else the last answer says."""
        answers = [(200, {"run_id": RUN, "state": state}) for state in states]
        answers[-1] = (200, answers[-1][1] | last)
        self.answers[f"GET /apis/v2beta1/runs/{RUN}"] = answers

    def posted(self, path):
        (found,) = [body for method, at, _, body, _ in self.asked if (method, at) == ("POST", path)]
        return found


@contextmanager
def serving(kubeflow, context=None):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def handle_any(self):
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {key: value[0] for key, value in parse_qs(parts.query).items()}
            kubeflow.asked.append((self.command, parts.path, query, body, dict(self.headers)))
            status, content = kubeflow.answer(self.command, parts.path)
            if status is None:  # the server breaks off
                self.close_connection = True
                return
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", content)
                content = ""
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    scheme = "https" if context else "http"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def kubeflow():
    return Kubeflow()


@pytest.fixture
def url(kubeflow):
    with serving(kubeflow) as found:
        yield found


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "images.lock"
    path.write_text(json.dumps(IMAGES), encoding="utf-8")
    return ["--images", str(path)]


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    for name in (*target.ENDPOINTS, api.TOKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(submit, "POLL", 0.01)
    monkeypatch.setattr(target, "configured", lambda _root: None)
    monkeypatch.setattr(submit, "compile_ir", lambda build: compiled(build.device))


def problems(capsys):
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err.splitlines()


def test_a_run_is_started(kubeflow, url, lock, capsys):
    assert submit.main(["smoke", *STORE, *lock, "--endpoint", url + "/"]) == 0
    assert capsys.readouterr().out == f"Run: {url}/#/runs/details/{RUN}\n"
    body = kubeflow.posted("/apis/v2beta1/runs")
    specification, platform = compiled("cuda")
    assert body["pipeline_spec"] == {"pipeline_spec": specification, "platform_spec": platform}
    assert body["experiment_id"] == "e1"
    assert body["display_name"].startswith("smoke 2")
    assert body["runtime_config"] == {"parameters": {"study": "smoke", "s3_url": STORE[1]}}
    assert "service_account" not in body


def test_everything_that_can_be_said_is_handed_on(kubeflow, url, lock):
    words = [
        *("smoke", *lock, "--endpoint", url, "--seeds", "0,1", "--models", "mini-encoder"),
        *("--gpus", "2", "--gpu-type", "amd.com/gpu"),
        *("--tolerations", '[{"key": "gpu", "operator": "Exists"}]'),
        *("--node-selector", '{"pool": "a100"}', "--s3-url", "s3://bucket"),
        *("--s3-endpoint", "http://s3.example:9000", "--s3-region", "eu-1", "--s3-secret", "keys"),
        *("--service-account", "runner", "--namespace", "team", "--experiment", "xlm"),
        *("--run-name", "first", "--pool", "a100"),
        *("--champion", "transfer", "--notify", "always", "--notify-secret", "hook"),
    ]
    assert submit.main(words) == 0
    body = kubeflow.posted("/apis/v2beta1/runs")
    assert body["runtime_config"]["parameters"] == {
        "study": "smoke",
        "pool": "a100",
        "seeds": "0,1",
        "models": "mini-encoder",
        "gpus": "2",
        "gpu_type": "amd.com/gpu",
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "node_selector": {"pool": "a100"},
        "s3_url": "s3://bucket",
        "s3_endpoint": "http://s3.example:9000",
        "s3_region": "eu-1",
        "s3_secret": "keys",
        "champion": "transfer",
        "notify": "always",
        "notify_secret": "hook",
    }
    known = compiled("cuda")[0]["root"]["inputDefinitions"]["parameters"]
    data = {"data"}  # of studies that read folders: see test_submit_data
    assert body["runtime_config"]["parameters"].keys() | data == known.keys()
    assert (body["service_account"], body["display_name"]) == ("runner", "first")
    (query,) = [q for method, path, q, *_ in kubeflow.asked if path.endswith("/experiments")]
    assert query["namespace"] == "team"
    assert json.loads(query["filter"])["predicates"] == [
        {"operation": 1, "key": "display_name", "stringValue": "xlm"}
    ]


def test_a_missing_experiment_is_made(kubeflow, url, lock):
    kubeflow.answers["GET /apis/v2beta1/experiments"] = (200, {})
    assert submit.main(["smoke", *STORE, *lock, "--endpoint", url, "--namespace", "team"]) == 0
    made = kubeflow.posted("/apis/v2beta1/experiments")
    assert made == {"display_name": "xstilts", "namespace": "team"}
    assert kubeflow.posted("/apis/v2beta1/runs")["experiment_id"] == "e2"


def test_a_study_from_a_file(kubeflow, url, lock, tmp_path):
    text = (ROOT / "pipelines" / "studies" / "smoke.yaml").read_text(encoding="utf-8")
    path = tmp_path / "own.yaml"
    path.write_text(text.replace("name: smoke", "name: own"), encoding="utf-8")
    assert submit.main(["--file", str(path), *STORE, *lock, "--endpoint", url]) == 0
    body = kubeflow.posted("/apis/v2beta1/runs")
    assert body["runtime_config"]["parameters"]["study"] == path.read_text(encoding="utf-8")
    assert body["display_name"].startswith("own ")


@pytest.mark.parametrize("name", target.ENDPOINTS)
def test_endpoint_and_token_from_the_environment(kubeflow, url, lock, monkeypatch, capsys, name):
    monkeypatch.setenv(name, url)
    monkeypatch.setenv(api.TOKEN, "t0ken")
    assert submit.main(["smoke", *STORE, *lock]) == 0
    assert all(headers["Authorization"] == "Bearer t0ken" for *_, headers in kubeflow.asked)
    captured = capsys.readouterr()
    assert "t0ken" not in captured.out + captured.err


def test_without_a_token_none_is_sent(kubeflow, url, lock):
    assert submit.main(["smoke", *STORE, *lock, "--endpoint", url]) == 0
    assert not any("Authorization" in headers for *_, headers in kubeflow.asked)


def test_the_store_of_this_clone(kubeflow, url, lock, monkeypatch):
    known = parse("s3://mine/x", endpoint="https://s3.example", region="eu-1", profile="me")
    monkeypatch.setattr(target, "configured", lambda _root: known)
    assert submit.main(["smoke", *lock, "--endpoint", url, "--s3-region", "eu-2"]) == 0
    assert kubeflow.posted("/apis/v2beta1/runs")["runtime_config"]["parameters"] == {
        "study": "smoke",
        "s3_url": "s3://mine/x",
        "s3_endpoint": "https://s3.example",
        "s3_region": "eu-2",
    }


def test_all_problems_at_once(tmp_path, capsys):
    words = [
        *("mina", "--images", str(tmp_path / "none"), "--seeds", "a", "--gpus", "many"),
        *("--gpu-type", "a b", "--tolerations", "{}", "--node-selector", '{"a": 1}'),
        *(
            "--pool",
            "a10",
            "--s3-url",
            "http://x",
            "--s3-secret",
            "A",
            "--service-account",
            "",
            "--timeout",
            "3",
        ),
    ]
    assert submit.main(words) == 2
    found = "\n".join(problems(capsys))
    for expected in (
        "no Kubeflow endpoint: give --endpoint",
        "none is missing, the file that names the images",
        "unknown study 'mina': did you mean mini?",
        "a seed",
        "unknown pool 'a10': did you mean a100?",
        "gpus 'many'",
        "gpu_type 'a b'",
        "tolerations must be a JSON list",
        "node_selector: the value of a must be a text",
        "--s3-secret 'A' is no name",
        "--service-account '' is no name",
        "--timeout goes with --wait only",
        "http://x",
    ):
        assert expected in found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "no store: give --s3-url"),
        ([*STORE, "--s3-endpoint", "http://127.0.0.1:9000"], "is on this machine"),
        ([*STORE, "--device", "cpu", "--gpus", "1"], "--gpus 1 goes with the device cuda only"),
        (
            [*STORE, "--device", "cpu", "--pool", "a100"],
            "a100 is for the device cuda, not cpu: use",
        ),
        ([*STORE, "--pool", "cpu", "--gpus", "1"], "--gpus 1 goes with the device cuda only"),
        ([*STORE, "--pools", "none.yaml"], "none.yaml: there is no such file"),
        ([*STORE, "--file", "none.yaml"], "a study is named (smoke) and given by --file"),
        ([*STORE, "--file", "none.yaml"], "--file none.yaml cannot be read"),
        ([*STORE, "--models", "mini"], "unknown model 'mini'"),
        ([*STORE, "--champion", "a/b"], "The champion's name 'a/b' may hold letters"),
        ([*STORE, "--notify-secret", "A"], "--notify-secret 'A' is no name"),
        ([*STORE, "--endpoint", "kubeflow:80"], "must begin with http:// or https://"),
        ([*STORE, "--endpoint", "https://a:b@host"], "must hold no user or password"),
        ([*STORE, "--endpoint", "https://host/#/runs"], "must end before the ? or #"),
        ([*STORE, "--endpoint", "https://host:port"], "is no URL"),
    ],
)
def test_mistakes_are_found_before_the_server_is_asked(words, expected, lock, capsys):
    assert submit.main(["smoke", *lock, "--endpoint", "http://127.0.0.1:1", *words]) == 2
    assert expected in "\n".join(problems(capsys))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--pool", "a100", "--nodes", "3"], "in 16 processes, which 3 nodes cannot share evenly"),
        (["--pool", "l4", "--nodes", "2"], "each node gets gpus: 1; set gpus to 8, or use more"),
        (["--pool", "a100"], "in 16 processes, but its pod gets gpus: 8; set gpus to 16"),
        (["--pool", "a100", "--nodes", "2", "--gpus", "4"], "gets gpus: 4; set gpus to 8"),
    ],
)
def test_processes_without_their_gpus_are_found_with_all_else(words, expected, tmp_path, capsys):
    study = tmp_path / "study.yaml"
    text = (ROOT / "pipelines/studies/smoke.yaml").read_text(encoding="utf-8")
    study.write_text(f"{text}finetune: {{processes: 16}}\n", encoding="utf-8")
    given = ["--file", str(study), "--images", str(tmp_path / "none"), *STORE]
    assert submit.main([*given, "--endpoint", "http://127.0.0.1:1", *words]) == 2
    found = problems(capsys)
    assert any(expected in problem for problem in found), found
    assert any("the file that names the images" in problem for problem in found)


def refusal(url, lock, capsys):
    """What is said when a run cannot be started."""
    assert submit.main(["smoke", *STORE, *lock, "--endpoint", url]) == 2
    (problem,) = problems(capsys)
    return problem


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_nothing_listens(lock, capsys):
    found = refusal(f"http://127.0.0.1:{free_port()}", lock, capsys)
    assert "nothing listens at 127.0.0.1:" in found
    assert "kubectl port-forward" in found


def test_an_unknown_host(lock, capsys, monkeypatch):
    def lookup(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert "the host of http://kubeflow.example is unknown" in refusal(
        "http://kubeflow.example", lock, capsys
    )


def test_a_server_that_does_not_answer(lock, capsys, monkeypatch):
    monkeypatch.setattr(api, "_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = refusal(f"http://127.0.0.1:{server.getsockname()[1]}", lock, capsys)
    assert "did not answer within 0.2 s" in found


def test_a_server_that_breaks_off(kubeflow, url, lock, capsys):
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (None, None)
    assert "cannot be reached: Remote end closed" in refusal(url, lock, capsys)


def test_tls_where_there_is_none(url, lock, capsys):
    found = refusal(url.replace("http:", "https:"), lock, capsys)
    assert "does not speak TLS" in found


def test_a_certificate_that_nobody_vouches_for(kubeflow, lock, capsys, tmp_path, monkeypatch):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    program = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    program += ["-subj", "/CN=127.0.0.1"]
    program += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key)]
    subprocess.run([*program, "-out", str(certificate)], check=True, capture_output=True)
    context.load_cert_chain(certificate, key)
    with serving(kubeflow, context) as url:
        found = refusal(url, lock, capsys)
        assert "is not trusted" in found
        assert "SSL_CERT_FILE" in found
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert submit.main(["smoke", *STORE, *lock, "--endpoint", url]) == 0


@pytest.mark.parametrize(
    ("status", "token", "expected"),
    [
        (401, None, "it wants a token; put one into XSTILTS_KFP_TOKEN. no user"),
        (401, "old", "the token is wrong or has expired"),
        (403, "other", "does not allow this"),
    ],
)
def test_who_asks(kubeflow, url, lock, capsys, monkeypatch, status, token, expected):
    if token:
        monkeypatch.setenv(api.TOKEN, token)
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (status, {"message": "no user"})
    assert expected in refusal(url, lock, capsys)


@pytest.mark.parametrize(
    "answer",
    [
        (200, "<!doctype html><title>Log in</title>"),
        (200, {"status": "ok"}),
        (200, "[]"),
        (404, "404 page not found"),
    ],
)
def test_something_else_than_kubeflow(kubeflow, url, lock, capsys, answer):
    kubeflow.answers["GET /apis/v2beta1/healthz"] = answer
    assert "is not the API of Kubeflow Pipelines" in refusal(url, lock, capsys)


def test_a_redirect_is_not_followed_with_the_token(kubeflow, url, lock, capsys, monkeypatch):
    monkeypatch.setenv(api.TOKEN, "t0ken")
    other = Kubeflow()
    with serving(other) as elsewhere:
        kubeflow.answers["GET /apis/v2beta1/healthz"] = (302, f"{elsewhere}/dex/auth")
        found = refusal(url, lock, capsys)
    assert f"go to {elsewhere}/dex/auth" in found
    assert not other.asked


@pytest.mark.parametrize(
    "health",
    [
        {"tag_name": "2.16.1", "multi_user": False},
        {"tag_name": "v1.8.5"},
        {"apiServerTagName": "2.5.0", "apiServerReady": True},
    ],
)
def test_a_server_that_is_too_old(kubeflow, url, lock, capsys, health):
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (200, health)
    found = refusal(url, lock, capsys)
    assert "which is too old" in found
    assert "Update it to 2.17 or newer" in found
    assert not any(method == "POST" for method, *_ in kubeflow.asked)


def test_a_server_of_version_1(kubeflow, url, lock, capsys):
    del kubeflow.answers["GET /apis/v2beta1/healthz"]
    kubeflow.answers["GET /apis/v1beta1/healthz"] = (200, {"commit_sha": "x", "tag_name": "1.8.5"})
    assert "is Kubeflow Pipelines of version 1" in refusal(url, lock, capsys)


@pytest.mark.parametrize("tag", ["unknown", "", "master"])
def test_a_server_that_does_not_say_its_version(kubeflow, url, lock, capsys, tag):
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (200, HEALTH | {"tag_name": tag})
    assert submit.main(["smoke", *STORE, *lock, "--endpoint", url]) == 0
    assert "note: the server does not say its version; 2.17 is needed." in capsys.readouterr().err


@pytest.mark.parametrize("tag", ["2.17.0", "2.17.3-rc.1", "v2.18.0", "3.0.0"])
def test_a_server_that_is_new_enough(kubeflow, url, lock, capsys, tag):
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (200, HEALTH | {"tag_name": tag})
    assert submit.main(["smoke", *STORE, *lock, "--endpoint", url]) == 0
    assert not capsys.readouterr().err


def test_pages_whose_server_is_down(kubeflow, url, lock, capsys):
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (200, {"apiServerReady": False})
    assert "answer, but its API server does not" in refusal(url, lock, capsys)


@pytest.mark.parametrize("name", ["multi_user", "apiServerMultiUser"])
def test_several_users_need_namespaces(kubeflow, url, lock, capsys, name):
    health = {"tag_name": "2.17.0", name: True}
    kubeflow.answers["GET /apis/v2beta1/healthz"] = (200, health)
    assert "give yours by --namespace" in refusal(url, lock, capsys)


def test_a_pipeline_that_the_server_refuses(kubeflow, url, lock, capsys):
    text = "Failed to create a new run: invalid spec: templates.root sorting failed"
    kubeflow.answers["POST /apis/v2beta1/runs"] = (400, {"code": 3, "message": text})
    assert f"refuses (400): {text}" in refusal(url, lock, capsys)


def test_a_proxy_s_words(kubeflow, url, lock, capsys):
    kubeflow.answers["POST /apis/v2beta1/runs"] = (413, "<h1>Request Entity Too Large</h1>")
    assert "refuses (413): <h1>Request Entity Too Large</h1>" in refusal(url, lock, capsys)


def waited(url, lock, *words):
    return submit.main(["smoke", *STORE, *lock, "--endpoint", url, "--wait", *words])


def shown(capsys):
    """The states that were printed, and what went to standard error."""
    captured = capsys.readouterr()
    address, *states = captured.out.splitlines()
    assert address.startswith("Run: ")
    return [line.split()[1] for line in states], captured.err


def test_a_run_is_followed(kubeflow, url, lock, capsys):
    kubeflow.states("PENDING", "RUNNING", "RUNNING", "RUNNING", "SUCCEEDED")
    assert waited(url, lock) == 0
    assert shown(capsys) == (["PENDING", "RUNNING", "SUCCEEDED"], "")


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_a_run_that_does_not_succeed(kubeflow, url, lock, capsys, state):
    kubeflow.states("RUNNING", state)
    assert waited(url, lock) == 1
    assert shown(capsys)[0] == ["RUNNING", state]


def test_what_failed(kubeflow, url, lock, capsys):
    details = [
        {"display_name": "Prepare data", "state": "SUCCEEDED"},
        {"display_name": "Fine-tune", "state": "FAILED"},
        {"display_name": "Fine-tune", "state": "FAILED"},
        {"display_name": "Targets", "state": "FAILED"},
    ]
    kubeflow.states(
        "FAILED", run_details={"task_details": details}, error={"message": "child 'x' failed"}
    )
    assert waited(url, lock) == 1
    assert shown(capsys)[1] == "failed: Fine-tune, Targets\nchild 'x' failed\n"


def test_a_server_that_is_away_for_a_while(kubeflow, url, lock, capsys):
    kubeflow.answers[f"GET /apis/v2beta1/runs/{RUN}"] = [
        (200, {"state": "RUNNING"}),
        *[(None, None)] * submit.PATIENCE,
        (200, {"state": "SUCCEEDED"}),
    ]
    assert waited(url, lock) == 0
    assert shown(capsys) == (["RUNNING", "SUCCEEDED"], "")


def test_a_server_that_does_not_come_back(kubeflow, url, lock, capsys):
    kubeflow.answers[f"GET /apis/v2beta1/runs/{RUN}"] = [
        (200, {"state": "RUNNING"}),
        (None, None),
    ]
    assert waited(url, lock) == 2
    assert "cannot be reached" in shown(capsys)[1]


def test_a_token_that_expires_on_the_way(kubeflow, url, lock, capsys, monkeypatch):
    monkeypatch.setenv(api.TOKEN, "t0ken")
    kubeflow.answers[f"GET /apis/v2beta1/runs/{RUN}"] = [
        (200, {"state": "RUNNING"}),
        (401, {"message": "token expired"}),
    ]
    assert waited(url, lock) == 2
    assert "the token is wrong or has expired" in shown(capsys)[1]


def test_the_end_of_patience(kubeflow, url, lock, capsys):
    kubeflow.states("RUNNING")
    assert waited(url, lock, "--timeout", "0.05") == 1
    assert "RUNNING after 0 s; the run goes on." in shown(capsys)[1]


def test_leaving_a_run_that_goes_on(kubeflow, url, lock):
    kubeflow.states("RUNNING")
    words = ["smoke", *STORE, *lock, "--endpoint", url, "--wait"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.submit", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell has what it starts in the background ignore it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while "RUNNING" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == submit.STOPPED
    assert errors == f"No longer followed; the run goes on: {url}/#/runs/details/{RUN}\n"

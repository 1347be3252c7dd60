"""What a store that cannot be used says: without an S3 server, and with ones that refuse."""

import datetime
import os
import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xstilts.errors import UserError
from xstilts.store import check, connection, objects
from xstilts.store.location import Location

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA123456", "AWS_SECRET_ACCESS_KEY": "hush/hush"}

ASKED = []


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Keys from the environment, no profiles, no proxy, and little patience."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in (
        KEYS | {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(connection, "_QUICK", (0.3, 0.3, 1))
    monkeypatch.setattr(connection, "_PATIENT", (0.3, 0.3, 1))


@contextmanager
def answering(status, body="", headers=(), tls=None):
    """A web server that answers everything in one way; yields its address.

    Whatever it is asked stands in `ASKED`.
    """
    ASKED.clear()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            ASKED.append((self.command, self.path))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in (("Content-Length", str(len(body.encode()))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_PUT = do_DELETE = do_GET

        def log_message(self, *_arguments):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_arguments):
            """A client that breaks off is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def listening():
    """A port that takes connections and says nothing; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def fault(code, message="as the server says", **details):
    """An S3 server's error."""
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in details.items())
    return f"<Error><Code>{code}</Code><Message>{message}</Message>{extra}</Error>"


def problems(endpoint, **settings):
    found = check.problems(Location("bucket", "folder", endpoint=endpoint, **settings))
    assert not any("hush" in problem for problem in found)
    return found


def problem(endpoint, **settings):
    [found] = problems(endpoint, **settings)
    return found


def test_nothing_listens():
    endpoint = f"http://127.0.0.1:{free_port()}"
    assert problem(endpoint) == (
        f"Nothing listens at {endpoint} (connection refused): start the S3 server, or correct the "
        "endpoint's host and port."
    )


def test_a_host_without_an_address():
    assert problem("http://no-such-host.invalid:9000") == (
        "The host no-such-host.invalid has no address here (DNS): correct the endpoint, or the "
        "network's name service."
    )


def test_a_server_that_is_silent():
    with listening() as endpoint:
        assert problem(endpoint) == (
            f"{endpoint} does not answer in time: correct the endpoint, or open the way to it "
            "(firewall, proxy, network policy)."
        )


def test_an_endpoint_of_the_environment_is_named(monkeypatch):
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert problem(None).startswith(f"Nothing listens at {endpoint} ")


def test_an_endpoint_of_the_environment_that_is_no_address(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9000")
    assert problem(None) == (
        "The endpoint of the environment (AWS_ENDPOINT_URL) 'localhost:9000' is no http:// or "
        "https:// address: give it like https://s3.example.org:9000."
    )


def test_a_proxy_that_leads_nowhere(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hush@127.0.0.1:{free_port()}")
    assert problem("http://s3.invalid") == (
        "The proxy of the environment (HTTP_PROXY, HTTPS_PROXY) does not lead to "
        "http://s3.invalid: correct it, or name the host in NO_PROXY."
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<!DOCTYPE html><h1>Not found</h1>"),
        (404, ""),
        (405, "<html><body>no</body></html>"),
        (400, "The plain HTTP request was sent to HTTPS port"),
        (200, "<!DOCTYPE html><p>Welcome<br>to the console"),
        (200, "<html><body>Welcome</body></html>"),
        (200, "{}"),
        (200, ""),
    ],
)
def test_a_web_server_that_is_no_s3_server(status, body):
    with answering(status, body) as endpoint:
        found = problem(endpoint)
    assert endpoint in found
    assert "is no S3 server: correct the endpoint" in found


def test_an_answer_that_is_not_http():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            client, _ = server.accept()
            client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            client.close()

        thread = threading.Thread(target=greet)
        thread.start()
        found = problem(f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert "answers with something else than HTTP" in found


def test_a_certificate_that_is_not_trusted(tmp_path):
    with answering(200, tls=self_signed(tmp_path)) as endpoint:
        assert problem(endpoint) == (
            f"The TLS certificate of {endpoint} is not trusted (self-signed certificate): set "
            "AWS_CA_BUNDLE to a file with its authority, or correct the endpoint."
        )


def self_signed(folder):
    """What a server with a certificate of its own needs."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    private = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + certificate.public_bytes(form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def test_tls_where_the_server_has_none():
    with answering(200) as endpoint:
        found = problem(endpoint.replace("http:", "https:"))
    assert "does not speak TLS: give the endpoint with http:// instead of https://" in found


@pytest.mark.parametrize(
    ("status", "body", "headers", "text"),
    [
        (
            301,
            fault("PermanentRedirect"),
            (("x-amz-bucket-region", "eu-west-1"),),
            "The bucket 'bucket' is in the region 'eu-west-1', but the region 'us-east-1' was",
        ),
        (
            400,
            fault("IllegalLocationConstraintException"),
            (),
            "The bucket 'bucket' is in another region or at another endpoint",
        ),
        (403, fault("ExpiredToken"), (), "refuses the session token from the environment"),
        (
            403,
            fault("RequestTimeTooSkewed"),
            (),
            "The clocks differ too much: here it is ",
        ),
        (403, fault("QuotaExceeded"), (), "has no space left for s3://bucket/folder"),
        (
            503,
            fault("SlowDown", "Reduce your request rate."),
            (),
            "failed to list in s3://bucket/folder (503 Reduce your request rate.): try again later",
        ),
        (502, "<html>bad gateway</html>", (), "failed to list in s3://bucket/folder (502"),
        (409, fault("Odd", "no idea"), (), "refused to list in s3://bucket/folder: Odd (no idea)."),
    ],
)
def test_what_a_server_refuses(status, body, headers, text):
    with answering(status, body, headers) as endpoint:
        found = problem(endpoint, region="us-east-1")
    assert text in found
    assert endpoint in found


def test_the_same_text_for_reading_and_writing():
    with answering(403, fault("AccessDenied")) as endpoint:
        store = Location("bucket", "folder", endpoint=endpoint)
        for verb, action in {
            "read": lambda: objects.read(store, "x"),
            "write": lambda: objects.write(store, b"", "x"),
            "list": lambda: objects.names(store, "x"),
        }.items():
            with pytest.raises(UserError) as raised:
                action()
            assert raised.value.problems[0].startswith(
                "The access key AKIA… from the environment (AWS_ACCESS_KEY_ID) may not "
                f"{verb} in s3://bucket/folder at {endpoint}: grant it s3:"
            )


def test_a_server_that_forgets_is_left_tidy():
    with answering(200, "<ListBucketResult><Name>bucket</Name></ListBucketResult>") as endpoint:
        assert problem(endpoint) == (
            "s3://bucket/folder does not give back what was just written to it: use a server that "
            "is consistent, or correct the endpoint."
        )
    (listed, _), *others = ASKED
    assert [listed, *(verb for verb, _ in others)] == ["GET", "PUT", "GET", "DELETE"]
    [key] = {path.partition("?")[0] for _, path in others}
    assert key.startswith("/bucket/folder/.xstilts-check-")


def test_no_credentials_do_not_hide_an_endpoint_that_is_wrong(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name)
    endpoint = f"http://127.0.0.1:{free_port()}"
    none, unreachable = problems(endpoint)
    assert none == (
        "There are no credentials for s3://bucket/folder: set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or give a profile of ~/.aws/credentials."
    )
    assert unreachable.startswith(f"Nothing listens at {endpoint}")
    with pytest.raises(UserError, match="There are no credentials for s3://bucket"):
        objects.read(Location("bucket", endpoint=endpoint), "x")


def test_half_of_the_credentials(monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with answering(403, fault("AccessDenied")) as endpoint:
        assert problem(endpoint) == (
            "The credentials in the environment are not complete: set AWS_SECRET_ACCESS_KEY too."
        )


@pytest.mark.parametrize("name", KEYS)
def test_a_key_with_a_line_break(monkeypatch, name):
    monkeypatch.setenv(name, f"{KEYS[name]}\n")
    with answering(403, fault("AccessDenied")) as endpoint:
        found = problem(endpoint)
    which = "access key" if name == "AWS_ACCESS_KEY_ID" else "secret key"
    assert found.startswith(f"The {which} from the environment (AWS_ACCESS_KEY_ID) has a space, a")
    assert KEYS[name] not in found


def test_a_pod_whose_token_is_not_mounted(monkeypatch):
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/xstilts")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/token")
    with answering(403, fault("AccessDenied")) as endpoint:
        found = problem(endpoint)
    assert found.startswith(
        "The credentials of the role of the pod's service account could not be fetched "
    )
    assert "/no/such/token" in found


def test_a_profile_that_is_not_there(monkeypatch):
    with answering(403, fault("AccessDenied")) as endpoint:
        assert problem(endpoint, profile="lab") == (
            "There is no profile 'lab' (from the store's settings) in ~/.aws/config or "
            "~/.aws/credentials: correct the name, or add it there."
        )
        monkeypatch.setenv("AWS_PROFILE", "other")
        assert "There is no profile 'other' (from AWS_PROFILE)" in problem(endpoint)


def test_a_profile_without_keys(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[profile lab]\nregion = us-east-1\n")
    with answering(403, fault("AccessDenied")) as endpoint:
        assert problem(endpoint, profile="lab") == (
            "The profile 'lab' has no access key: add aws_access_key_id and aws_secret_access_key "
            "to it in ~/.aws/credentials, or leave the profile out."
        )


def test_a_file_of_profiles_that_cannot_be_read(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("no section\n")
    with answering(403, fault("AccessDenied")) as endpoint:
        found = problem(endpoint)
    assert found == (
        f"The file {tmp_path}/.aws/config is not in the form of ~/.aws/config: correct it."
    )


def test_other_keys_in_the_environment_make_another_client(monkeypatch):
    store = Location("bucket", endpoint="http://127.0.0.1:1")
    first = connection.connect(store)
    assert connection.connect(store.below("folder")) is first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    assert connection.connect(store) is not first

"""Fixtures shared by all suites."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import s3 as local_s3
from hypothesis import HealthCheck, settings

from xstilts.observe.subject import STAGE, STUDY, WAITED
from xstilts.store.location import Location

# A busy machine must not decide whether a test passes
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _no_subject(monkeypatch) -> None:
    """A stage that failed stays what its process was about: the next test is about nothing."""
    for name in (STUDY, STAGE, WAITED):
        monkeypatch.setenv(name, "")  # so that it is put back whatever the test leaves
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference facts and real data slices; CI must have it."""
    path = Path(os.environ.get("XSTILTS_SHARED", ROOT.parent / "shared")).resolve()
    if path.is_dir():
        return path
    message = f"reference data not found at {path}; set XSTILTS_SHARED to its folder"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def s3_folder(tmp_path_factory) -> Path:
    """Where the S3 server of the tests keeps its objects."""
    folder: Path = tmp_path_factory.mktemp("s3")
    return folder


@pytest.fixture(scope="session")
def s3(s3_folder) -> Iterator[local_s3.Server]:
    """A running S3 server, its key (but not its address) in the environment.

    A listing has 100 keys a page, so that many tests see more pages than one.
    """
    with (
        local_s3.server(s3_folder, page=100) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in server.keys().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def use_key(s3, monkeypatch) -> Callable[..., None]:
    """Have the server's key in the environment and nothing else for boto, but for `changes`."""

    def use(**changes: str) -> None:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in (s3.keys() | {"AWS_EC2_METADATA_DISABLED": "true"} | changes).items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
def bucket(s3) -> str:
    """A bucket of this test alone."""
    return s3.bucket(f"test-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def store(s3, bucket) -> Location:
    """An empty store, not at the bucket's root."""
    return Location(bucket, "some/prefix", endpoint=s3.endpoint, region="us-east-1")

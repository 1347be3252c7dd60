"""Fixtures shared by all suites."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine must not decide whether a test passes
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


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

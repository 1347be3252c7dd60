"""What the tests with containers share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def image() -> str:
    """The image of this checkout, as `make image` builds it; or the one in `XSTILTS_IMAGE`."""
    if named := os.environ.get("XSTILTS_IMAGE"):
        return named
    # Without the package index: the pip of these tests knows where packages come from
    for command in (["docker/wheels.sh", sys.executable], ["make", "image"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return "xstilts:cpu"

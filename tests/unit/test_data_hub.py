"""The hub itself, played by a small server on this machine: the same path as a mirror's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mirrors
import pytest
from loopback_hub import MAIN, PINNED, Hub, environment, served

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.files import read_json

PREPARE = """
import json, sys, time
from pathlib import Path
time.sleep = lambda _: None  # waits between retries
from xstilts.data.prepare import prepare
from xstilts.errors import UserError
try:
    prepare(json.loads(sys.argv[1]), Path(sys.argv[2]))
except UserError as error:
    sys.exit("\\n".join(error.problems))
"""


@pytest.fixture
def hub(tmp_path) -> Iterator[type[Hub]]:
    """A served hub that holds SNLI; `hub.address` is its endpoint."""
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    with served(tmp_path / "hub") as handler:
        yield handler


def prepared(place: type[Hub], folder: Path, **overrides: Any) -> subprocess.CompletedProcess[str]:
    """`prepare` from the served hub, in a process that knows its address from the start."""
    entry = mirrors.entry(place.root, "snli", {"train": ["en"]}, **overrides)
    entry["tasks"][0]["source"] = {"kind": "hub"}
    env = environment(place.address, folder.parent.parent / "home")
    command = [sys.executable, "-c", PREPARE, json.dumps(entry), str(folder)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def _about(folder: Path) -> dict[str, Any]:
    return read_json(folder / "provenance.json")["files"]["snli/train/en.arrow"]


def test_unpinned_load_says_so_and_names_the_commit(hub, tmp_path):
    done = prepared(hub, tmp_path / "out" / "data")
    assert done.returncode == 0, done.stderr
    rows = canonical.rows(data_path(tmp_path / "out" / "data", "snli", "train", "en"))
    assert [row["text_a"] for row in rows] == mirrors.SNLI["premise"]
    about = _about(tmp_path / "out" / "data")
    assert about["revision"] == MAIN
    assert about["notes"] == ["unpinned: the hub's main branch at the time of loading"]


def test_pinned_load_asks_for_its_commit(hub, tmp_path):
    done = prepared(hub, tmp_path / "out" / "data", revision=PINNED)
    assert done.returncode == 0, done.stderr
    about = _about(tmp_path / "out" / "data")
    assert (about["revision"], about["notes"]) == (PINNED, [])


def test_interrupted_download(hub, tmp_path):
    hub.cut = True
    done = prepared(hub, tmp_path / "out" / "data")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("stanfordnlp/snli on the hub (hf://datasets/stanfordnlp/snli@aaaa")
    assert "plain_text/train.parquet) could not be read (ConnectionError" in said
    assert "start again, or use a mirror" in said
    assert not list((tmp_path / "out").iterdir())


def test_unknown_data_set(hub, tmp_path):
    done = prepared(hub, tmp_path / "out" / "data", hub="stanfordnlp/snil")
    assert done.returncode == 1
    assert "stanfordnlp/snil on the hub could not be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_hub_out_of_reach(tmp_path):
    gone = type("Gone", (Hub,), {"root": tmp_path, "address": "http://127.0.0.1:9", "cut": False})
    done = prepared(gone, tmp_path / "out" / "data")
    assert done.returncode == 1
    assert "stanfordnlp/snli on the hub could not be read" in done.stderr
    assert "check the name, the revision and the network" in done.stderr

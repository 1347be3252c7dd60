"""The hub itself, played by a small server on this machine: the same path as a mirror's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mirrors
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback_hub import MAIN, PINNED, Hub, environment, served

from xstilts.data import canonical
from xstilts.data.canonical import data_path
from xstilts.files import read_json
from xstilts.tasks.record import EXPORTED

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


def prepared(
    place: type[Hub],
    folder: Path,
    task: str = "snli",
    wanted: dict[str, list[str]] | None = None,
    **overrides: Any,
) -> subprocess.CompletedProcess[str]:
    """`prepare` from the served hub, in a process that knows its address from the start."""
    entry = mirrors.entry(place.root, task, wanted or {"train": ["en"]}, **overrides)
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


def _export(root: Path) -> None:
    """XStoryCloze as the hub's own Parquet copy has it: a folder per config and split, no card."""
    columns: dict[str, Any] = {
        "story_id": ["s1", "s2"],
        **{f"input_sentence_{i}": [f"Sentence {i}.", f"Line {i}."] for i in range(1, 5)},
        "sentence_quiz1": ["A good end.", "A wrong end."],
        "sentence_quiz2": ["A bad end.", "A right end."],
        "answer_right_ending": pa.array([1, 2], pa.int32()),
    }
    for config in ("en", "sw"):
        for split in ("train", "eval"):
            file = root / "juletxara/xstory_cloze" / config / split / "0000.parquet"
            file.parent.mkdir(parents=True)
            pq.write_table(pa.table(columns), file)


def test_a_parquet_copy_has_a_folder_per_config_and_split(hub, tmp_path):
    _export(hub.root)
    hub.commits[EXPORTED] = PINNED
    folder = tmp_path / "out" / "data"
    wanted = {"test": ["en", "sw"]}
    done = prepared(hub, folder, task="xstory_cloze", wanted=wanted)
    assert done.returncode == 0, done.stderr
    about = read_json(folder / "provenance.json")["files"]["xstory_cloze/test/sw.arrow"]
    assert about["revision"] == PINNED
    unpinned = f"unpinned: the hub's Parquet copy ({EXPORTED}) at the time of loading"
    assert unpinned in about["notes"]
    rows = canonical.rows(data_path(folder, "xstory_cloze", "test", "sw"))
    assert [row["label"] for row in rows] == [0, 1]
    assert rows[0]["choices"] == ["A good end.", "A bad end."]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (
            {"test": ["en", "eu"]},
            "no xstory_cloze in eu (config eu); the languages there are en, sw",
        ),
        ({"dev": ["en"]}, "has no split 'validation'; it has eval, train: change source.splits"),
    ],
)
def test_what_a_parquet_copy_lacks_is_named(hub, tmp_path, wanted, said):
    _export(hub.root)
    hub.commits[EXPORTED] = PINNED
    splits = {"train": "train", "dev": "validation", "test": "eval"}
    done = prepared(hub, tmp_path / "data", task="xstory_cloze", wanted=wanted, splits=splits)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_locked_commit_of_a_parquet_copy_is_read_alike(hub, tmp_path):
    _export(hub.root)
    done = prepared(
        hub, tmp_path / "data", task="xstory_cloze", wanted={"test": ["en"]}, revision=PINNED
    )
    assert done.returncode == 0, done.stderr

"""`xstilts data lock`: revisions of the hub to commits, and studies that read those commits."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mirrors
import pytest
from loopback_hub import MAIN, PINNED, environment, served

from xstilts.data.lock import locked_revision, read_lock, write_lock
from xstilts.errors import UserError
from xstilts.files import read_json
from xstilts.study.check import read_study
from xstilts.study.resolve import resolve
from xstilts.tasks.table import TASKS

ROOT = Path(__file__).parents[2]
STUDY = """\
name: from-hub
question: Does it read what the lock says?
source: hub
models: [mini-encoder]
recipes: {none: [], snli: [snli]}
baseline: none
targets: [panx]
languages: [en]
seeds: [0]
"""
PREPARE = """
import json, sys
from pathlib import Path
from xstilts.data.prepare import prepare
prepare(json.loads(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def studies(tmp_path) -> Path:
    """The studies of a project, one of them on rows of the hub."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    folder = tmp_path / "pipelines" / "studies"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "pipelines/studies/smoke.yaml", folder)
    (folder / "from-hub.yaml").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture
def hub(tmp_path):
    mirrors.put(tmp_path / "hub", "snli", mirrors.SNLI)
    mirrors.put(tmp_path / "hub", "panx", mirrors.TAGGED)
    with served(tmp_path / "hub") as handler:
        yield handler


def lock(studies: Path, address: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`xstilts data lock from-hub` in a process that knows the hub's address from the start."""
    env = environment(address, studies / "home") | variables
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "xstilts.cli", "data", "lock", "from-hub"]
    root = studies.parent.parent
    return subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=False)


def change(studies: Path, **source: Any) -> None:
    """Give the study's SNLI another source."""
    more = f"tasks: {{snli: {{source: {json.dumps(source)}}}}}\n"
    (studies / "from-hub.yaml").write_text(STUDY + more, encoding="utf-8")


def revisions(studies: Path) -> dict[str, str | None]:
    """Task -> revision in the parameters of the study."""
    entries = resolve(read_study(studies / "from-hub.yaml"))["prepare"].values()
    records = [item["task"] for entry in entries for item in entry["tasks"]]
    return {record["name"]: record["source"].get("revision") for record in records}


def test_commits_are_locked_prepared_and_shown(studies, hub, tmp_path):
    assert revisions(studies) == {"snli": None, "panx": None}
    done = lock(studies, hub.address)
    assert done.returncode == 0, done.stderr
    assert f"google/xtreme main: {MAIN} (new)" in done.stdout
    assert read_lock(studies) == {
        "google/xtreme": {"main": MAIN},
        "stanfordnlp/snli": {"main": MAIN},
    }
    assert revisions(studies) == {"snli": MAIN, "panx": MAIN}

    entry = resolve(read_study(studies / "from-hub.yaml"))["prepare"]["snli"]
    entry["tasks"][0]["splits"] = {"train": ["en"]}
    command = [sys.executable, "-c", PREPARE, json.dumps(entry), str(tmp_path / "data")]
    subprocess.run(command, env=environment(hub.address, tmp_path / "home"), check=True)
    about = read_json(tmp_path / "data" / "provenance.json")["files"]["snli/train/en.arrow"]
    assert (about["revision"], about["notes"]) == (MAIN, [])


def test_a_new_commit_is_named_and_other_data_sets_stay(studies, hub):
    write_lock(studies, {"owner/other": {"main": PINNED}, "google/xtreme": {"main": MAIN}})
    hub.commits = {"main": "c" * 40}
    done = lock(studies, hub.address)
    assert done.returncode == 0, done.stderr
    assert f"google/xtreme main: {'c' * 40} (was {MAIN})" in done.stdout
    assert read_lock(studies)["owner/other"] == {"main": PINNED}


def test_a_tag_has_its_own_commit(studies, hub):
    change(studies, revision="v1")
    assert lock(studies, hub.address).returncode == 0
    assert read_lock(studies)["stanfordnlp/snli"] == {"v1": PINNED}
    assert revisions(studies) == {"snli": PINNED, "panx": MAIN}


def test_all_that_cannot_be_resolved_is_named_and_nothing_is_written(studies, hub):
    change(studies, revision="v9")
    shutil.rmtree(hub.root / "google")
    done = lock(studies, hub.address)
    assert done.returncode == 2
    errors = done.stderr.splitlines()
    assert len(errors) == 2
    assert errors[0].startswith("error: the hub has no data set 'google/xtreme'")
    assert errors[1].startswith("error: stanfordnlp/snli on the hub has no revision 'v9'")
    assert not (studies / "data.lock").exists()


@pytest.mark.parametrize("variables", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_without_a_network_the_lock_stays_as_it_was(variables, studies):
    write_lock(studies, {"google/xtreme": {"main": MAIN}})
    before = (studies / "data.lock").read_bytes()
    done = lock(studies, "http://127.0.0.1:9", **variables)
    assert done.returncode == 2
    [error] = done.stderr.splitlines()  # one cause, one line
    assert "could not be asked for the commits of google/xtreme, stanfordnlp/snli" in error
    assert "check the network" in error
    assert (studies / "data.lock").read_bytes() == before


def test_a_lock_changes_nothing_for_rows_from_elsewhere(studies):
    before = resolve(read_study(studies / "smoke.yaml"))
    write_lock(studies, {"facebook/xnli": {"main": MAIN}, "google/xtreme": {"main": MAIN}})
    assert resolve(read_study(studies / "smoke.yaml")) == before


def test_what_names_a_commit_itself_keeps_it():
    source = replace(TASKS["snli"].source, revision=PINNED)
    assert locked_revision(source, {"stanfordnlp/snli": {"main": MAIN}}) == PINNED
    assert locked_revision(TASKS["snli"].source, {"google/xtreme": {"main": MAIN}}) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "cannot be read"),
        ("- a", "is no mapping of data sets"),
        ("a/b: main", "'main' does not map revisions to commits"),
        ("a/b: {main: v1}", "does not map revisions to commits (40 hexadecimal digits)"),
    ],
)
def test_a_damaged_lock(text, said, studies):
    (studies / "data.lock").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_study(studies / "from-hub.yaml")
    assert said in str(error.value)
    assert "write it anew with `xstilts data lock`" in str(error.value)

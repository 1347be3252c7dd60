"""`xstilts schedule trigger`: a run for new data, once, and never beside another one."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kfp_server_api import models
from recurring_server import Recurrings, serving
from test_schedule import GOOD
from test_schedule_operators import IDS, PLACE, TICKS, TURNS, Operator, Stage

from pipelines import api, data, target
from pipelines.schedule import __main__ as schedule
from pipelines.schedule import trigger as schedule_trigger
from pipelines.schedule import triggered
from pipelines.schedule.recurring import Newest, Wanted, mark, put
from xstilts.errors import UserError
from xstilts.store import tracked

REVISION = {"md5": "1a2b3c4d" * 4 + ".dir", "size": 120, "nfiles": 3}
MIRRORED = """\
name: real
question: Does it help?
source: {kind: mirror, path: data-mirror}
models: [mini-encoder]
recipes: {none: [], mnli: [mnli]}
baseline: none
targets: [xnli]
seeds: [0]
"""


@pytest.fixture
def server():
    return Recurrings()


@pytest.fixture
def url(server):
    with serving(server) as found:
        yield found


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    for name in (*target.ENDPOINTS, api.TOKEN, schedule.CLOCK):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(target, "configured", lambda _root: None)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nightly.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with a study of tracked data, whose folder is not checked out; the store has it."""
    studies = tmp_path / "clone" / "studies"
    studies.mkdir(parents=True)
    (studies / "real.yaml").write_text(MIRRORED, encoding="utf-8")
    monkeypatch.setattr(data, "ROOT", studies.parent)
    monkeypatch.setattr(data, "STUDIES", studies)
    monkeypatch.setattr(tracked, "held", lambda _store, md5: md5 == REVISION["md5"])
    monkeypatch.setattr(data, "configured", lambda _root: None)
    revise(studies.parent, REVISION)
    return studies.parent


def revise(clone, revision):
    text = tracked.dvc_text("data-mirror", revision)
    (clone / "data-mirror.dvc").write_text(text, encoding="utf-8")


def run(url, action, *words):
    return schedule.main([action, *map(str, words), "--endpoint", url])


def trigger(url, file, *words):
    return run(url, "trigger", "nightly", file, *words)


def mine(server):
    """The runs that were triggered; the oldest first."""
    return [run for run in reversed(server.runs) if run["display_name"] != "of the schedule"]


def test_a_run_is_started_with_all_that_the_schedule_says(server, url, file, capsys):
    assert trigger(url, file) == 0
    (own,) = server.there.values()
    (started,) = mine(server)
    assert started["recurring_run_id"] == own["recurring_run_id"]
    assert started["runtime_config"] == own["runtime_config"]
    assert (started["service_account"], started["experiment_id"]) == ("runner", "e1")
    reference = {"pipeline_id": "p-xstilts-cpu", "pipeline_version_id": "v1"}
    assert started["pipeline_version_reference"] == reference
    assert started.keys() <= models.V2beta1Run.openapi_types.keys()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "nightly: created"
    assert lines[1] == f"nightly: started: {started['display_name']}"
    assert lines[2] == f"Run: {url}/#/runs/details/run-1"


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUCCEEDED", "PAUSED"])
def test_the_same_is_started_once(server, url, file, capsys, state):
    trigger(url, file)
    server.runs[0]["state"] = state
    capsys.readouterr()
    assert trigger(url, file) == 0
    assert len(mine(server)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "was started before" in lines[0]
    assert lines[1].endswith("/run-1")


def test_what_failed_is_started_again_under_a_name_of_its_own(server, url, file):
    """Newer servers give back the run that there is when a name comes a second time."""
    for state in ("FAILED", "CANCELED", "SUCCEEDED"):
        assert trigger(url, file) == 0
        server.runs[0]["state"] = state
    assert trigger(url, file) == 0
    first, second, third = [own["display_name"] for own in mine(server)]
    assert (second, third) == (f"{first} try 2", f"{first} try 3")


def test_new_code_and_other_parameters_are_another_run(server, url, file):
    for change in (lambda: None, lambda: setattr(server, "version", "v2"),
                   lambda: file.write_text(GOOD.replace('"0,1"', '"0"'))):  # fmt: skip
        change()
        assert trigger(url, file) == 0
        server.runs[0]["state"] = "SUCCEEDED"
    assert len({own["display_name"] for own in mine(server)}) == 3
    file.write_text(GOOD.replace("30 1", "30 2"))
    assert trigger(url, file) == 0  # another time is nothing new
    assert len(mine(server)) == 3


def test_another_run_of_the_schedule_is_not_overlapped(server, url, file, capsys):
    run(url, "apply", file)
    server.run("id-001")
    assert trigger(url, file) == 2
    assert "/run-1 goes on, and two at a time" in capsys.readouterr().err
    assert mine(server) == []


def test_another_run_is_waited_for(server, url, file, capsys, monkeypatch):
    run(url, "apply", file)
    server.run("id-001")
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        assert mine(server) == []
        server.runs[0]["state"] = "RUNNING" if len(slept) < 3 else "SUCCEEDED"

    monkeypatch.setattr(schedule_trigger.time, "sleep", sleep)
    assert trigger(url, file, "--wait") == 0
    assert len(slept) == 3
    assert len(mine(server)) == 1
    assert capsys.readouterr().out.count("waits for its run") == 1


def test_kubeflow_counts_a_triggered_run_among_the_schedule_s(server, url, file):
    """So what is due meanwhile waits, and nobody replaces or deletes the schedule under it."""
    trigger(url, file)
    file.write_text(GOOD.replace("30 1", "30 2"))
    assert run(url, "apply", file) == 2
    assert run(url, "delete", "nightly") == 2
    assert server.killed == []


def test_a_paused_schedule_stays_so(server, url, file, capsys):
    run(url, "apply", file)
    run(url, "pause", "nightly")
    assert trigger(url, file) == 2
    assert "nightly is paused" in capsys.readouterr().err
    assert server.there["id-001"]["status"] == "DISABLED"
    assert mine(server) == []


def test_a_name_that_no_file_has(url, file, capsys):
    assert run(url, "trigger", "weekly", file) == 2
    assert "no file has the schedule weekly; they have nightly." in capsys.readouterr().err


def test_a_triggered_run_is_at_no_wrong_time(url, file, capsys):
    trigger(url, file)
    assert run(url, "list", file) == 0
    assert "note" not in capsys.readouterr().out


@pytest.mark.usefixtures("clone")
def test_the_data_of_the_clone_are_a_parameter(server, url, file, capsys):
    file.write_text(GOOD.replace("study: smoke", "study: real"))
    assert schedule.main(["explain", str(file)]) == 0
    assert "  reads data-mirror 1a2b3c4d" in capsys.readouterr().out
    assert trigger(url, file) == 0
    (started,) = mine(server)
    assert started["runtime_config"]["parameters"]["data"] == {"data-mirror": REVISION}
    assert "with data-mirror 1a2b3c4d" in started["description"]
    words = started["display_name"].split()
    assert words[:4] == ["nightly", "data", "1a2b3c4d", "code"]


def test_new_data_are_a_change_of_the_schedule_and_another_run(
    server, url, file, clone, monkeypatch, capsys
):
    file.write_text(GOOD.replace("study: smoke", "study: real"))
    assert trigger(url, file) == 0
    server.runs[0]["state"] = "SUCCEEDED"
    newer = REVISION | {"md5": "9" * 32 + ".dir"}
    revise(clone, newer)
    assert trigger(url, file) == 2
    error = capsys.readouterr().err
    assert f"s3://bucket/p does not hold the revision {newer['md5']} of data-mirror" in error
    monkeypatch.setattr(tracked, "held", lambda _store, _md5: True)
    assert trigger(url, file) == 0
    assert "nightly: replaced" in capsys.readouterr().out
    assert list(server.there) == ["id-002"]
    assert [own["runtime_config"]["parameters"]["data"]["data-mirror"] for own in mine(server)] == [
        REVISION, newer,
    ]  # fmt: skip
    assert server.runs[0]["recurring_run_id"] == "id-002"


def test_data_that_nothing_tracks_are_a_mistake_with_its_line(url, file, clone, capsys):
    (clone / "data-mirror.dvc").unlink()
    file.write_text(GOOD.replace("study: smoke", "study: real"))
    assert run(url, "apply", file) == 2
    error = capsys.readouterr().err
    assert f"{file.name}, line 2: " in error
    assert "the mirror data-mirror is a folder, which a pod does not have" in error
    assert "`dvc add FOLDER`" in error


# --- several people at once


VERSION = Newest("p", "v", "v-rev", frozenset())
WANTED = Wanted("nightly", "1" * 64, {"display_name": "nightly", "description": mark("1" * 64),
                                      "runtime_config": {"parameters": {}}})  # fmt: skip


class Triggering(Operator):
    """One who triggers the schedule, after another did or at the same time."""

    def work(self):
        self.stage.me.operator = self
        try:
            put(PLACE, WANTED)
            self.ended = triggered.start(PLACE, WANTED, VERSION, "a name").id
        except UserError as error:
            self.ended = str(error)
        finally:
            self.ended = self.ended or "died"
            self.arrived.release()


@settings(max_examples=40, deadline=None)
@given(people=st.integers(2, 4), turns=TURNS, ticks=TICKS, ids=IDS)
def test_of_several_who_trigger_at_once_one_starts_a_run(people, turns, ticks, ids):
    server = Recurrings()
    server.ids = iter(ids)
    stage = Stage(server, ticks, ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "call", stage.call)
        patch.setattr("test_schedule_operators.Operator", Triggering)
        ended = stage.play([1] * people, turns)
    going = [own["run_id"] for own in server.runs if own["state"] == "PENDING"]
    assert len(going) == 1
    assert going[0] in ended
    assert "died" not in ended


def test_a_schedule_that_somebody_removes_meanwhile_starts_nothing():
    server = Recurrings()
    stage = Stage(server, [0], ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "call", stage.call)
        with pytest.raises(UserError, match="somebody else changed the schedule nightly"):
            triggered.start(PLACE, WANTED, VERSION, "a name")
        put(PLACE, WANTED)
        other = replace(WANTED, digest="2" * 64)
        with pytest.raises(UserError, match="somebody else changed the schedule nightly"):
            triggered.start(PLACE, other, VERSION, "a name")
    assert server.runs == []


def test_names_differ_where_data_differ():
    def named(revisions):
        body = {"runtime_config": {"parameters": {"data": revisions}}}
        return triggered.title(Wanted("nightly", "", body), VERSION)

    texts = [named({}), named({"a": REVISION}), named({"b": REVISION})]
    texts.append(named({"a": REVISION | {"md5": "1a2b3c4d" + "0" * 24 + ".dir"}}))
    assert len(set(texts)) == 4
    assert texts[1] == named(json.loads(json.dumps({"a": dict(reversed(REVISION.items()))})))

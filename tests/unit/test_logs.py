"""Records: lines for people, objects for a log collector, from every process of a stage."""

import json
import logging
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import dvc_steps, stage
from xstilts.errors import UserError
from xstilts.observe.logs import FORMAT, LOG, as_text, configure, relay, say
from xstilts.observe.subject import STAGE, STUDY, WAITED, about, subject, waited
from xstilts.study.jobs import last_lines

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch):
    root = logging.getLogger()
    handlers = root.handlers[:]
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name in (FORMAT, STUDY, STAGE, WAITED, "RANK"):
        monkeypatch.delenv(name, raising=False)
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers


@pytest.fixture
def _json(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FORMAT, "json")
    configure()


def _records(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_people_read_lines(capsys):
    configure()
    configure()  # twice is once
    say("12 steps", steps=12)
    LOG.warning("no %s", "port")
    LOG.error("two lines\nof it")
    shown = capsys.readouterr()
    assert shown.out == "12 steps\n"
    assert shown.err == "warning: no port\nerror: two lines\nof it\n"


@pytest.mark.usefixtures("_json")
def test_a_collector_reads_an_object_per_line(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    with about("small", "finetune@größe"):
        say("Größe: «1»\nund 2", loss=0.25, step=7)
    shown = capsys.readouterr()
    (found,) = _records(shown.out)
    assert datetime.fromisoformat(found.pop("time")).utcoffset().total_seconds() == 0
    assert found == {
        "level": "info",
        "message": "Größe: «1»\nund 2",
        "study": "small",
        "stage": "finetune@größe",
        "rank": 3,
        "loss": 0.25,
        "step": 7,
    }
    assert "ö" in shown.out  # as it is read, not as \\u00f6


@pytest.mark.usefixtures("_json")
def test_errors_go_to_stderr_and_numbers_that_are_none_go_away(capsys):
    say("nothing yet", loss=float("nan"), best=float("-inf"))
    LOG.error("it is wrong")
    shown = capsys.readouterr()
    assert {"loss", "best"}.isdisjoint(_records(shown.out)[0])
    assert _records(shown.err)[0]["level"] == "error"


@pytest.mark.usefixtures("_json")
def test_what_nobody_expected_is_one_record():
    code = "from xstilts.observe.logs import configure\nconfigure()\n1 / 0"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    (found,) = _records(done.stderr)
    assert done.returncode == 1
    assert found["message"] == "ZeroDivisionError: division by zero"
    assert found["exception"].startswith("Traceback")
    assert as_text(done.stderr).startswith("critical: ZeroDivisionError")


@pytest.mark.usefixtures("_json")
def test_warnings_of_libraries_are_records(capsys):
    logging.getLogger("some.library").warning("it is %d", 1)
    assert [own["message"] for own in _records(capsys.readouterr().err)] == ["it is 1"]


def test_another_format_is_a_mistake(monkeypatch):
    monkeypatch.setenv(FORMAT, "xml")
    with pytest.raises(UserError, match="XSTILTS_LOGS=xml is no format"):
        configure()


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_what_a_record_says_can_be_read(message: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORMAT, "json")
        configure()
        formatter = logging.getLogger().handlers[-1].formatter
        assert formatter is not None
        record = logging.LogRecord("xstilts", logging.INFO, "", 0, message, (), None)
        line = formatter.format(record)
    assert "\n" not in line
    assert as_text(line) == message


@pytest.mark.parametrize(
    "line", ["plain", '{"a": 1}', '{"time": "half', '{"time": "}', '{"time": "1"}', ""]
)
def test_what_is_no_record_is_read_as_it_is(line):
    assert as_text(line) == line


@pytest.mark.usefixtures("_json")
def test_lines_of_other_programs_become_records(capsys):
    record = '{"time": "2026-01-01", "level": "info", "message": "mine"}'
    with about("small", "prepare@a"):
        for line in (record, "10 %\r20 %\r30 %", "", "plain"):
            relay(line)
    found = _records(capsys.readouterr().out)
    assert [own["message"] for own in found] == ["mine", "30 %", "plain"]
    assert [own.get("stage") for own in found] == [None, "prepare@a", "prepare@a"]


def test_people_get_the_lines_of_other_programs_as_they_are(capsys):
    relay("10 %\r20 %")
    assert capsys.readouterr().out == "10 %\r20 %\n"


class _Job:
    """A stage whose log grows at every look, also in the middle of a line."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)
        self.process = self

    def poll(self) -> int | None:
        return None if self.pieces[1:] else 0

    def read(self) -> str:
        return self.pieces.pop(0) if self.pieces else ""


def test_a_log_is_passed_on_line_by_line(capsys):
    job = _Job("Running stage 'a':\nfi", "rst\nsec", "", "ond\nlast")
    dvc_steps._follow(job, job)
    assert capsys.readouterr().out == "first\nsecond\nlast\n"


def test_a_process_and_what_it_starts_know_what_they_work_on():
    code = "import xstilts.observe.subject as own; print(own.subject(), own.waited())"
    with about("small", "prepare@a", waited=61.4):
        assert (subject(), waited()) == ({"study": "small", "stage": "prepare@a"}, 61.0)
        with about("small", "prepare@b"):
            done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.stdout.decode() == "{'study': 'small', 'stage': 'prepare@b'} 61.0\n"
    assert (subject(), waited()) == ({}, None)


@pytest.mark.usefixtures("_json")
def test_a_stage_says_which_it_is(tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_text("study: {name: small}\nprepare: {a: {}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.setattr(sys, "argv", ["component", "a"])
    monkeypatch.setattr(stage.signal, "signal", lambda *_: None)
    stage.run_stage("prepare", lambda _entry, _folder: say("at work"))
    (found,) = _records(capsys.readouterr().out)
    assert (found["study"], found["stage"]) == ("small", "prepare@a")


@pytest.mark.usefixtures("_json")
def test_the_end_of_a_log_is_for_people(tmp_path, capsys):
    say("begun")
    LOG.error("row 3 is wrong")
    shown = capsys.readouterr()
    log = tmp_path / "log"
    log.write_text(f"Running stage 'a':\n{shown.out}10 %\r20 %\n{shown.err}")
    assert last_lines(log, 3) == ["begun", "20 %", "error: row 3 is wrong"]

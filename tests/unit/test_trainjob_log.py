"""The log of a TrainJob's first node: every line once, whatever the connection does."""

import pytest
from kube_api import CUT, DROP
from kube_jobs import complete, end, follow, hurry, start
from kube_server import kube_api

from components.trainjob import logs

AT = "2026-01-01T00:00:{:02}.000000000Z"


@pytest.fixture
def api(monkeypatch):
    hurry(monkeypatch)
    with kube_api() as found:
        yield found


LINES = [
    f"{AT.format(second)} line {number}" for number, second in enumerate([1, 2, 2, 2, 3, 3, 4])
]


@pytest.mark.parametrize("after", range(1, 7))
def test_a_broken_log_goes_on_where_it_broke(api, capsys, after):
    def controller(api):
        api.fail("GET", "/log", (DROP, after), (DROP, min(after + 1, 7)), CUT)
        pods = start(api)
        api.write(pods[0], *LINES)
        end(api, pods, 0, 0)
        complete(api)

    follow(api, controller)
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("line")]
    assert shown == [f"line {number}" for number in range(7)]


def test_a_training_that_is_silent_for_long(api, capsys, monkeypatch):
    monkeypatch.setattr(logs, "PATIENCE", 0.5)

    def controller(api):
        pods = start(api)
        api.write(pods[0], f"{AT.format(1)} line 0")
        api.wait_for(lambda: api.asked("GET", "/log") >= 3)
        api.write(pods[0], f"{AT.format(2)} line 1")
        end(api, pods, 0, 0)
        complete(api)

    follow(api, controller)
    shown = capsys.readouterr()
    assert [line for line in shown.out.splitlines() if line.startswith("line")] == [
        "line 0",
        "line 1",
    ]
    assert "interrupted" not in shown.err


def test_a_log_that_may_not_be_read_does_not_end_the_training(api, capsys):
    api.rules = [rule for rule in api.rules if rule["resources"] != ["pods/log"]]

    def controller(api):
        start(api)
        api.wait_for(lambda: api.asked("GET", "/log") >= 2)
        complete(api)

    follow(api, controller)
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "training-role.yaml" in line]) == 1


def test_a_restart_shows_the_log_of_the_new_pod(api, capsys):
    def controller(api):
        first, second = start(api)
        api.write(first, f"{AT.format(1)} first", end=True)
        api.wait_for(lambda: api.asked("GET", "/log") >= 2)
        api.remove("pods", first)
        api.remove("pods", second)
        api.log.clear()
        api.ended_logs.clear()
        pods = start(api)
        api.write(pods[0], f"{AT.format(1)} again")
        end(api, pods, 0, 0)
        complete(api)

    follow(api, controller)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in ("first", "again")] == ["first", "again"]

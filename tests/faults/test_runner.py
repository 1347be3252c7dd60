"""The runner and its stages when they are stopped or killed, or their files are damaged."""

import signal
from contextlib import suppress

import psutil
import pytest
from small_project import (
    at_work,
    dvc,
    ran,
    results,
    small_project,
    start,
    stop,
    wait_until,
    xstilts,
)

from xstilts.study.state import DVC

SLOW = "finetune@mini-encoder-mnli-panx-0"
DEPENDENT = {"evaluate@mini-encoder-mnli-panx-0", "publish"}


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[str, str]:
    """The results of a run that nobody disturbs."""
    folder = small_project(tmp_path_factory.mktemp("undisturbed") / "project")
    assert xstilts(folder, "run", "small")[0] == 0
    return results(folder)


@pytest.fixture
def project(tmp_path):
    return small_project(tmp_path / "project")


@pytest.fixture
def running(project):
    """A run that has come to its slow stage."""
    (project / "slow").write_text(SLOW)
    process = start(project, "run", "small", "--jobs", "2")
    wait_until((project / f"started-{SLOW}").exists)
    yield process
    process.kill()
    process.wait()


def finish(project) -> list[str]:
    """Let the next run finish; the stages that it ran."""
    (project / "slow").unlink()
    ran(project)
    code, output = xstilts(project, "run", "small")
    assert code == 0, output
    return ran(project)


def slow_stage(project) -> psutil.Process:
    command = ["components/payload.py", "finetune"]
    for process in at_work(project):
        with suppress(psutil.NoSuchProcess):  # another one may just have ended
            if process.cmdline()[1:3] == command:
                return process
    raise AssertionError("the slow stage does not run")


def no_half_result(project, expected) -> bool:
    files = {path for path in results(project) if "/." not in path}
    return not (project / "models/finetune" / SLOW.partition("@")[2]).exists() and files < set(
        expected
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_runner_stops_everything(project, running, expected, number, code):
    found, output = stop(running, number)
    assert found == code
    assert f"Stopped by {signal.Signals(number).name}" in output
    assert at_work(project) == []
    assert no_half_result(project, expected)
    assert not list(project.glob("models/finetune/.*"))  # the stage could clean up
    assert SLOW in finish(project)
    assert results(project) == expected


def test_a_killed_runner_takes_everything_with_it(project, running, expected):
    running.kill()
    running.communicate()
    wait_until(lambda: at_work(project) == [], 10)
    assert no_half_result(project, expected)
    assert SLOW in finish(project)
    assert results(project) == expected
    assert not list(project.glob("models/finetune/.*"))


def test_a_killed_stage_fails_alone(project, running, expected):
    slow_stage(project).kill()
    output = running.communicate(timeout=120)[0]
    assert running.returncode == 1
    assert f"{SLOW} FAILED" in output
    assert "stages left out because they depend on it: 2" in output
    assert no_half_result(project, expected)
    assert {"shortcuts@panx", "evaluate@mini-encoder-none-panx-0"} <= set(ran(project))
    assert set(finish(project)) == {SLOW} | DEPENDENT
    assert results(project) == expected


def test_a_killed_dvc_takes_its_stage_with_it(project, running, expected):
    stage = slow_stage(project)
    parent = stage.parent()
    assert parent
    assert DVC in parent.cmdline()
    parent.kill()
    output = running.communicate(timeout=120)[0]
    assert running.returncode == 1
    assert f"{SLOW} FAILED" in output
    assert not stage.is_running() or stage.status() == psutil.STATUS_ZOMBIE
    assert no_half_result(project, expected)
    assert set(finish(project)) == {SLOW} | DEPENDENT
    assert results(project) == expected


def test_a_second_runner_waits_for_nobody(project, running):
    code, output = xstilts(project, "run", "small")
    assert code == 2
    assert f"another xstilts (process {running.pid}) is at work" in output


def test_a_mistake_of_the_user_is_shown(project, expected):
    (project / "wrong").write_text("prepare@panx\nfile x, row 3, field tags: no such tag.")
    code, output = xstilts(project, "run", "small")
    assert code == 2
    assert "prepare@panx FAILED" in output
    assert "error: file x, row 3, field tags: no such tag." in output
    assert ".dvc/tmp/xstilts/logs/prepare@panx.log" in output
    assert "Traceback" not in output
    (project / "wrong").unlink()
    assert xstilts(project, "run", "small")[0] == 0
    assert results(project) == expected


@pytest.mark.parametrize("share", [0.5, 0.93])
def test_a_half_written_lock_file_costs_no_result(project, expected, share):
    assert xstilts(project, "run", "small")[0] == 0
    ran(project)
    lock = project / "dvc.lock"
    content = lock.read_bytes()
    lock.write_bytes(content[: int(len(content) * share)])
    code, output = xstilts(project, "run", "small")
    assert code == 0, output
    assert ran(project) == []
    assert results(project) == expected


def test_a_damaged_lock_file_is_set_aside(project, expected):
    assert xstilts(project, "run", "small")[0] == 0
    ran(project)
    (project / "dvc.lock").write_text("stages: [")
    code, output = xstilts(project, "run", "small")
    assert code == 0, output
    assert "dvc.lock was damaged" in output
    assert ran(project) == []
    assert results(project) == expected
    assert "up to date" in dvc(project, "status")


def test_a_result_that_is_deleted_or_changed_is_restored(project, expected):
    assert xstilts(project, "run", "small")[0] == 0
    ran(project)
    (project / "data/panx/result").write_text("something else")
    (project / "models/backbone/mini-encoder/result").unlink()
    code, output = xstilts(project, "run", "small")
    assert code == 0, output
    assert results(project) == expected

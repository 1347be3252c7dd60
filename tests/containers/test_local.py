"""Containers on the Docker engine: no exit code is lost, no container stays, none is privileged."""

import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker.errors import APIError
from kfp.local.docker_task_handler import run_docker_container
from small_project import ROOT, environment, wait_until

from pipelines.local import engine
from pipelines.local.containers import Containers, settings
from xstilts.errors import UserError

MEMORY = 2**28  # bytes
TINY = Path(__file__).with_name("tiny_pipeline.py")


@pytest.fixture(scope="module")
def client():
    return engine.connect()


@pytest.fixture
def containers(client, image, tmp_path):
    """Containers of a run whose folder is the test's, and the lines they have shown."""
    shown: list[str] = []
    with engine.run_folder(tmp_path / "run") as folder:
        ids = engine.image_ids(client, [image])
        made = Containers(folder, ids, shown.append)
        made.shown = shown
        yield made
    assert left(client, folder) == []


def left(client, folder: Path) -> list[str]:
    """Names of the run's containers that are still there."""
    label = f"{engine.LABEL}={folder}"
    found = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    return [container.name for container in found]


def run(containers, client, image, script: str, **changes) -> int:
    keywords = settings(containers.folder, environment={}, loopback=False, memory=MEMORY) | changes
    root = str(containers.folder / "root")
    volumes = {root: {"bind": root, "mode": "rw"}}
    return containers.run(client, image, ["sh", "-c", script], volumes, **keywords)


@pytest.fixture
def _busy():
    """Other work for every core, and more."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("_busy")
def test_no_failure_counts_as_a_success_on_a_busy_machine(containers, client, image):
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: run(containers, client, image, "exit 7"), range(40)))
    assert codes == [7] * 40
    assert left(client, containers.folder) == []


@pytest.mark.usefixtures("_busy")
def test_kfp_s_own_function_does_count_failures_as_successes(client, image):
    """When this fails, KFP has been mended, and ours has one reason less."""

    def counted(_number: int) -> bool:
        try:
            return run_docker_container(client, image, ["sh", "-c", "exit 7"], {}) == 0
        except APIError:
            return False  # an exit code that is lost with a noise

    with ThreadPoolExecutor(4) as pool:
        assert any(any(pool.map(counted, range(20))) for _ in range(10))


def test_codes_of_success_failure_and_of_a_container_that_somebody_removed(
    containers, client, image
):
    assert run(containers, client, image, "echo out; echo err >&2") == 0
    assert sorted(containers.ended[0].log.read_text().split()) == ["err", "out"]
    assert run(containers, client, image, "sh -c 'kill -9 $$'; exit $?") == 137

    def remove() -> None:
        wait_until(lambda: left(client, containers.folder))
        engine.remove_containers(client, containers.folder)

    thread = threading.Thread(target=remove)
    thread.start()
    assert run(containers, client, image, "sleep 60") != 0
    thread.join()


def test_a_program_that_is_not_there_is_a_failure_that_says_so(containers, client, image):
    keywords = settings(containers.folder, environment={}, loopback=False, memory=MEMORY)
    code = containers.run(client, image, ["no-such-program"], {}, **keywords)
    assert code == 125
    assert "no-such-program" in containers.ended[0].note


def test_too_little_memory_is_named(containers, client, image):
    code = run(containers, client, image, "tail /dev/zero", memswap_limit=MEMORY)
    assert code != 0
    assert containers.ended[0].note == "It needed more than its 0.2 GiB of memory."


def test_containers_have_no_privileges_and_write_where_they_may(containers, client, image):
    script = """
        id -u; id -g
        touch /here 2>/dev/null || echo read-only
        touch /tmp/here /scratch/here $0 && echo writable
        grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs)' /proc/self/status
    """
    folder = containers.folder
    command = ["sh", "-c", script, str(folder / "root" / "here")]
    root = {str(folder / "root"): {"bind": str(folder / "root"), "mode": "rw"}}
    keywords = settings(folder, environment={}, loopback=False, memory=MEMORY)
    assert containers.run(client, image, command, root, **keywords) == 0
    lines = containers.ended[0].log.read_text().replace("\t", " ").splitlines()
    nothing = "0000000000000000"
    assert lines[:4] == ["10001", "10001", "read-only", "writable"]
    assert {
        "NoNewPrivs: 1",
        *(f"{name}: {nothing}" for name in ("CapPrm", "CapEff", "CapBnd")),
    } == {*lines[4:]}


def test_the_environment_is_neither_in_the_command_nor_in_a_log(containers, client, image):
    secret = {"AWS_SECRET_ACCESS_KEY": "not-to-be-seen"}
    commands = []

    def look() -> None:
        wait_until(lambda: left(client, containers.folder))
        name = left(client, containers.folder)[0]
        commands.append(client.api.inspect_container(name)["Config"]["Cmd"])

    thread = threading.Thread(target=look)
    thread.start()
    script = "sleep 1; test ${#AWS_SECRET_ACCESS_KEY} = 14"
    assert run(containers, client, image, script, environment=secret) == 0
    thread.join()
    shown = json.dumps(commands) + "".join(containers.shown) + repr(containers.ended)
    assert "not-to-be-seen" not in shown + containers.ended[0].log.read_text()


def test_what_a_task_puts_out_reaches_loops_and_what_comes_after(image, tmp_path):
    output = tiny(image, tmp_path / "run").communicate(timeout=120)[0]
    result = json.loads(output.splitlines()[-1])
    assert result == {"failure": "", "codes": [0] * 7}
    receipts = '["A1 A2 of s3://the-run", "B1 of s3://the-run"]'
    assert f"echo | published {receipts} []" in output


def test_a_failed_stage_fails_the_run_after_its_siblings_and_the_exit_handler(image, tmp_path):
    output = tiny(image, tmp_path / "run", 'test "$0" != B || exit 9').communicate(timeout=120)[0]
    result = json.loads(output.splitlines()[-1])
    assert "for-loop" in result["failure"]
    assert sorted(result["codes"]) == [0, 0, 0, 0, 9]
    assert "published" not in output
    assert "finished tiny" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_removes_the_containers_at_once(client, image, tmp_path, number):
    process = tiny(image, tmp_path / "run", "sleep 100")
    wait_until(lambda: len(left(client, tmp_path / "run")) == 2)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]  # they would sleep longer
    assert process.returncode == 128 + number
    assert f"{number.name}: 2 containers removed." in output
    assert left(client, tmp_path / "run") == []


def test_the_next_start_removes_what_a_killed_run_left_and_nothing_else(client, image, tmp_path):
    killed, living = tmp_path / "killed", tmp_path / "living"
    processes = {folder: tiny(image, folder, "sleep 100") for folder in (killed, living)}
    wait_until(lambda: len(left(client, killed)) == len(left(client, living)) == 2)
    processes[killed].kill()
    processes[killed].communicate()
    assert len(left(client, killed)) == 2, "what is to be swept is gone by itself"
    engine.sweep(client, image)
    assert left(client, killed) == []
    assert len(left(client, living)) == 2
    processes[living].send_signal(signal.SIGTERM)
    processes[living].communicate(timeout=60)


def test_a_temporary_run_folder_is_private_and_swept_with_its_run(
    client, image, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with engine.run_folder(None) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "root").stat().st_mode & 0o777 == 0o777
        engine.sweep(client, image)
        assert folder.exists(), "a living run's folder was swept"
    engine.sweep(client, image)
    assert list(tmp_path.iterdir()) == []


def test_all_missing_images_are_named(client):
    with pytest.raises(UserError) as caught:
        engine.image_ids(client, ["no-such-image:1", "nor-this-one:2"])
    assert [problem.split(": build")[0] for problem in caught.value.problems] == [
        "the Docker engine has no image no-such-image:1",
        "the Docker engine has no image nor-this-one:2",
    ]


def test_an_engine_that_does_not_answer_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    with pytest.raises(UserError, match=f"engine at unix://{tmp_path}/no-engine does not answer"):
        engine.connect()


def test_a_folder_to_keep_must_be_empty(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(UserError, match="is not empty"), engine.run_folder(tmp_path):
        pass


def tiny(image: str, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """The tiny pipeline, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(TINY), image, str(folder), *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

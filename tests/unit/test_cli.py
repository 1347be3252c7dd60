"""The command line: what a person types, and what comes back."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml
from rich.console import Console

from xstilts import __version__
from xstilts.cli import main
from xstilts.errors import UserError
from xstilts.study import doctor
from xstilts.study.display import Overview, clock, wall_times
from xstilts.study.jobs import Job, failed_by_user, last_lines, was_cached
from xstilts.study.plan import Stage
from xstilts.study.profiles import study_names
from xstilts.study.run import exclusive
from xstilts.study.state import (
    recorded_output,
    recorded_outputs,
    release_dead_locks,
    remove_left_over,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder that `xstilts` takes for a clone, with our studies in it."""
    shutil.copytree(ROOT / "pipelines" / "studies", tmp_path / "pipelines" / "studies")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_the_version(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_outside_a_clone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["study", "list"]) == 2
    assert "is in no clone of xstilts" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_an_unknown_study(capsys):
    assert main(["study", "show", "mina"]) == 2
    assert "error: unknown study 'mina': did you mean mini?" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_declared_comparisons_are_shown(capsys):
    assert main(["study", "show", "multilingual-reasoning", "--profile", "mini"]) == 0
    output = capsys.readouterr().out
    sides = "multilingual (nli_multilingual, commonsense_multilingual) with english (nli_english"
    assert sides in " ".join(output.split())
    assert "nli_multilingual with nli_english" in output


@pytest.mark.usefixtures("project")
def test_no_study_at_all(capsys):
    assert main(["study", "show"]) == 2
    error = capsys.readouterr().err
    names = ", ".join(study_names(ROOT / "pipelines" / "studies"))
    assert f"params.yaml names no study: give one of {names}." in error


def test_studies_are_listed_from_below_the_clone_too(project, capsys, monkeypatch):
    monkeypatch.chdir(project / "pipelines")
    assert main(["study", "list"]) == 0
    output = capsys.readouterr().out
    assert "mini" in output
    assert "real sentences of every XTREME task" in output


def test_a_study_is_put_to_use(project, capsys):
    assert main(["study", "use", "mini"]) == 0
    assert "params.yaml now holds the study mini." in capsys.readouterr().out
    assert yaml.safe_load((project / "params.yaml").read_text())["study"]["name"] == "mini"
    assert main(["study", "use"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["study", "list"]) == 0
    assert any("*" in line and "mini" in line for line in capsys.readouterr().out.splitlines())


@pytest.mark.usefixtures("project")
def test_a_study_is_shown(capsys):
    assert main(["study", "show", "mini"]) == 0
    output = capsys.readouterr().out
    assert "mini-encoder, mini-encoder-untrained" in output
    assert "squad" in next(line for line in output.splitlines() if line.strip().startswith("xquad"))


def test_a_relative_mirror_is_found_from_anywhere(project, monkeypatch):
    (project.parent / f"{project.name}-hub").mkdir()
    monkeypatch.chdir(project / "pipelines")
    assert main(["study", "use", "real-slices", "--mirror", f"../../{project.name}-hub"]) == 0
    params = yaml.safe_load((project / "params.yaml").read_text())
    assert params["study"]["source"] == {"kind": "mirror", "path": f"../{project.name}-hub"}


def test_a_broken_study_tells_all_its_problems(project, capsys):
    path = project / "pipelines" / "studies" / "mini.yaml"
    path.write_text(path.read_text().replace("seeds: [0]", "seeds: []").replace("[mnli]", "[mnly]"))
    assert main(["run", "mini"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("error: pipelines/studies/mini.yaml, line ") for line in errors)
    assert not (project / "params.yaml").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_jobs_must_be_a_number(jobs, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["run", "--jobs", jobs])
    assert raised.value.code == 2
    assert "is no number of stages" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_a_second_runner_is_turned_away(capsys):
    with exclusive(Path()):
        assert main(["run", "mini"]) == 2
    assert f"another xstilts (process {os.getpid()}) is at work" in capsys.readouterr().err


def test_the_lock_is_free_again(project):
    for _ in range(2):
        with exclusive(project):
            pass


STAGES = [
    Stage("prepare@a", "prepare", "a", "data/a", ()),
    Stage("prepare@bb", "prepare", "bb", "data/bb", ()),
    Stage("publish", "publish", "", "results/x", ("prepare@a",)),
]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1:00"), (3723, "1:02:03")]
)
def test_durations(seconds, text):
    assert clock(seconds) == text


def test_wall_times_are_printed_by_phase():
    console = Console(file=io.StringIO(), width=80)
    console.print(wall_times(STAGES, {"prepare@a": 1.0, "prepare@bb": 2.0, "publish": 61.0}))
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines == [
        "Wall time per stage",
        "prepare: 2 stages, 3.0 s",
        "  a 1.0 s   bb 2.0 s",
        "publish: 1 stage, 1:01",
        "  publish 1:01",
    ]


def job(tmp_path: Path, text: str) -> Job:
    log = tmp_path / "stage.log"
    log.write_text(text, encoding="utf-8")
    return Job(STAGES[0], None, log, 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("terminal", [True, False])
def test_the_overview(tmp_path, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with Overview(console, 4) as overview:
        overview.refresh([job(tmp_path, "step 1\rstep 2 of [9]\n")], left=90)
        overview.finished(STAGES[0], 2.0)
        overview.unchanged()
        overview.failure(STAGES[1], 3.0, ["error: no [bold] row"], tmp_path / "stage.log", 1)
        overview.refresh([], left=0)
    text = console.file.getvalue()
    assert "[1/4] prepare@a  2.0 s" in text
    assert "[4/4] prepare@bb FAILED after 3.0 s" in text
    assert "    error: no [bold] row" in text
    assert "stages left out because they depend on it: 1" in text
    assert ("step 2 of [9]" in text) == terminal
    assert ("about 1:30 left" in text) == terminal


def test_the_end_of_a_log(tmp_path):
    failed = "ERROR: failed to reproduce 'x': "
    text = "Running stage 'x':\n> p\nfirst\n 10%\r100% done\n"
    text += f"{failed}failed to run: p, exited with 1\n"
    found = job(tmp_path, text)
    assert last_lines(found.log, 9) == ["first", "100% done"]
    assert last_lines(found.log, 1) == ["100% done"]
    for cause in ("missing data 'source': data/y", "failed to run: p, exited with -9"):
        found = job(tmp_path, f"{failed}{cause}\n")
        assert last_lines(found.log, 9) == [f"{failed}{cause}"]


def test_what_a_log_tells(tmp_path):
    assert failed_by_user(job(tmp_path, "failed to run: python x, exited with 2\n").log)
    assert not failed_by_user(job(tmp_path, "failed to run: python x, exited with 1\n").log)
    assert was_cached(job(tmp_path, "Stage 'x' is cached - skipping run\n").log)
    assert not was_cached(job(tmp_path, "Running stage 'x':\n").log)


def test_evaluations_of_no_plan_are_removed(tmp_path):
    plan = [
        Stage("evaluate@a", "evaluate", "a", "evaluations/s/a", ()),
        Stage("prepare@a", "prepare", "a", "data/a", ()),
    ]
    for name in ("evaluations/s/a", "evaluations/s/b", "evaluations/s/.a.x", "evaluations/t/b",
                 "data/b"):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "evaluations/s/note").touch()
    remove_left_over(tmp_path, plan)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*/*")}
    assert left == {"evaluations/s/a", "evaluations/t/b"}
    assert (tmp_path / "data/b").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"read": {}}', '{"write": {"a": 1}, "read": {}}'])
def test_damaged_locks_of_dvc_are_dropped(tmp_path, text):
    path = tmp_path / ".dvc/tmp/rwlock"
    release_dead_locks(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    release_dead_locks(tmp_path)
    assert not path.exists()


def test_locks_of_living_dvc_processes_are_kept(tmp_path):
    living = subprocess.Popen([sys.executable, "-c", "input()", "dvc"], stdin=subprocess.PIPE)
    dead = subprocess.Popen([sys.executable, "-c", "", "dvc"])
    while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    path = tmp_path / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True)
    own = {process.pid: {"pid": process.pid, "cmd": "dvc repro"} for process in (living, dead)}
    here = {"pid": os.getpid(), "cmd": "dvc repro"}  # the number of a process that is no DVC
    locks = {
        "write": {"a": own[living.pid], "b": own[dead.pid], "c": here},
        "read": {"d": [own[living.pid], own[dead.pid]], "e": [here]},
    }
    path.write_text(json.dumps(locks))
    release_dead_locks(tmp_path)
    living.communicate(b"\n")
    dead.wait()
    assert json.loads(path.read_text()) == {
        "write": {"a": own[living.pid]},
        "read": {"d": [own[living.pid]]},
    }


def test_recorded_outputs(tmp_path):
    assert recorded_outputs(tmp_path) == {}
    assert recorded_output(tmp_path, "a") is None
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  a:\n    outs: [{path: x, md5: '1'}, {path: y, md5: '2'}]\n  b:\n"
    )
    assert recorded_outputs(tmp_path) == {"a": "1 2", "b": ""}
    assert [recorded_output(tmp_path, name) for name in "abc"] == ["1 2", "", None]


def findings(check) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in check()}


@pytest.mark.usefixtures("project")
def test_doctor_names_a_remedy_for_every_problem(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (doctor._python, doctor._study))
    assert doctor.report() == 2  # there is no params.yaml
    assert "xstilts study use NAME" in capsys.readouterr().out
    main(["study", "use", "mini"])
    capsys.readouterr()
    assert doctor.report() == 0
    assert "holds the study mini" in capsys.readouterr().out


def test_doctor_sees_edited_parameters(project):
    main(["study", "use", "mini"])
    path = project / "params.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 1", 1))
    assert findings(doctor._study)["params.yaml"].remedy


def test_doctor_compares_with_the_lock(project):
    (project / "constraints.txt").write_text("torch==1.0\n# comment\nnumpy==2\n")
    found = findings(doctor._libraries)
    assert "the lock says 1.0" in found["torch"].remedy
    assert not found["transformers"].remedy


def test_doctor_sees_a_lock_left_by_a_killed_build(project, monkeypatch):
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(project / "extensions"))
    assert not findings(doctor._build_locks)["torch extensions"].remedy
    (project / "extensions" / "py311_cpu" / "op").mkdir(parents=True)
    (project / "extensions" / "py311_cpu" / "op" / "lock").touch()
    assert "rm " in findings(doctor._build_locks)["torch extensions"].remedy


@pytest.mark.usefixtures("project")
def test_doctor_knows_when_memory_or_disk_are_short(monkeypatch):
    assert set(findings(doctor._resources)) >= {"memory", "disk"}
    monkeypatch.setattr(doctor, "MEMORY_PER_STAGE", 2**60)
    monkeypatch.setattr(doctor, "DISK", 2**60)
    found = findings(doctor._resources)
    assert "--jobs 1" in found["memory"].remedy
    assert "free some" in found["disk"].remedy


@pytest.mark.usefixtures("project")
def test_doctor_lets_a_running_runner_be():
    assert findings(doctor._writers)["running"].text == "nothing"
    with exclusive(Path()):
        found = findings(doctor._writers)["running"]
    assert "is at work" in found.text
    assert not found.remedy


def test_the_lock_needs_no_param_file(tmp_path):
    with (
        exclusive(tmp_path),
        pytest.raises(UserError, match="wait until it ends"),
        exclusive(tmp_path),
    ):
        pass


@pytest.mark.usefixtures("project")
def test_doctor_of_a_cluster_is_handed_over(monkeypatch, capsys):
    def become(_program, words, _environment):
        raise SystemExit(" ".join(words))

    monkeypatch.setattr(os, "execve", become)
    for words in (["--overlay", "eks"], ["--cluster", "--help"], ["--pool", "l4"]):
        with pytest.raises(SystemExit, match=rf"pipelines\.doctor {' '.join(words)}$"):
            main(["doctor", *words])
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["doctor", "--help"])
    assert "xstilts doctor [-h] | --overlay NAME … | --cluster …" in capsys.readouterr().out

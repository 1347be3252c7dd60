"""`xstilts schedule` against a server in memory that answers as Kubeflow's API does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kfp_server_api import models
from recurring_server import Recurrings, serving

from pipelines import api, target
from pipelines.schedule import __main__ as schedule
from pipelines.schedule import actions as schedule_actions
from pipelines.schedule.recurring import Server, Wanted, mark, put, recurring
from xstilts.errors import UserError

ROOT = Path(__file__).parents[2]
GOOD = """\
name: nightly
study: smoke
cron: 30 1 * * 1
time_zone: UTC
pool: cpu
champion: transfer
notify: failures
parameters: {s3_url: "s3://bucket/p", seeds: "0,1"}
service_account: runner
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


def change(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(url, action, *words):
    return schedule.main([action, *map(str, words), "--endpoint", url])


def problems(capsys):
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err.splitlines()


def test_a_schedule_is_made(server, url, file, capsys):
    assert run(url, "apply", file) == 0
    assert "nightly: created; next run Mon " in capsys.readouterr().out
    (own,) = server.there.values()
    assert own["trigger"] == {"cron_schedule": {"cron": "0 30 1 * * 1"}}
    assert (own["max_concurrency"], own["no_catchup"], own["mode"]) == ("1", True, "ENABLE")
    assert own["pipeline_version_reference"] == {"pipeline_id": "p-xstilts-cpu"}
    assert (own["service_account"], own["experiment_id"]) == ("runner", "e1")
    assert own["runtime_config"]["parameters"] == {
        "study": "smoke",
        "pool": "cpu",
        "s3_url": "s3://bucket/p",
        "seeds": "0,1",
        "notify": "failures",
        "champion": "transfer",
    }
    assert own["description"].startswith(
        "smoke on cpu, at 01:30, on Monday (UTC). xstilts schedule"
    )


def test_kubeflow_s_own_client_knows_all_fields(server, url, file):
    run(url, "apply", file)
    (own,) = server.there.values()
    assert own.keys() <= models.V2beta1RecurringRun.openapi_types.keys()
    schedule = own["trigger"]["cron_schedule"]
    assert schedule.keys() <= models.V2beta1CronSchedule.openapi_types.keys()
    reference = own["pipeline_version_reference"]
    assert reference.keys() <= models.V2beta1PipelineVersionReference.openapi_types.keys()
    assert own["runtime_config"].keys() <= models.V2beta1RuntimeConfig.openapi_types.keys()
    assert own["mode"] in models.RecurringRunMode.allowable_values
    assert own["status"] in models.V2beta1RecurringRunStatus.allowable_values


def test_once_more_nothing_changes(server, url, file, capsys):
    assert run(url, "apply", file) == run(url, "apply", file) == 0
    assert "nightly: unchanged" in capsys.readouterr().out
    assert list(server.there) == ["id-001"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("30 1 * * 1", "30 2 * * 1"),
        ("time_zone: UTC", "time_zone: Etc/UTC"),
        ('seeds: "0,1"', 'seeds: "0"'),
        ("champion: transfer", "champion: other"),
        ("service_account: runner\n", ""),
    ],
)
def test_what_changed_is_replaced(server, url, file, capsys, old, new):
    assert run(url, "apply", file) == 0
    change(file, old, new)
    assert run(url, "apply", file) == 0
    assert "nightly: replaced" in capsys.readouterr().out
    assert list(server.there) == ["id-002"]


def test_a_run_that_goes_on_is_not_ended(server, url, file, capsys):
    run(url, "apply", file)
    server.run("id-001")
    change(file, "30 1", "30 2")
    assert run(url, "apply", file) == 2
    assert "its run" in (error := capsys.readouterr().err)
    assert "/#/runs/details/run-1 goes on and would end with it" in error
    assert list(server.there) == ["id-001"]
    assert server.there["id-001"]["status"] == "ENABLED"
    server.runs[0]["state"] = "SUCCEEDED"
    assert run(url, "apply", file) == 0
    assert list(server.there) == ["id-002"]
    assert server.killed == []


def test_pause_and_go_on(server, url, file, capsys):
    run(url, "apply", file)
    assert run(url, "pause", "nightly") == 0
    assert server.there["id-001"]["status"] == "DISABLED"
    assert run(url, "apply", file) == 0
    assert server.there["id-001"]["status"] == "ENABLED"
    assert "nightly: resumed" in capsys.readouterr().out


def test_delete(server, url, file, capsys):
    run(url, "apply", file)
    server.run("id-001")
    assert run(url, "delete", "nightly") == 2
    assert "nightly is paused, not deleted" in capsys.readouterr().err
    assert server.there["id-001"]["status"] == "DISABLED"
    server.runs[0]["state"] = "CANCELED"
    assert run(url, "delete", "nightly") == 0
    assert server.there == {}
    assert server.killed == []


def test_names_that_are_not_there(url, file, capsys):
    run(url, "apply", file)
    capsys.readouterr()
    assert run(url, "delete", "other", "none") == 2
    first, second = problems(capsys)
    assert "has no schedule other; it has nightly." in first
    assert "has no schedule none; it has nightly." in second


def test_recurring_runs_of_others_are_left_alone(server, url, file, capsys):
    for number in range(5):
        server.answer("POST", "/apis/v2beta1/recurringruns", {},
                      {"display_name": "nightly", "description": f"own {number}"})  # fmt: skip
    assert run(url, "apply", file) == run(url, "delete", "nightly") == 0
    assert run(url, "list", file) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nightly: not applied"
    assert len(server.there) == 5


def test_the_list(server, url, file, tmp_path, capsys):
    other = tmp_path / "other.yaml"
    other.write_text(GOOD.replace("nightly", "other"), encoding="utf-8")
    run(url, "apply", file, other)
    run(url, "pause", "other")
    server.run("id-001", "SUCCEEDED", "2026-11-23T01:30:00Z")
    change(other, '"0,1"', '"2"')
    capsys.readouterr()
    assert run(url, "list", file, other) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nightly: enabled; 0 30 1 * * 1",
        f"  last run: SUCCEEDED, {url}/#/runs/details/run-1",
        "other: paused, changed since it was applied; 0 30 1 * * 1",
    ]
    assert run(url, "list", other) == 0
    assert "nightly: enabled, in no file; 0 30 1 * * 1" in capsys.readouterr().out


def test_the_list_when_the_pipeline_is_gone(server, url, file, capsys):
    run(url, "apply", file)
    server.pipelines = {}
    assert run(url, "list", file) == 0
    found = capsys.readouterr().out
    assert "nightly: enabled, which cannot go on: " in found
    assert "has no pipeline xstilts-cpu" in found


def test_a_controller_in_another_time_zone_is_seen(server, url, file, capsys):
    run(url, "apply", file)
    server.run("id-001", "SUCCEEDED", "2026-11-23T00:30:00Z")
    run(url, "list", file)
    assert "that was due at Mon 2026-11-23 00:30 UTC, when it should not be" in (
        capsys.readouterr().out
    )


def test_a_time_zone_that_kubeflow_does_not_read_in(url, file, capsys):
    change(file, "time_zone: UTC", "time_zone: Europe/London")
    assert run(url, "apply", file) == 2
    (problem,) = problems(capsys)
    assert "time_zone is Europe/London, but Kubeflow reads all schedules in UTC" in problem
    assert run(url, "apply", file, "--clock", "Europe/London") == 0


def test_the_store_of_the_command_line(server, url, file):
    change(file, 's3_url: "s3://bucket/p", ', "")
    assert run(url, "apply", file, "--s3-url", "s3://other") == 0
    (own,) = server.there.values()
    assert own["runtime_config"]["parameters"]["s3_url"] == "s3://other"


def test_no_store(url, file, capsys):
    change(file, 's3_url: "s3://bucket/p", ', "")
    assert run(url, "apply", file) == 2
    assert "no store: give --s3-url" in problems(capsys)[0]


def test_a_pipeline_that_is_not_there(server, url, file, capsys):
    del server.pipelines["xstilts-cpu"]
    assert run(url, "apply", file) == 2
    assert "has no pipeline xstilts-cpu, which the schedule would run" in problems(capsys)[0]


def test_a_pipeline_that_is_too_old(server, url, file, capsys):
    server.pipelines["xstilts-cpu"] = ("study", "s3_url", "seeds", "pool")
    assert run(url, "apply", file) == 2
    found = problems(capsys)
    assert [problem.split("has no parameter ")[1][:8] for problem in found] == [
        "notify: ",
        "champion",
    ]
    assert server.there == {}


def test_one_that_fails_does_not_stop_the_others(server, url, file, tmp_path, capsys):
    other = tmp_path / "other.yaml"
    other.write_text(GOOD.replace("nightly", "other").replace("pool: cpu", "pool: gpu"), "utf-8")
    del server.pipelines["xstilts-cpu"]
    assert run(url, "apply", file, other) == 2
    captured = capsys.readouterr()
    assert "other: created" in captured.out
    assert "no pipeline xstilts-cpu" in captured.err


def test_all_problems_at_once(file, tmp_path, capsys):
    file.write_text(
        "name: Night\nstudy: smok\ncron: 60 1 * *\ntime_zone: Europe/Berln\npool: cpus\n"
        'notify: sometimes\nchampion: "a b"\nparameters: {seeds: 0, s3: x}\nwhen: never\n',
        encoding="utf-8",
    )
    other = tmp_path / "other.yaml"
    other.write_text("study: smoke\nprofile: big\n", encoding="utf-8")
    assert run("kubeflow:80", "apply", file, other) == 2
    found = "\n".join(problems(capsys))
    for expected in (
        "must begin with http:// or https://",
        f"{file}, line 1: name 'Night' is no name for Kubernetes",
        f"{file}, line 2: unknown study 'smok': did you mean smoke?",
        f"{file}, line 3: cron '60 1 * *' has 4 fields",
        f"{file}, line 4: unknown time zone 'Europe/Berln'",
        f"{file}, line 5: unknown pool 'cpus'",
        f"{file}, line 6: unknown notify 'sometimes'",
        f"{file}, line 7: The champion's name 'a b'",
        f"{file}, line 8: seeds must be a text: write it in quotes, not 0.",
        f"{file}, line 8: unknown field 's3'",
        f"{file}, line 9: unknown field 'when'",
        f"{other}, line 1: the schedule has no name.",
        f"{other}, line 1: the schedule has no cron.",
        f"{other}, line 1: the schedule has no time_zone.",
        f"{other}, line 1: the schedule has no pool.",
    ):
        assert expected in found, expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("gpus: '2'", "line 8: gpus goes with a pool for the device cuda; cpu has none."),
        ("gpus: many", "line 8: gpus 'many'"),
        ("tolerations: {}", "line 8: tolerations must be a list, not {}."),
        ("tolerations: [{kee: a}]", "line 8: tolerations[0]: "),
        ("node_selector: {a: 1}", "line 8: node_selector: the value of a must be a text"),
        ("models: mini", "line 2: models 'mini': unknown model 'mini'"),
    ],
)
def test_parameters_that_are_wrong(file, capsys, parameters, expected):
    change(file, 'seeds: "0,1"', parameters)
    assert schedule.main(["explain", str(file)]) == 2
    assert f"{file}, {expected}" in "\n".join(problems(capsys))


def test_two_files_of_one_name(file, tmp_path, capsys):
    other = tmp_path / "again.yaml"
    other.write_text(GOOD, encoding="utf-8")
    assert schedule.main(["explain", str(file), str(other)]) == 2
    assert problems(capsys) == [f"error: {other}: {file} has the name nightly, too."]


def test_a_file_that_is_no_mapping(file, capsys):
    file.write_text("- a\n", encoding="utf-8")
    assert schedule.main(["explain", str(file)]) == 2
    assert "must be a mapping with name, study" in problems(capsys)[0]


def test_what_it_means(file, capsys):
    change(file, "30 1 * * 1", "30 2 * * *")
    change(file, "time_zone: UTC", "time_zone: Europe/Berlin")
    assert schedule.main(["explain", str(file)]) == 0
    found = capsys.readouterr().out.splitlines()
    assert found[0] == "nightly: smoke on cpu, at 02:30, every day (Europe/Berlin)"
    assert found[1:3] == ["  challenges the champion transfer", "  notifies: failures"]
    assert sum(" 02:30 CE" in line for line in found) == 5
    assert sum(" in Europe/Berlin " in line for line in found) == 2


def test_the_project_s_own_schedules(capsys):
    assert schedule.main(["explain"]) == 0
    names = {path.stem for path in (ROOT / "k8s" / "schedules").glob("*.yaml")}
    assert {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()
            if not line.startswith(" ")} == names  # fmt: skip


def test_somebody_else_was_faster(server, url, monkeypatch):
    place = Server(api.Endpoint(url), None)

    def wanted(digit):
        digest = digit * 64
        body = {"display_name": "x", "description": mark(digest)}
        return Wanted("x", digest, body)

    make = server._make

    def overtaken(body):
        found = make(body)
        monkeypatch.setattr(server, "_make", make)
        server.clock += 1
        put(place, wanted("b"))
        return found

    monkeypatch.setattr(server, "_make", overtaken)
    with pytest.raises(UserError, match="somebody else changed the schedule x at the same time"):
        put(place, wanted("a"))
    assert [own.digest for own in recurring(place)] == ["b" * 64]


def test_the_command_line_hands_over(file):
    # From any folder of a clone, with paths as the caller sees them
    program = [sys.executable, "-m", "xstilts.cli", "schedule", "explain"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*program, os.path.relpath(file, ROOT / "tests")],
        cwd=ROOT / "tests",
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("nightly: smoke on cpu, at 01:30, on Monday (UTC)"), done.stderr


def test_the_parser_names_all_actions(capsys):
    with pytest.raises(SystemExit):
        schedule.main(["--help"])
    found = capsys.readouterr().out
    assert all(name in found for name in ("explain", "apply", "list", "pause", "delete"))
    assert schedule_actions.CLOCK == "XSTILTS_KFP_TIME_ZONE"

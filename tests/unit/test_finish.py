"""The exit handler: what it says of a run, whatever state the run is in."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from components.finish.__main__ import lines, main, status_of
from components.plan.studies import study_name
from xstilts.store import fragments, objects

PLAN = {
    "written": "2026-11-21T10:00:00+00:00",
    "stages": {"prepare@a": "store", "finetune@b": "to run", "evaluate@b": "to run",
               "publish": "to run"},
}  # fmt: skip
ARGUMENTS = ["--study", "small", "--s3-url", "s3://bucket/p", "--run-id", "r1"]


def receipt(outcome: str, error: str = "") -> dict[str, object]:
    return {"outcome": outcome, "error": error, "seconds": {}}


def test_a_complete_run():
    receipts = {name: receipt("ran") for name in ("finetune@b", "publish")}
    written = datetime.now(UTC) - timedelta(seconds=90)
    plan = PLAN | {"written": written.isoformat(timespec="seconds")}
    status = status_of(plan, set(PLAN["stages"]), receipts | {"evaluate@b": receipt("store")})
    assert status["state"] == "complete"
    assert status["counts"] == {"store": 2, "ran": 2, "missing": 0, "failed": 0}
    assert 90 <= status["seconds"] < 150
    assert lines("small", "r1", status) == [
        f"Study small, run r1: complete. 2 stages ran, 2 were in the store, 0 are missing "
        f"({status['seconds']} s since the plan)."
    ]


def test_an_incomplete_run_names_what_is_missing_and_why():
    receipts = {
        "finetune@b": receipt("failed", "finetune@b failed:\n" + "x\n" * 20 + "no memory left"),
        "evaluate@b": receipt("failed"),
    }
    status = status_of(PLAN, {"prepare@a"}, receipts)
    assert status["state"] == "incomplete"
    assert status["missing"] == ["finetune@b", "evaluate@b", "publish"]
    assert set(status["failed"]) == {"finetune@b", "evaluate@b"}
    text = "\n".join(lines("small", "r1", status))
    assert "missing: publish" in text
    assert "no memory left" in text
    assert "evaluate@b failed: it ended without saying why" in text
    assert "Start the pipeline again" in text


def test_a_failure_that_a_later_try_made_good_is_none():
    status = status_of(PLAN, set(PLAN["stages"]), {"finetune@b": receipt("failed", "killed")})
    assert status["failed"] == {}
    assert status["state"] == "complete"


def test_a_long_list_of_missing_stages_is_cut_in_the_log_only():
    plan = PLAN | {"stages": {f"finetune@{number}": "to run" for number in range(200)}}
    status = status_of(plan, set(), {})
    assert len(status["missing"]) == 200
    found = lines("small", "r1", status)
    assert len(found) < 30
    assert "missing: 180 more, see status.json" in found


@pytest.fixture
def bucket(monkeypatch) -> dict[str, bytes]:
    """A store in memory, in place of the requests to S3."""
    found: dict[str, bytes] = {}

    def names(place, *parts):
        start = place.key(*parts) + "/"
        return sorted(key.removeprefix(start) for key in found if key.startswith(start))

    def write(place, data, *parts, content_type=None):
        del content_type
        found[place.key(*parts)] = data

    monkeypatch.setattr(objects, "read", lambda place, *parts: found.get(place.key(*parts)))
    monkeypatch.setattr(objects, "write", write)
    monkeypatch.setattr(objects, "names", names)
    return found


def test_the_run_folder_is_read_and_the_status_written(bucket, capsys):
    folder = "p/studies/small/r1"
    bucket[f"{folder}/plan.json"] = json.dumps(PLAN).encode()
    for name in ("prepare@a", "finetune@b"):
        bucket[f"{folder}/lock/{name}.yaml"] = b""
    bucket[f"{folder}/receipts/finetune@b.json"] = json.dumps(receipt("ran")).encode()
    bucket[f"{folder}/receipts/evaluate@b.json"] = json.dumps(receipt("failed", "why")).encode()
    assert main(ARGUMENTS) == 0
    status = json.loads(bucket[f"{folder}/status.json"])
    assert status["state"] == "incomplete"
    assert status["missing"] == ["evaluate@b", "publish"]
    assert status["failed"] == {"evaluate@b": "why"}
    assert "evaluate@b failed: why" in capsys.readouterr().out


def test_a_run_without_a_plan(bucket, capsys):
    assert main(ARGUMENTS) == 0
    assert json.loads(bucket["p/studies/small/r1/status.json"])["state"] == "not planned"
    assert "not planned. The plan did not end well" in capsys.readouterr().out


def test_a_study_without_a_name_leaves_no_folder(bucket, capsys):
    assert main(["--study", "targets: all", *ARGUMENTS[2:]]) == 0
    assert bucket == {}
    assert "the study has no name" in capsys.readouterr().out


def test_a_store_that_cannot_be_used_is_an_error(monkeypatch, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(ARGUMENTS) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_receipts_are_those_that_a_pod_writes(bucket):
    from xstilts.store.location import Location

    run = Location("bucket", "p/studies/small/r1")
    fragments.write_receipt(run, "finetune@b", receipt("failed", "e"))
    bucket["p/studies/small/r1/plan.json"] = json.dumps(PLAN).encode()
    assert main(ARGUMENTS) == 0
    status = json.loads(bucket["p/studies/small/r1/status.json"])
    assert status["failed"] == {"finetune@b": "e"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mini", "mini"),
        (" mini\n", "mini"),
        ("name: mini\nseeds: [0]\n", "mini"),
        ("{name: mini}", "mini"),
        ("seeds: [0\nname: 'mini' # half\n", "mini"),
        ("name: Not A Name\n", None),
        ("seeds: [0]\n", None),
        ("", None),
    ],
)
def test_the_name_of_a_study_also_when_it_has_mistakes(text, name):
    assert study_name(text) == name

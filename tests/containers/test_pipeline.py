"""The whole pipeline in containers, through KFP's own local runner, with data through S3 only."""

import json
import re
import time

import pytest
from local_runs import (
    STUDY,
    at_work,
    broken,
    clone,
    copy_store,
    do,
    outcomes,
    run,
    runs,
    start,
    status,
)
from small_project import ROOT

from xstilts.store import fragments, objects
from xstilts.store.connection import connect
from xstilts.study.params import read_params
from xstilts.study.plan import stages

FINETUNE = "finetune@mini-encoder-mnli-panx-0"
EVALUATE = "evaluate@mini-encoder-mnli-panx-0"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A clone that uses no store yet."""
    return clone(tmp_path_factory.mktemp("clone") / "checkout")


@pytest.fixture(scope="module")
def plan(checkout):
    do(checkout, "xstilts.cli", "study", "use", STUDY)
    return {stage.name: stage for stage in stages(read_params(checkout / "params.yaml"))}


@pytest.fixture(scope="module")
def published(image, s3):
    """The output of the first run, and its folder in the store."""
    store = s3.store("pipeline")
    code, output = run(image, store)
    assert code == 0, output
    (folder,) = runs(store)
    return output, folder


@pytest.fixture
def nearly_finished(s3, published, request):
    """A store that lacks a fine-tuned model and what follows from it."""
    store = fragments.store_of(published[1])
    target = s3.store(request.node.name)
    copy_store(store, target, FINETUNE, EVALUATE, "publish")
    return target


def test_every_stage_runs_once_in_its_container(published, plan):
    output, folder = published
    assert outcomes(folder) == dict.fromkeys(plan, "ran")
    assert status(folder)["state"] == "complete"
    assert f"Run: {folder.url}" in output
    assert f"Report: {folder.url}/results/index.html" in output
    for name in ("index.html", "scores.json", "README.md"):
        assert objects.read(folder, fragments.RESULTS, name), name
    scores = json.loads(objects.read(folder, fragments.RESULTS, "scores.json"))
    assert re.fullmatch("sha256:[0-9a-f]{64}", scores["provenance"]["image_digest"])


def test_a_fresh_clone_restores_the_published_run_and_runs_nothing(
    store, published, tmp_path, plan
):
    store = fragments.store_of(published[1])
    folder = clone(tmp_path / "fresh")
    do(folder, "xstilts.cli", "store", "use", str(store))
    do(folder, "xstilts.cli", "store", "restore", STUDY)
    do(folder, "dvc", "pull")
    for stage in plan.values():
        assert (folder / stage.output).is_dir(), stage.name
    output = do(folder, "dvc", "repro")
    assert "Running stage" not in output
    assert "up to date" in output
    scores = (folder / "results" / STUDY / "scores.json").read_bytes()
    assert scores == objects.read(published[1], fragments.RESULTS, "scores.json")


def test_stages_finished_on_a_laptop_are_not_run_by_the_pipeline(image, s3, checkout, plan):
    target = s3.store("laptop first")
    do(checkout, "xstilts.cli", "run", STUDY)
    do(checkout, "xstilts.cli", "store", "use", str(target))
    do(checkout, "xstilts.cli", "store", "push")
    code, output = run(image, target)
    assert code == 0, output
    (folder,) = runs(target)
    # It has a container, so that this run has a report; its result is in the store, too
    assert outcomes(folder) == {"publish": "store"}
    assert status(folder)["counts"] == {"store": len(plan), "missing": 0, "failed": 0}
    scores = (checkout / "results" / STUDY / "scores.json").read_bytes()
    assert scores == objects.read(folder, fragments.RESULTS, "scores.json")


def test_a_killed_run_leaves_nothing_half_done_and_the_next_runs_what_is_missing(
    image, nearly_finished
):
    process = start(image, nearly_finished)
    for line in process.stdout:
        if line.startswith(f"{FINETUNE} started"):
            break
    time.sleep(2)
    process.kill()
    process.communicate()
    (left,) = at_work(FINETUNE)
    assert broken(nearly_finished) == []
    (killed,) = runs(nearly_finished)
    assert outcomes(killed) == {}

    code, output = run(image, nearly_finished)
    assert code == 0, output
    assert f"removed the container {left}, left by a run that was killed" in output
    assert at_work(FINETUNE) == []
    assert outcomes(runs(nearly_finished)[-1]) == dict.fromkeys(
        (FINETUNE, EVALUATE, "publish"), "ran"
    )
    assert broken(nearly_finished) == []


def test_a_lost_input_stops_its_stage_by_name_and_runs_nothing_upstream(image, nearly_finished):
    process = start(image, nearly_finished)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("plan succeeded"):
            break
    (folder,) = runs(nearly_finished)
    entry = fragments.read(folder, "prepare@panx")
    digest = entry["outs"][0]["md5"]
    connect(nearly_finished).delete_object(
        Bucket=nearly_finished.bucket,
        Key=nearly_finished.key("files", "md5", digest[:2], digest[2:]),
    )
    output = "".join(lines) + process.communicate(timeout=300)[0]
    assert process.returncode == 2, output
    message = f"error: {FINETUNE} needs the output of prepare@panx, which the store has lost"
    assert message in output
    assert output.index(message) < output.index(
        f"{FINETUNE} failed with exit code 2. Its last lines"
    )
    assert outcomes(folder) == {FINETUNE: "failed"}
    found = status(folder)
    assert found["state"] == "incomplete"
    assert found["missing"] == [FINETUNE, EVALUATE, "publish"]
    assert "prepare@panx" in found["failed"][FINETUNE]


def test_all_that_is_wrong_is_said_before_anything_is_trained(image, s3, tmp_path):
    text = (ROOT / "pipelines" / "studies" / f"{STUDY}.yaml").read_text(encoding="utf-8")
    text = text.replace("[mini-encoder]", "[maxi-encoder]").replace("epochs: 1", "epochs: none")
    study = tmp_path / f"{STUDY}.yaml"
    study.write_text(text, encoding="utf-8")
    target = s3.store("wrong")
    code, output = run(image, target, str(study), AWS_SECRET_ACCESS_KEY="wrong" * 8)
    assert code == 2, output
    errors = [line for line in output.splitlines() if line.startswith("plan | error: ")]
    assert len(errors) == 3, output
    assert "maxi-encoder" in output
    assert "epochs" in output
    assert "secret" in output
    assert [line for line in output.splitlines() if line.endswith(" started")] == [
        "plan started", "finish started",
    ]  # fmt: skip
    assert "wrongwrong" not in output

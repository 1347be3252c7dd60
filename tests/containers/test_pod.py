"""`xstilts-stage` against a real S3 server: a pod runs its stage once, and nothing else."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from published import let_publish
from small_project import (
    ROOT,
    at_work,
    dvc,
    environment,
    ran,
    results,
    small_project,
    wait_until,
    xstilts,
)

from components import pod
from xstilts.store import fragments, lookup, manifest, objects, publication, remote
from xstilts.store.location import Location
from xstilts.store.push import push
from xstilts.study.params import read_params
from xstilts.study.plan import stages

SLOW = "finetune@mini-encoder-mnli-panx-0"


def new_project(folder):
    let_publish(small_project(folder))
    assert xstilts(folder, "study", "use", "small")[0] == 0
    return folder


@contextmanager
def pods_of(project, scratch):
    """Have the pods of this process take the project for their image, and work in `scratch`."""
    scratch.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XSTILTS_HOME", str(project))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("PATH", environment()["PATH"])
        patch.chdir(scratch)
        yield


@pytest.fixture
def project(tmp_path):
    folder = new_project(tmp_path / "project")
    with pods_of(folder, tmp_path / "scratch"):
        yield folder


@pytest.fixture
def plan(project):
    return plan_of(project)


def plan_of(project):
    return stages(read_params(project / "params.yaml"))


@pytest.fixture(scope="module")
def bucket(s3):
    """A bucket to which this process and those it starts have the key."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment().items():
            patch.setenv(name, value)
        yield Location(s3.bucket("pods"), endpoint=s3.endpoint)


@pytest.fixture
def store(bucket, tmp_path):
    return bucket.below(tmp_path.name)


@dataclass(frozen=True)
class Finished:
    """A run whose stages pods have all run."""

    store: Location
    project: Path
    run: Location
    outcomes: dict[str, str]


@pytest.fixture(scope="module")
def finished(bucket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    store, project = bucket.below("finished"), new_project(folder / "project")
    run = planned(store, project)
    with pods_of(project, folder / "scratch"):
        return Finished(store, project, run, run_all(run, plan_of(project)))


def planned(store, project, name="first"):
    run = fragments.run_folder(store, "small", name)
    objects.write(run, (project / "params.yaml").read_bytes(), fragments.PARAMS)
    return run


def run_all(run, plan):
    for stage in plan:
        assert pod.main([stage.name, "--run", str(run)]) == 0
    return outcomes(run)


def outcomes(run):
    return {name: receipt["outcome"] for name, receipt in fragments.read_receipts(run).items()}


def test_every_stage_runs_once(finished, plan):
    names = [stage.name for stage in plan]
    assert finished.outcomes == dict.fromkeys(names, "ran")
    known = lookup.known(finished.project, plan, finished.store)
    assert known == fragments.read_all(finished.run, names)
    latest = objects.read(finished.store, "studies", "small", fragments.LATEST)
    assert json.loads(latest)["run"] == "first"
    assert objects.read(finished.run, fragments.RESULTS, "result")
    published = manifest.read(finished.store, "small", "first")
    lock = manifest.read_file(finished.store, published, "dvc.lock").decode()
    assert lock == fragments.lock_text(fragments.read_all(finished.run, names))
    assert manifest.read_file(finished.store, published, "params.yaml").decode() == (
        fragments.read_params(finished.run)
    )


def test_a_second_run_finds_everything_in_the_store(finished, plan, tmp_path):
    second = planned(finished.store, finished.project, "second")
    with pods_of(finished.project, tmp_path / "pods"):
        assert run_all(second, plan) == {stage.name: "store" for stage in plan}
    assert objects.read(second, fragments.RESULTS, "result")
    assert manifest.read(finished.store, "small", "second")


def test_stages_run_on_a_laptop_are_not_run_by_pods(store, project, plan):
    assert xstilts(project, "run", "small")[0] == 0
    remote.configure(project, store)
    assert push(project) == len(plan)
    assert lookup.known(project, plan, store).keys() == {stage.name for stage in plan}
    assert run_all(planned(store, project), plan) == {stage.name: "store" for stage in plan}


def test_dvc_itself_finds_what_pods_recorded(finished, project, plan):
    remote.configure(project, finished.store)
    dvc(project, "fetch", "--run-cache")
    dvc(project, "repro", "--pull")
    assert ran(project) == []
    assert set(results(project)) >= {f"{stage.output}/result" for stage in plan}


def test_pods_find_what_dvc_itself_pushed(store, project, plan):
    remote.configure(project, store)
    dvc(project, "repro")
    dvc(project, "push", "--run-cache")
    assert lookup.known(project, plan, store).keys() == {stage.name for stage in plan}


def test_a_clone_restores_a_published_run_and_runs_nothing(finished, plan, tmp_path):
    clone = let_publish(small_project(tmp_path / "clone"))
    remote.configure(clone, finished.store)
    code, output = xstilts(clone, "store", "restore")
    assert code == 0, output
    dvc(clone, "pull")
    assert set(results(clone)) >= {f"{stage.output}/result" for stage in plan}
    assert "up to date" in dvc(clone, "repro")
    assert ran(clone) == []


def test_a_run_of_other_code_is_restored_with_a_word_about_it(finished, tmp_path):
    plan = json.dumps({"revision": "0123abc"}).encode()
    objects.write(finished.run, plan, fragments.PLAN)
    clone = let_publish(small_project(tmp_path / "clone"))
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-C", str(clone)]
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    remote.configure(clone, finished.store)
    code, output = xstilts(clone, "store", "restore", "small", "--run", "first")
    assert code == 0, output
    assert "Commit 0123abc made that run; this clone is at " in output


def test_a_restored_lock_keeps_the_one_that_was_there(finished, tmp_path):
    clone = let_publish(small_project(tmp_path / "clone"))
    (clone / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    remote.configure(clone, finished.store)
    code, output = xstilts(clone, "store", "restore", "small", "--run", "first")
    assert code == 0, output
    kept = list((clone / ".dvc/tmp/xstilts").glob("dvc.lock.before-restore-*"))
    assert [path.read_text() for path in kept] == ["schema: '2.0'\nstages: {}\n"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["other"], "has no published run of the study 'other'; published studies: none"),
        ([], "nothing is published"),
        (["small", "--run", "x"], "studies/small/x holds no manifest.json"),
    ],
)
def test_what_was_not_published_cannot_be_restored(store, tmp_path, arguments, problem):
    project = new_project(tmp_path / "project")
    remote.configure(project, store)
    before = (project / "params.yaml").read_text()
    code, output = xstilts(project, "store", "restore", *arguments)
    assert code == 2
    assert problem in output
    assert (project / "params.yaml").read_text() == before


def test_a_pod_never_runs_an_upstream_stage(store, project, plan, capsys):
    run = planned(store, project)
    assert pod.main(["evaluate@mini-encoder-mnli-panx-0", "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert "needs the output of finetune@mini-encoder-mnli-panx-0, which has not finished" in error
    assert "needs the output of prepare@panx, which has not finished" in error
    receipt = fragments.read_receipts(run)["evaluate@mini-encoder-mnli-panx-0"]
    assert receipt["outcome"] == "failed"
    assert "prepare@panx" in receipt["error"]
    assert lookup.known(project, plan, store) == {}


def test_files_that_the_store_has_lost_are_an_error_that_names_their_stage(
    store, project, plan, capsys
):
    run = planned(store, project)
    run_all(run, plan[:3])  # prepare
    entry = fragments.read(run, "prepare@panx")
    md5 = entry["outs"][0]["md5"]
    objects.connect(store).delete_object(
        Bucket=store.bucket, Key=store.key("files", "md5", md5[:2], md5[2:])
    )
    assert pod.main(["backbone@mini-encoder", "--run", str(run)]) == 0
    assert pod.main(["finetune@mini-encoder-none-panx-0", "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert f"the output of prepare@panx, which the store has lost: {store.url} lacks" in error
    assert "prepare@panx" not in lookup.known(project, plan, store)
    assert "prepare@mnli" in lookup.known(project, plan, store)


def test_publish_announces_nothing_while_a_stage_is_missing(finished, plan, tmp_path, capsys):
    store = finished.store
    latest = objects.read(store, "studies", "small", fragments.LATEST)
    run = planned(store, finished.project, "third")
    for name, entry in fragments.read_all(finished.run, [stage.name for stage in plan]).items():
        if name not in ("backbone@mini-encoder", "publish"):
            fragments.write(run, name, entry)
    with pods_of(finished.project, tmp_path / "pods"):
        assert pod.main(["publish", "--run", str(run)]) == 2
    assert "backbone@mini-encoder has not finished in this run" in capsys.readouterr().err
    assert objects.read(store, "studies", "small", fragments.LATEST) == latest
    assert manifest.read(store, "small", "third") is None


def test_a_publish_pod_that_died_on_the_way_is_finished_by_the_next(
    finished, plan, tmp_path, monkeypatch
):
    """The first ran the stage, the next finds its result: both have the same to publish."""
    store = finished.store
    run = planned(store, finished.project, "fourth")
    names = [stage.name for stage in plan if stage.name != "publish"]
    for name, entry in fragments.read_all(finished.run, names).items():
        fragments.write(run, name, entry)
    with pods_of(finished.project, tmp_path / "pods"):
        with monkeypatch.context() as patch:
            patch.setattr(lookup, "find", lambda *_given: None)
            patch.setattr(publication, "_seal", lambda *_given: sys.exit(137))
            with pytest.raises(SystemExit):
                pod.main(["publish", "--run", str(run)])
        assert objects.read(run, fragments.RESULTS, "scores.json")
        assert manifest.read(store, "small", "fourth") is None
        assert outcomes(run) == {"publish": "failed"}
        assert pod.main(["publish", "--run", str(run)]) == 0
    assert outcomes(run) == {"publish": "store"}
    assert manifest.read(store, "small", "fourth")
    latest = json.loads(objects.read(store, "studies", "small", fragments.LATEST))
    assert latest["run"] == "fourth"


def test_a_mistake_of_the_user_ends_with_code_2_and_its_text(store, project, capsys):
    (project / "xstilts" / "wrong").write_text("")
    payload = project / "components/payload.py"
    text = payload.read_text().replace('asked("wrong")', 'stage == "prepare@panx"')
    payload.write_text(
        text.replace('pathlib.Path("wrong").read_text().split("\\n")[1]', '"row 3: no such tag."')
    )
    run = planned(store, project)
    assert pod.main(["prepare@panx", "--run", str(run)]) == 2
    assert "error: row 3: no such tag." in capsys.readouterr().err
    assert "row 3" in fragments.read_receipts(run)["prepare@panx"]["error"]


def test_a_stage_that_crashes_ends_with_code_1(store, project, capsys):
    payload = project / "components/payload.py"
    payload.write_text(payload.read_text().replace("phase = sys", "1 / 0\nphase = sys"))
    run = planned(store, project)
    assert pod.main(["prepare@panx", "--run", str(run)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_what_is_no_run_or_no_stage_is_said(store, project, capsys):
    run = planned(store, project)
    assert pod.main(["prepare@pnax", "--run", str(run)]) == 2
    assert "has no stage 'prepare@pnax'" in capsys.readouterr().err
    assert pod.main(["prepare@panx", "--run", str(store)]) == 2
    assert "is no run's folder" in capsys.readouterr().err
    empty = fragments.run_folder(store, "small", "other")
    assert pod.main(["prepare@panx", "--run", str(empty)]) == 2
    assert "holds no params.yaml" in capsys.readouterr().err


def test_nothing_to_do_is_no_error(store, project):
    run = planned(store, project)
    assert pod.main(["", "--run", str(run)]) == 0
    assert outcomes(run) == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_pod_leaves_no_process_and_no_result(store, project, plan, tmp_path, number):
    run = planned(store, project)
    run_all(run, plan[:5])  # up to the intermediate stage
    payload = project / "components/payload.py"
    payload.write_text(payload.read_text().replace('asked("slow")', f'stage == "{SLOW}"'))
    process = subprocess.Popen([sys.executable, "-m", "components.pod", SLOW, "--run", str(run)])
    try:
        wait_until(lambda: list((tmp_path / "scratch").glob(f"*/workspace/started-{SLOW}")))
        workspace = next((tmp_path / "scratch").glob("*/workspace"))
        process.send_signal(number)
        assert process.wait(timeout=120) == 128 + number
    finally:
        process.kill()
    assert at_work(workspace) == []
    assert list((tmp_path / "scratch").iterdir()) == []
    assert fragments.read(run, SLOW) is None
    assert fragments.read_receipts(run)[SLOW]["outcome"] == "failed"
    assert SLOW not in lookup.known(project, plan, store)


def test_a_killed_pod_leaves_nothing_in_the_store(store, project, plan, tmp_path):
    run = planned(store, project)
    run_all(run, plan[:5])
    before = set(objects.names(store))
    payload = project / "components/payload.py"
    payload.write_text(payload.read_text().replace('asked("slow")', f'stage == "{SLOW}"'))
    process = subprocess.Popen([sys.executable, "-m", "components.pod", SLOW, "--run", str(run)])
    wait_until(lambda: list((tmp_path / "scratch").glob(f"*/workspace/started-{SLOW}")))
    workspace = next((tmp_path / "scratch").glob("*/workspace"))
    process.kill()
    process.wait()
    wait_until(lambda: at_work(workspace) == [], 10)
    assert set(objects.names(store)) == before


def test_kubeflow_gets_receipt_and_metrics(store, project, tmp_path):
    run = planned(store, project)
    out = tmp_path / "kfp"
    asked = {
        "outputs": {
            "parameters": {"receipt": {"outputFile": str(out / "receipt")}},
            "outputFile": str(out / "executor_output.json"),
        }
    }
    arguments = ["prepare@panx prepare@mnli", "--run", str(run), "--outputs", json.dumps(asked)]
    assert pod.main(arguments) == 0
    assert (out / "receipt").read_text().startswith("prepare@panx ran in ")
    assert "; prepare@mnli ran in " in (out / "receipt").read_text()
    assert (out / "executor_output.json").exists()

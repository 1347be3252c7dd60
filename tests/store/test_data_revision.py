"""Data that DVC tracks: laptop and pods know them by one revision, and so know the same stages."""

import json

import pytest
from published import let_publish
from small_project import ROOT, STUDY, dvc, environment, ran, results, small_project, xstilts

from components import pod
from components.plan import __main__ as plan
from xstilts.store import fragments, objects, remote, tracked
from xstilts.store.location import Location
from xstilts.study.params import read_params
from xstilts.study.plan import descendants, stages
from xstilts.study.state import changes
from xstilts.tasks.table import TASKS

MIRROR = "data-mirror"
TEXT = STUDY.replace("source: world", f"source: {{kind: mirror, path: {MIRROR}/}}").replace(
    "[panx, tatoeba]", "[panx]"
)


@pytest.fixture
def store(s3, tmp_path, monkeypatch):
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return Location(s3.bucket("revisions"), tmp_path.name, endpoint=s3.endpoint)


@pytest.fixture
def project(store, tmp_path):
    """A clone with a mirror that DVC tracks and the store holds, and its study in params.yaml."""
    folder = let_publish(small_project(tmp_path / "project"))
    (folder / "pipelines/studies/small.yaml").write_text(TEXT, encoding="utf-8")
    for task in ("mnli", "panx"):
        put(folder, task, "first")
    put(folder, "mnli", "tasks of other studies", "train/more.parquet")
    remote.configure(folder, store)
    assert xstilts(folder, "study", "use", "small")[0] == 0
    add(folder)
    return folder


@pytest.fixture
def pods(project, tmp_path, monkeypatch):
    """Have the pods of this process take the project for their image, and work elsewhere."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("XSTILTS_HOME", str(project))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", environment()["PATH"])
    monkeypatch.chdir(tmp_path / "scratch")
    return tmp_path / "scratch"


def put(project, task, text, name="test/part.parquet"):
    path = project / MIRROR / TASKS[task].source.hub / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{task} {text}", encoding="utf-8")


def add(project):
    """A new revision of the mirror, in the store."""
    dvc(project, "add", MIRROR)
    dvc(project, "push", f"{MIRROR}.dvc")


def revision(project):
    return json.dumps(tracked.in_clone(project, MIRROR))


def planned(store, run, data):
    """Plan a run; the stages that it has to run, without publish, which always runs."""
    values = {"study": "small", "s3-url": str(store), "run-id": run, "data": data}
    assert plan.main([word for name, value in values.items() for word in (f"--{name}", value)]) == 0
    folder = fragments.run_folder(store, "small", run)
    states = json.loads(objects.read(folder, fragments.PLAN))["stages"]
    return folder, {name for name, state in states.items() if state == "to run"} - {"publish"}


def run_all(folder, project, *names):
    names = names or [stage.name for stage in plan_of(project)]
    assert pod.main([" ".join(names), "--run", str(folder)]) == 0
    return {name: receipt["outcome"] for name, receipt in fragments.read_receipts(folder).items()}


def plan_of(project):
    return stages(read_params(project / "params.yaml"))


def everything(project):
    return {stage.name for stage in plan_of(project)} - {"publish"}


@pytest.mark.usefixtures("pods")
def test_a_laptop_continues_what_pods_did_with_tracked_data(store, project, tmp_path):
    folder, wanted = planned(store, "first", revision(project))
    assert wanted == everything(project)
    assert fragments.read_params(folder) == (project / "params.yaml").read_text(encoding="utf-8")
    assert run_all(folder, project) == dict.fromkeys([*wanted, "publish"], "ran")
    assert planned(store, "second", revision(project))[1] == set()
    dvc(project, "fetch", "--run-cache")
    dvc(project, "repro", "--pull")
    assert ran(project) == []
    assert set(results(project)) >= {f"{stage.output}/result" for stage in plan_of(project)}

    clone = let_publish(small_project(tmp_path / "clone"))  # without data and .dvc file
    remote.configure(clone, store)
    assert xstilts(clone, "store", "restore")[0] == 0
    assert tracked.in_clone(clone, MIRROR) == tracked.in_clone(project, MIRROR)
    dvc(clone, "pull")
    assert "up to date" in dvc(clone, "repro")
    assert ran(clone) == []


@pytest.mark.usefixtures("pods")
def test_pods_continue_what_a_laptop_did_and_run_what_depends_on_changed_data(store, project):
    dvc(project, "repro")
    code, output = xstilts(project, "publish", "small", "--to", "store")
    assert code == 0, output
    (run,) = objects.folders(store, "studies", "small")
    before = revision(project)
    published = fragments.read_data(fragments.run_folder(store, "small", run))
    assert published == json.loads(before)
    assert planned(store, "first", before)[1] == set()
    put(project, "panx", "second")
    assert set(changes(project)) == {"prepare@panx"}
    assert tracked.differs(project, MIRROR)
    add(project)
    assert not tracked.differs(project, MIRROR)
    assert revision(project) != before
    folder, wanted = planned(store, "second", revision(project))
    assert wanted == descendants(plan_of(project), ["prepare@panx"]) - {"publish"}
    assert run_all(folder, project, "prepare@panx", "shortcuts@panx") == {
        "prepare@panx": "ran", "shortcuts@panx": "ran",
    }  # fmt: skip
    assert planned(store, "third", before)[1] == set()  # a revision that was there stays known


@pytest.mark.usefixtures("pods")
def test_a_pod_gets_what_its_stage_reads_of_the_data_and_no_more(store, project, monkeypatch):
    folder, _ = planned(store, "first", revision(project))
    seen = []
    run = pod.dvc_steps.run

    def look(desk, stage):
        seen.extend(path.read_text() for path in (desk.root / MIRROR).rglob("*.parquet"))
        run(desk, stage)

    monkeypatch.setattr(pod.dvc_steps, "run", look)
    run_all(folder, project, "prepare@panx")
    assert seen == ["panx first"]


@pytest.mark.usefixtures("pods")
def test_a_revision_that_the_store_does_not_hold_is_said_by_the_plan(store, project, capsys):
    before = json.loads(revision(project))[MIRROR]["md5"]
    put(project, "panx", "second")
    dvc(project, "add", MIRROR)
    data = revision(project)
    words = ["--study", "small", "--s3-url", str(store), "--run-id", "first", "--data", data]
    assert plan.main(words) == 2
    md5 = json.loads(data)[MIRROR]["md5"]
    assert not tracked.held(store, md5)
    assert tracked.held(store, before)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert f"does not hold the revision {md5} of {MIRROR}" in line
    assert f"`dvc push {MIRROR}.dvc`" in line

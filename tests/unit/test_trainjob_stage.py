"""A stage on several nodes: what the waiting pod does, and what the nodes that help do."""

import json
import shutil

import pytest
from kube_api import KubeApi
from kube_jobs import complete, controlled, end, hurry, start
from kube_server import kube_api
from memory_store import LOCATION, use_memory
from small_project import ROOT, environment, small_project, xstilts
from test_trainjob_resource import GIVEN

import components.trainjob.__main__ as trainjob
from components import dvc_steps, node, pod
from components.desk import open_desk
from xstilts.errors import UserError
from xstilts.store import fragments, lookup, objects
from xstilts.study.params import read_params
from xstilts.study.plan import stages

STAGE = "finetune@mini-encoder-none-panx-0"
INPUTS = ("prepare@panx", "backbone@mini-encoder")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A project whose training wants two processes."""
    folder = small_project(tmp_path_factory.mktemp("planned") / "project")
    study = folder / "pipelines" / "studies" / "small.yaml"
    study.write_text(study.read_text() + "finetune: {processes: 2}\n")
    assert xstilts(folder, "study", "use", "small")[0] == 0
    return folder


@pytest.fixture
def store(planned, tmp_path, monkeypatch):
    """A store in memory with the run's plan; pods work in a folder of their own."""
    monkeypatch.setenv("XSTILTS_HOME", str(planned))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", environment()["PATH"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fragments, "ready", lambda *_: 0.0)
    found = use_memory(monkeypatch)
    objects.write(run(), (planned / "params.yaml").read_bytes(), fragments.PARAMS)
    plan = {stage.name: stage for stage in stages(read_params(planned / "params.yaml"))}
    for name in plan[STAGE].deps:
        finish(plan[name].output, name, "half")
    return found


def run():
    return fragments.run_folder(LOCATION, "small", "first")


def finish(path: str, stage: str, file: str, content: bytes = b"{}") -> None:
    """Have a stage finished: its output, one file, and its fragment are in the store."""
    listing = json.dumps([{"md5": f"aa{stage.encode().hex()}", "relpath": file}]).encode()
    md5 = f"bb{stage.encode().hex()}.dir"
    objects.write(LOCATION, content, "files", "md5", "aa", stage.encode().hex())
    objects.write(LOCATION, listing, "files", "md5", "bb", md5[2:])
    fragments.write(run(), stage, {"cmd": "x", "deps": [], "outs": [{"path": path, "md5": md5}]})


@pytest.fixture
def api(monkeypatch):
    hurry(monkeypatch)
    with kube_api() as found:
        monkeypatch.setattr(trainjob, "in_cluster", lambda: found.cluster)
        yield found


def wait_for_nodes(**changes: str) -> int:
    given = GIVEN | {"gpus": "1"} | changes
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return trainjob.main([STAGE, "--run", str(run()), *words])


def receipt() -> dict:
    return fragments.read_receipts(run())[STAGE]


@pytest.mark.usefixtures("store")
def test_the_result_of_the_first_node_is_the_stages(api, capsys):
    def controller(api: KubeApi) -> None:
        (name,) = _name(api)
        pods = start(api, name=name)
        finish("models/x", STAGE, "training.json")  # what the first node does
        end(api, pods, 0, 0, name=name)
        complete(api, name=name)

    with controlled(api, controller):
        assert wait_for_nodes() == 0
    assert receipt()["outcome"] == "ran"
    assert set(receipt()["seconds"]) == {"start", "look up", "work", "record"}
    assert api.asked("POST", "trainjobs") == 1
    assert f"{STAGE} ran in" in capsys.readouterr().out


def _name(api: KubeApi) -> list[str]:
    api.wait_for(api.watched)
    return list(api.jobs())


@pytest.mark.usefixtures("store")
def test_a_result_that_is_missing_is_a_failure(api):
    def controller(api: KubeApi) -> None:
        (name,) = _name(api)
        complete(api, name=name)

    with controlled(api, controller):
        assert wait_for_nodes() == 1
    assert "ended well, but" in receipt()["error"]


@pytest.mark.usefixtures("store")
def test_a_failure_is_told_and_kept(api, capsys):
    def controller(api: KubeApi) -> None:
        (name,) = _name(api)
        api.condition(name, "Failed", "DeadlineExceeded", "it took too long")

    with controlled(api, controller):
        assert wait_for_nodes() == 1
    assert receipt()["outcome"] == "failed"
    assert "DeadlineExceeded: it took too long" in receipt()["error"]
    assert "DeadlineExceeded" in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_what_the_store_has_needs_no_nodes(api, monkeypatch):
    finish("models/x", STAGE, "training.json")
    entry = fragments.read(run(), STAGE)
    monkeypatch.setattr(lookup, "find", lambda *_: entry)
    assert wait_for_nodes() == 0
    assert receipt()["outcome"] == "store"
    assert api.requests == []


@pytest.mark.usefixtures("store")
def test_processes_that_the_nodes_cannot_share_start_nothing(api):
    assert wait_for_nodes(nodes="3") == 2
    assert "2 processes, which 3 nodes cannot share evenly" in receipt()["error"]
    assert api.requests == []


def test_mistakes_of_the_command_line(capsys):
    assert wait_for_nodes(nodes="none", hours="-1") == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def helped(monkeypatch, *words: str) -> int:
    """What the second node does, with its inputs put there as a pull does."""
    monkeypatch.setenv("PET_NODE_RANK", "1")
    monkeypatch.setenv("PET_NNODES", "2")

    def pull(desk, inputs):
        for name in inputs:
            folder = desk.root / desk.plan[name].output
            folder.mkdir(parents=True)
            (folder / "result").write_text(name)

    monkeypatch.setattr(dvc_steps, "pull", pull)
    return pod.main([*words, "--run", str(run())])


def test_a_node_that_helps_writes_nothing(store, monkeypatch, capfd):
    before = dict(store.objects)
    assert helped(monkeypatch, STAGE) == 0
    assert store.objects == before
    assert f"{STAGE}: node 1 has helped" in capfd.readouterr().out


@pytest.mark.usefixtures("store")
def test_a_node_has_nothing_to_do_for_a_result_in_the_store(monkeypatch, capfd):
    monkeypatch.setattr(lookup, "find", lambda *_: {"outs": []})
    assert helped(monkeypatch, STAGE) == 0
    assert "node 1 had nothing to do" in capfd.readouterr().out


def test_a_node_without_its_inputs(store, monkeypatch, capfd):
    for key in [key for key in store.objects if "/lock/" in key]:
        del store.objects[key]
    assert helped(monkeypatch, STAGE) == 2
    assert f"error: {STAGE} needs the output of" in capfd.readouterr().err


@pytest.mark.parametrize(("code", "kind"), [(2, UserError), (1, dvc_steps.StageFailed)])
@pytest.mark.usefixtures("store")
def test_a_node_whose_command_fails(planned, tmp_path, monkeypatch, code, kind):
    project = tmp_path / "broken"
    shutil.copytree(planned, project)
    (project / "components" / "payload.py").write_text(f"raise SystemExit({code})")
    monkeypatch.setenv("XSTILTS_HOME", str(project))
    desk = open_desk(run(), tmp_path)
    with pytest.raises(kind, match=STAGE):
        dvc_steps.help_run(desk, desk.plan[STAGE])


@pytest.mark.parametrize(
    ("nodes", "given", "threads"), [("1", "", 4), ("2", "", 8), ("2", "3", 3), ("8", "", 8)]
)
def test_threads_of_a_process(planned, monkeypatch, nodes, given, threads):
    monkeypatch.setattr(dvc_steps, "cores", lambda: 8)
    monkeypatch.setenv("PET_NNODES", nodes)
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    plan = {stage.name: stage for stage in stages(read_params(planned / "params.yaml"))}
    assert plan[STAGE].slots == 2
    assert dvc_steps.threads(plan[STAGE]) == threads


def test_only_the_first_node_is_the_first(monkeypatch):
    monkeypatch.delenv("PET_NODE_RANK", raising=False)
    assert node.is_first()
    monkeypatch.setenv("PET_NODE_RANK", "0")
    assert node.is_first()
    monkeypatch.setenv("PET_NODE_RANK", "1")
    assert not node.is_first()

"""The plan against a real S3 server: it refuses everything at once, or writes what it says."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from published import let_publish
from small_project import ROOT, STUDY, environment, small_project

from components import pod
from components.finish import __main__ as finish
from components.plan import __main__ as plan
from components.plan.pools import Chosen
from xstilts.store import fragments, objects
from xstilts.store.location import parse
from xstilts.study.plan import stages

DIGEST = "sha256:" + "a" * 64
BROKEN = STUDY.replace("[mnli]", "[mnly]").replace("seeds: [0]", "seeds: []")
GRID = """\
name: grid
question: Which intermediate task helps which target?
source: hub
models: [xlm-roberta-large]
recipes:
  none: []
  mnli: [mnli]
  snli: [snli]
  qqp: [qqp]
  squad: [squad]
  hellaswag: [hellaswag]
  csqa: [commonsense_qa]
  nli: {tasks: [mnli, snli]}
  pairs: {tasks: [mnli, qqp], epochs: 2}
  multi: {tasks: [mnli, squad, hellaswag], epochs: 2, batch_size: 24}
baseline: none
targets: all
seeds: [0, 1, 2]
training: {precision: bf16}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = let_publish(small_project(tmp_path / "project"))
    monkeypatch.setenv("XSTILTS_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", environment()["PATH"])
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")
    return folder


@pytest.fixture
def store(s3, request):
    return s3.store(request.node.name)


@pytest.fixture
def registry():
    """A registry that has no image at all."""

    class Empty(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def executor_input(folder, texts=("run", "prepare", "backbone", "shortcuts")) -> str:
    names = (*texts, "intermediate", "trained", "evaluate", *Chosen().outputs())
    outputs = {
        "outputFile": str(folder / "executor_output.json"),
        "parameters": {name: {"outputFile": str(folder / name)} for name in names},
        "artifacts": {"summary": {"artifacts": [{"uri": str(folder / "summary")}]}},
    }
    return json.dumps({"outputs": outputs})


def planned(store, run, folder, **given):
    """Plan a run; its outputs by name, read as KFP reads them."""
    values = {"study": "small"} | given | {"s3-url": str(store), "run-id": run}
    arguments = [text for name, value in values.items() for text in (f"--{name}", value)]
    assert plan.main([*arguments, "--outputs", executor_input(folder)]) == 0
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    lists = ("intermediate", "trained", "evaluate")
    return found | {name: json.loads(found[name]) for name in lists}


def listed(found) -> list[str]:
    """Every stage in the outputs of a plan."""
    texts = [found[name] for name in ("prepare", "backbone", "shortcuts")]
    texts += [*found["intermediate"], *found["evaluate"]]
    texts += [text for item in found["trained"] for text in item.values()]
    return " ".join(texts).split()


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def wrong_key(s3, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" * 8)
    return parse(f"s3://{s3.bucket('plan-wrong-key')}", endpoint=s3.endpoint), "secret key"


def missing_bucket(s3, _monkeypatch):
    return parse("s3://plan-no-such-bucket", endpoint=s3.endpoint), "plan-no-such-bucket"


def unreachable(s3, _monkeypatch):
    endpoint = closed_port()
    return parse(f"s3://{s3.bucket('plan-unreachable')}", endpoint=endpoint), endpoint


def read_only(s3, _monkeypatch):
    bucket = s3.bucket("plan-read-only", read_only=True)
    return parse(f"s3://{bucket}", endpoint=s3.endpoint), bucket


def without_conditions(s3, _monkeypatch):
    bucket = s3.bucket("plan-with-versions")
    s3.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return parse(f"s3://{bucket}", endpoint=s3.endpoint), "to be created only once"


FAULTS = [wrong_key, missing_bucket, unreachable, read_only, without_conditions]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_reported_and_nothing_written(s3, fault, registry, monkeypatch, capsys):
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    location, named = fault(s3, monkeypatch)
    monkeypatch.chdir("/proc")  # a file system without any free space
    arguments = {
        "study": BROKEN,
        "s3-url": str(location),
        "run-id": "first",
        "tolerations": "[1]",
        "images": json.dumps([f"{registry}/xstilts@{DIGEST}"]),
    }
    texts = [text for name, value in arguments.items() for text in (f"--{name}", value)]
    assert plan.main(texts) == 2
    errors = capsys.readouterr().err.splitlines()
    assert all(line.startswith("error: ") for line in errors)
    for part in (
        "the study's text, line 7: unknown task 'mnly'",
        "the study's text, line 10: seeds is empty",
        "tolerations[0]: must be a mapping",
        named,
        f"the image {registry}/xstilts@{DIGEST} does not exist",
        "the disk is too full: /proc has 0.00 GB free",
    ):
        assert any(part in line for line in errors), (part, errors)
    buckets = {bucket["Name"] for bucket in s3.client().list_buckets()["Buckets"]}
    if location.bucket in buckets:
        assert s3.client().list_objects_v2(Bucket=location.bucket)["KeyCount"] == 0


@pytest.mark.usefixtures("project")
def test_a_plan_is_written_and_later_ones_list_only_what_is_missing(store, tmp_path, capsys):
    first = planned(store, "first", tmp_path / "first")
    run = fragments.run_folder(store, "small", "first")
    assert first["run"] == str(run)
    params = yaml.safe_load(fragments.read_params(run))
    every = [stage.name for stage in stages(params)]
    assert sorted([*listed(first), "publish"]) == sorted(every)
    assert objects.names(run) == ["params.yaml", "plan.json"]
    written = json.loads(objects.read(run, "plan.json"))
    assert written["stages"] == dict.fromkeys(every, "to run")
    assert first["summary"] in capsys.readouterr().out
    assert list((tmp_path / "scratch").iterdir()) == []

    groups = [first["prepare"], first["backbone"], *first["intermediate"]]
    for group in [*groups, *first["trained"][0].values()]:
        assert pod.main([group, "--run", str(run)]) == 0
    done = " ".join([*groups, *first["trained"][0].values()]).split()
    second = planned(store, "second", tmp_path / "second")
    assert sorted(listed(second)) == sorted(set(listed(first)) - set(done))
    run = fragments.run_folder(store, "small", "second")
    assert fragments.read_all(run, every).keys() == set(done)
    assert json.loads(objects.read(run, "plan.json"))["stages"][done[0]] == "store"

    arguments = ["--study", "small", "--s3-url", str(store), "--run-id", "second"]
    assert finish.main(arguments) == 0
    status = json.loads(objects.read(run, "status.json"))
    assert (status["state"], status["counts"]["store"]) == ("incomplete", len(done))
    for name in [stage for stage in every if stage not in done]:
        assert pod.main([name, "--run", str(run)]) == 0
    assert finish.main(arguments) == 0
    status = json.loads(objects.read(run, "status.json"))
    assert status["state"] == "complete"
    assert status["counts"]["ran"] == len(every) - len(done)
    third = planned(store, "third", tmp_path / "third")
    assert listed(third) == []


@pytest.mark.usefixtures("project")
def test_a_study_given_as_text_with_other_seeds(store, tmp_path):
    planned(store, "named", tmp_path / "named")
    found = planned(store, "text", tmp_path / "text", study=STUDY, seeds="0,1")
    names = listed(found)
    assert "finetune@mini-encoder-none-panx-1" in names
    run = fragments.run_folder(store, "small", "text")
    assert yaml.safe_load(fragments.read_params(run))["study"]["seeds"] == [0, 1]


def test_the_end_of_a_run_whose_store_is_gone(store, monkeypatch, capsys):
    monkeypatch.setattr("xstilts.store.connection._PATIENT", (1, 1, 1))
    endpoint = closed_port()
    arguments = ["--study", "small", "--s3-url", store.url, "--run-id", "first"]
    assert finish.main([*arguments, "--s3-endpoint", endpoint]) == 2
    assert endpoint in capsys.readouterr().err


def test_the_grid_of_the_paper(store, tmp_path, monkeypatch, capsys):
    """10 recipes x 9 targets x 3 seeds, with the real graph and code."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "scratch")
    labels = {"node-selector": json.dumps({"nvidia.com/gpu.product": "NVIDIA-A100-PCIE-40GB"})}
    found = planned(store, "grid", tmp_path / "grid", study=GRID, gpus="1", **labels)
    names = listed(found)
    assert len(names) == len(set(names)) == 18 + 1 + 27 + 180 + 270 + 9
    sizes = {name: (tmp_path / "grid" / name).stat().st_size for name in found}
    with capsys.disabled():
        print(f"\nplan of the paper's grid: {len(names)} stages, {sizes}")
        print(found["summary"])
    assert max(sizes.values()) < 100_000

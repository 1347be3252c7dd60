"""A model trained on two nodes: pods that share nothing but the network and a real S3 server."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from small_project import ROOT

from components import pod
from xstilts.store import fragments, objects
from xstilts.store.location import Location
from xstilts.study.check import checked
from xstilts.study.page import text_page
from xstilts.study.params import params_text
from xstilts.study.plan import stages
from xstilts.study.record import parse_study
from xstilts.study.resolve import resolve

STUDY = """\
name: nodes
question: Do two nodes train what one trains?
source: world
models: [mini-encoder]
controls: []
recipes: {none: []}
baseline: none
targets: [panx]
languages: [en, de]
seeds: [0]
sizes: {train: 96, dev: 24, test: 24}
training: {precision: fp32, batch_size: 16, epochs: 1, evals: 1}
finetune: {processes: 2}
"""
TRAINED = "finetune@mini-encoder-none-panx-0"
PATIENCE = 300.0


@dataclass(frozen=True)
class Ended:
    code: int
    text: str


@pytest.fixture(scope="module")
def run(s3, tmp_path_factory):
    """A run whose data and backbone are in the store; its pods work in a folder of ours."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment().items():
            patch.setenv(name, value)
        patch.chdir(tmp_path_factory.mktemp("pods"))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(ROOT))
        found = fragments.run_folder(Location(s3.bucket("nodes"), endpoint=s3.endpoint), "x", "a")
        objects.write(found, params_text(params()).encode(), fragments.PARAMS)
        before = [stage.name for stage in plan() if stage.phase in ("prepare", "backbone")]
        assert pod.main([" ".join(before), "--run", str(found)]) == 0
        yield found


def params():
    page = text_page(STUDY, "the study")
    return resolve(checked(page, parse_study(page, ("mini-encoder",))))


def plan():
    return stages(params())


def on_two_nodes(run: Location) -> list[Ended]:
    """What the two pods of a TrainJob say, with what Kubeflow Trainer gives them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"PET_NNODES": "2", "PET_MASTER_ADDR": "127.0.0.1", "PET_MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "components.pod", TRAINED, "--run", str(run)]
    pods = [
        subprocess.Popen(
            command,
            env=os.environ | where | {"PET_NODE_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        texts = [pod.communicate(timeout=PATIENCE)[0] for pod in pods]
        return [Ended(pod.returncode, text) for pod, text in zip(pods, texts, strict=True)]
    finally:
        for process in pods:
            process.kill()


def test_the_first_node_writes_the_result_and_the_second_helps(run):
    first, second = on_two_nodes(run)
    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert f"{TRAINED} ran in" in first.text
    assert f"{TRAINED}: node 1 has helped" in second.text
    assert fragments.read_receipts(run)[TRAINED]["outcome"] == "ran"
    # Other pods work with the model
    names = [stage.name for stage in plan() if stage.phase == "evaluate"]
    assert pod.main([" ".join(names), "--run", str(run)]) == 0
    # After a restart both find it in the store
    first, second = on_two_nodes(run)
    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert f"{TRAINED} was in the store" in first.text
    assert f"{TRAINED}: node 1 had nothing to do" in second.text

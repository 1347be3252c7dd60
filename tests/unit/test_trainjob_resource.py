"""The TrainJob that is built, and the runtime it refers to, against the published schemas."""

import re
from dataclasses import replace

import pytest
import yaml
from crds import problems
from hypothesis import given
from hypothesis import strategies as st
from kube_jobs import IMAGE, ORDER, RUN, STAGE
from kube_server import ROOT

from components.trainjob.__main__ import _parser, read_order
from components.trainjob.resource import NODE, RUNTIME, Order, job_name, trainjob
from xstilts.errors import UserError

BASE = ROOT / "k8s" / "base"


def runtime() -> dict:
    return yaml.safe_load((BASE / "training-runtime.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "order",
    [ORDER, replace(ORDER, gpus=0, tolerations=[], node_selector={}, s3_secret="", queue="")],
)
def test_the_job_is_one_for_trainer(shared, order):
    assert problems(shared / "crds", trainjob(order, STAGE, RUN)) == []


def test_a_wrong_job_is_seen(shared):
    job = trainjob(ORDER, STAGE, RUN)
    job["spec"]["trainer"] |= {"numNodes": "2", "gpus": 4}
    found = problems(shared / "crds", job)
    assert len(found) == 2
    assert all("$.spec.trainer" in text for text in found)


def test_the_runtime_is_one_for_trainer(shared):
    assert problems(shared / "crds", runtime()) == []


def test_the_job_fits_its_runtime():
    job, found = trainjob(ORDER, STAGE, RUN), runtime()
    assert job["spec"]["runtimeRef"]["kind"] == found["kind"]
    assert job["spec"]["runtimeRef"]["name"] == found["metadata"]["name"] == RUNTIME
    (node,) = found["spec"]["template"]["spec"]["replicatedJobs"]
    assert node["name"] == NODE
    assert node["template"]["metadata"]["labels"] == {
        "trainer.kubeflow.org/trainjob-ancestor-step": "trainer"
    }
    pod = node["template"]["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == [NODE]
    patch = job["spec"]["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]
    (patched,) = patch["replicatedJobs"]
    assert patched["name"] == NODE
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {
        v["name"] for v in patched["template"]["spec"]["template"]["spec"]["volumes"]
    } == volumes
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == volumes
    # A pod that fails is not tried again alone: torchrun's other processes have ended with it
    assert node["template"]["spec"]["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never"


def test_what_a_node_runs_and_gets():
    trainer = trainjob(ORDER, STAGE, RUN)["spec"]["trainer"]
    assert trainer["command"] == ["xstilts-stage"]
    assert trainer["args"] == [STAGE.name, "--run", str(RUN)]
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (2, 4)
    assert trainer["resourcesPerNode"] == {
        "requests": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "4"},
        "limits": {"memory": "64Gi", "nvidia.com/gpu": "4"},
    }
    values = {item["name"]: item.get("value") for item in trainer["env"]}
    assert values == {
        "XSTILTS_LOGS": "json",
        "XSTILTS_METRICS_PORT": "9464",
        "XSTILTS_IMAGE_DIGEST": IMAGE.partition("@")[2],
        "AWS_ACCESS_KEY_ID": None,
        "AWS_SECRET_ACCESS_KEY": None,
    }
    secrets = [item["valueFrom"]["secretKeyRef"] for item in trainer["env"] if "valueFrom" in item]
    assert all(secret["name"] == "xstilts-s3" and secret["optional"] for secret in secrets)


@pytest.mark.parametrize(
    ("processes", "nodes", "each"), [(1, 1, 1), (2, 2, 1), (4, 2, 2), (8, 2, 4)]
)
def test_a_stage_takes_no_more_than_it_needs(processes, nodes, each):
    trainer = trainjob(ORDER, replace(STAGE, slots=processes), RUN)["spec"]["trainer"]
    assert (trainer["numNodes"], trainer["numProcPerNode"]) == (nodes, each)
    assert trainer["resourcesPerNode"]["limits"]["nvidia.com/gpu"] == str(each)


def test_equal_orders_make_equal_jobs():
    assert trainjob(ORDER, STAGE, RUN) == trainjob(ORDER, STAGE, RUN)
    other = trainjob(replace(ORDER, cpu="5"), STAGE, RUN)
    one = trainjob(ORDER, STAGE, RUN)
    assert other["metadata"]["name"] == one["metadata"]["name"]
    assert other["metadata"]["annotations"] != one["metadata"]["annotations"]


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=120))
def test_names_are_names_for_hosts(key):
    name = job_name(f"finetune@{key}", RUN)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(f"{name}-{NODE}-0-999") <= 63  # the host that JobSet makes of it
    assert name != job_name(f"finetune@{key}x", RUN)
    assert name != job_name(f"finetune@{key}", RUN.below("other"))


@pytest.mark.parametrize(
    ("nodes", "gpus", "text"),
    [
        (3, 8, "8 processes, which 3 nodes cannot share evenly"),
        (16, 8, "8 processes, which 16 nodes cannot share evenly"),
        (1, 4, "8 processes, but its pod gets gpus: 4"),
        (2, 2, "each node gets gpus: 2; set gpus to 4, or use more nodes"),
    ],
)
def test_processes_that_the_nodes_cannot_share(nodes, gpus, text):
    with pytest.raises(UserError, match=text):
        trainjob(replace(ORDER, nodes=nodes, gpus=gpus), STAGE, RUN)


GIVEN = {
    "image": IMAGE, "nodes": "2", "hours": "48", "cpu": "4", "memory": "64Gi",
    "memory-request": "16Gi", "shm": "8Gi", "scratch": "100Gi", "gpus": "4",
    "gpu-type": "nvidia.com/gpu", "s3-secret": "xstilts-s3", "queue": "xstilts",
    "tolerations": '[{"key": "nvidia.com/gpu", "operator": "Exists"}]',
    "node-selector": '{"xstilts.dev/pool": "a100"}',
}  # fmt: skip


def order_of(**changes: str) -> Order:
    given = GIVEN | {name.replace("_", "-"): value for name, value in changes.items()}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return read_order(_parser().parse_args(["publish", "--run", str(RUN), *words]))


def test_the_command_line_says_it_all(monkeypatch):
    monkeypatch.setenv("XSTILTS_LOGS", "json")
    assert order_of() == ORDER


def test_all_mistakes_of_a_command_line_together():
    with pytest.raises(UserError) as caught:
        order_of(nodes="two", hours="0", gpus="many", tolerations="{}", gpu_type="")
    assert len(caught.value.problems) == 4
    with pytest.raises(UserError, match="gpu_type is missing"):
        order_of(gpu_type="")


def test_the_image_of_the_runtime_is_hardened():
    (node,) = runtime()["spec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }

"""The pipeline's graph: what waits for what, and that it is the same for every study."""

import copy

import pytest
import yaml
from compiled_pipeline import DEVICES, IMAGES, compiled
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import (
    PipelineDeploymentConfig,
    PipelineSpec,
    PlatformSpec,
)

from pipelines.pools import read_pools

STUDY = "comp-exit-handler-1"
PARAMETERS = {
    "s3_url", "study", "seeds", "models", "data", "pool", "gpus", "gpu_type", "tolerations",
    "node_selector", "s3_endpoint", "s3_region", "s3_secret", "champion", "notify", "notify_secret",
}  # fmt: skip


def order(component):
    """Title of each task of a graph -> titles of what it waits for."""
    found = compiled("cuda")[0]["components"][component]["dag"]["tasks"]
    titles = {name: task["taskInfo"]["name"] for name, task in found.items()}
    return {
        titles[name]: {titles[other] for other in task.get("dependentTasks", [])}
        for name, task in found.items()
    }


def test_what_waits_for_what():
    plan = "Check and plan"
    assert order(STUDY) == {
        plan: set(),
        "Prepare data": {plan},
        "Get models": {plan, "Prepare data"},
        "Score shortcuts": {plan, "Prepare data"},
        "Intermediate tasks": {plan, "Get models"},
        "Targets": {plan, "Intermediate tasks"},
        "Finished models": {plan, "Intermediate tasks"},
        "Publish": {plan, "Targets", "Finished models", "Score shortcuts"},
    }
    assert order("comp-for-loop-3") == {"Fine-tune": set(), "Evaluate": {"Fine-tune"}}


def test_the_end_is_told_however_it_comes():
    found = compiled("cuda")[0]["root"]["dag"]["tasks"]
    assert found["finish"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert found["finish"]["dependentTasks"] == ["exit-handler-1"]
    # What it gets must be there even if nothing ran
    sources = found["finish"]["inputs"]["parameters"].values()
    assert not any("taskOutputParameter" in source for source in sources)


def test_the_webhook_s_secret_goes_to_nobody_else():
    specification, platform = compiled("cuda")
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    has_it = [
        name
        for name, settings in executors.items()
        for secret in settings.get("secretAsEnv", [])
        for entry in secret["keyToEnv"]
        if entry["envVar"] == "XSTILTS_WEBHOOK"
    ]
    assert has_it == ["exec-finish"]
    secret = executors["exec-finish"]["secretAsEnv"][-1]
    assert secret["optional"] is True
    assert secret["secretNameParameter"] == {"componentInputParameter": "notify_secret"}
    found = specification["root"]["inputDefinitions"]["parameters"]
    assert found["notify"]["defaultValue"] == "never"
    assert found["champion"]["defaultValue"] == ""


def test_nothing_is_collected_from_a_loop():
    # KFP's driver fails on outputs of a loop over an empty list
    for name, component in compiled("cuda")[0]["components"].items():
        if name.startswith("comp-for-loop"):
            assert "outputs" not in component["dag"]


@pytest.mark.parametrize("device", DEVICES)
def test_loops_are_bounded(device):
    loops = {
        name: task["iteratorPolicy"]["parallelismLimit"]
        for name, task in compiled(device, parallelism=5)[0]["components"][STUDY]["dag"][
            "tasks"
        ].items()
        if "parameterIterator" in task
    }
    assert list(loops.values()) == [5, 5, 5]


@pytest.mark.parametrize("device", DEVICES)
def test_parameters_are_described(device):
    found = compiled(device)[0]["root"]["inputDefinitions"]["parameters"]
    assert set(found) == PARAMETERS
    for name, value in found.items():
        assert value["description"], name
        assert "\n" not in value["description"], "KFP shows a line break as a paragraph"
    assert [name for name, value in found.items() if not value.get("isOptional")] == ["s3_url"]


def test_the_plan_checks_the_images_that_run():
    for device, flavours in (("cuda", ["cpu", "cuda"]), ("cpu", ["cpu"])):
        task = compiled(device)[0]["components"][STUDY]["dag"]["tasks"]["plan"]
        images = task["inputs"]["parameters"]["images"]["runtimeValue"]["constant"]
        assert images == [IMAGES[flavour] for flavour in flavours]


@pytest.mark.parametrize(("device", "pool"), [("cuda", "gpu"), ("cpu", "cpu")])
def test_pools_by_default(device, pool):
    found = compiled(device)[0]["root"]["inputDefinitions"]["parameters"]
    assert found["pool"]["defaultValue"] == pool
    assert found["gpus"]["defaultValue"] == ""
    task = compiled(device)[0]["components"][STUDY]["dag"]["tasks"]["plan"]
    pools = task["inputs"]["parameters"]["pools"]["runtimeValue"]["constant"]
    assert pools[0]["name"] == pool
    assert {entry["name"] for entry in pools} == set(read_pools())


def test_a_study_changes_nothing_but_a_default():
    plain, named = compiled("cuda")[0], copy.deepcopy(compiled("cuda", study="mini")[0])
    parameter = named["root"]["inputDefinitions"]["parameters"]["study"]
    assert parameter["defaultValue"] == "mini"
    parameter["defaultValue"] = ""
    assert named == plain


@pytest.mark.parametrize("device", DEVICES)
def test_kubeflow_knows_all_fields(device):
    specification, platform = compiled(device)
    parsed = json_format.ParseDict(specification, PipelineSpec())  # raises on unknown fields
    json_format.ParseDict(platform, PlatformSpec())
    deployment = json_format.MessageToDict(parsed.deployment_spec)
    json_format.ParseDict(deployment, PipelineDeploymentConfig())


def test_the_two_devices_have_one_graph():
    def shape(device):
        specification = copy.deepcopy(compiled(device)[0])
        text = yaml.safe_dump(
            {
                name: {task: sorted(value.get("dependentTasks", [])) for task, value in tasks}
                for name, component in specification["components"].items()
                if (tasks := component.get("dag", {}).get("tasks", {}).items())
            }
        )
        return text

    assert shape("cuda") == shape("cpu")

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

STUDY = "comp-exit-handler-1"
PARAMETERS = {
    "s3_url", "study", "seeds", "models", "gpus", "gpu_type", "tolerations", "node_selector",
    "s3_endpoint", "s3_region", "s3_secret",
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


def test_gpus_by_default():
    for device, gpus in (("cuda", "1"), ("cpu", "0")):
        found = compiled(device)[0]["root"]["inputDefinitions"]["parameters"]
        assert found["gpus"]["defaultValue"] == gpus


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

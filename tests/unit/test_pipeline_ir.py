"""The reference checker: it passes what compiles, and finds what leads nowhere."""

import copy

import pytest
from compiled_pipeline import DEVICES, IMAGES, compiled

from pipelines import ir

STUDY = "comp-exit-handler-1"
LOOP = "comp-for-loop-3"


@pytest.mark.parametrize("device", DEVICES)
def test_the_pipeline_holds_together(device):
    assert ir.problems(*compiled(device)) == []


@pytest.mark.parametrize(("device", "flavours"), [("cuda", ["cpu", "cuda"]), ("cpu", ["cpu"])])
def test_images(device, flavours):
    assert ir.images(compiled(device)[0]) == {IMAGES[flavour] for flavour in flavours}


def graph(specification, name):
    return specification["components"][name]["dag"]["tasks"]


def parameters(task):
    return task["inputs"]["parameters"]


def lose_component(spec, _platform):
    del spec["components"]["comp-prepare"]


def lose_executor(spec, _platform):
    del spec["deploymentSpec"]["executors"]["exec-publish"]


def unused_executor(spec, _platform):
    del graph(spec, STUDY)["publish"]


def foreign_settings(_spec, platform):
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["exec-other"] = {}


def lose_output(spec, _platform):
    del spec["components"]["comp-plan"]["outputDefinitions"]["parameters"]["trained"]


def lose_producer(spec, _platform):
    parameters(graph(spec, STUDY)["prepare"])["run"]["taskOutputParameter"]["producerTask"] = "x"


def lose_order(spec, _platform):
    del graph(spec, STUDY)["prepare"]["dependentTasks"]


def wait_for_nothing(spec, _platform):
    graph(spec, STUDY)["publish"]["dependentTasks"].append("nobody")


def lose_input_of_graph(spec, _platform):
    del spec["components"][LOOP]["inputDefinitions"]["parameters"]["pipelinechannel--plan-run"]


def lose_input_of_settings(spec, _platform):
    inputs = spec["components"][LOOP]["inputDefinitions"]["parameters"]
    del inputs["pipelinechannel--plan-pod_tolerations"]


def lose_resource(spec, _platform):
    del parameters(graph(spec, LOOP)["finetune"])["pipelinechannel--plan-pod_gpus"]


def lose_argument(spec, _platform):
    del parameters(graph(spec, LOOP)["evaluate"])["stages"]


def extra_argument(spec, _platform):
    parameters(graph(spec, STUDY)["plan"])["other"] = {"runtimeValue": {"constant": "x"}}


def wrong_argv(spec, _platform):
    args = spec["deploymentSpec"]["executors"]["exec-plan"]["container"]["args"]
    args.append("{{$.inputs.parameters['other']}}")


def wrong_items(spec, _platform):
    items = graph(spec, STUDY)["for-loop-3"]["parameterIterator"]["items"]
    items["inputParameter"] = "pipelinechannel--other"


def wrong_output_of_graph(spec, _platform):
    source = {"producerSubtask": "evaluate", "outputParameterKey": "other"}
    spec["components"][LOOP]["dag"]["outputs"] = {
        "parameters": {"x": {"valueFromParameter": source}}
    }


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (lose_component, f"{STUDY}.prepare: there is no component comp-prepare"),
        (lose_executor, f"{STUDY}.publish: there is no executor exec-publish"),
        (unused_executor, "no task uses exec-publish"),
        (foreign_settings, "settings are for exec-other, which is no executor"),
        (lose_output, "is taken from plan.trained, which there is not"),
        (lose_producer, f"{STUDY}.prepare.run is taken from x.run, which there is not"),
        (lose_order, f"{STUDY}.prepare.run is taken from plan, but does not wait for it"),
        (wait_for_nothing, f"{STUDY}.publish waits for nobody, which is no task beside it"),
        (lose_input_of_graph, f"{LOOP}.evaluate.run is taken from pipelinechannel--plan-run"),
        (lose_input_of_settings, "Kubernetes settings use pipelinechannel--plan-pod_tolerations"),
        (lose_resource, f"{LOOP}.finetune uses the input pipelinechannel--plan-pod_gpus"),
        (lose_argument, f"{LOOP}.evaluate does not give stages"),
        (extra_argument, f"{STUDY}.plan gives other, which its component does not have"),
        (wrong_argv, f"{STUDY}.plan uses the input other, which it does not get"),
        (wrong_items, "loops over pipelinechannel--other, which is no input"),
        (wrong_output_of_graph, f"{LOOP}: no task has the output evaluate.other"),
    ],
)
def test_a_planted_fault_is_found(plant, expected):
    specification, platform = copy.deepcopy(compiled("cuda"))
    plant(specification, platform)
    assert any(expected in problem for problem in ir.problems(specification, platform))

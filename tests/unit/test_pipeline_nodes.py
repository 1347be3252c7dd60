"""The pipeline whose models train on several nodes each."""

import pytest
import yaml
from compiled_pipeline import DEVICES, IMAGES, compiled
from kube_server import ROLE

from components.trainjob.resource import HOUR, WAIT
from pipelines.compile import main
from pipelines.graph import pipeline_name
from pipelines.pools import ordered, read_pools

NODES = 2


def graphs(device, **changes):
    """Title of each task -> its component and inputs."""
    specification = compiled(device, **changes)[0]
    found = {}
    for graph in [specification["root"], *specification["components"].values()]:
        for task in graph.get("dag", {}).get("tasks", {}).values():
            inputs = task.get("inputs", {}).get("parameters", {})
            found[task["taskInfo"]["name"]] = (task["componentRef"]["name"], inputs)
    return found


@pytest.mark.parametrize("device", DEVICES)
def test_what_trains_waits_for_a_trainjob(device):
    one, several = graphs(device), graphs(device, nodes=NODES)
    assert one.keys() == several.keys()
    for title in one:
        is_trained = title in ("Train", "Fine-tune")
        assert several[title][0].startswith("comp-trainjob") == is_trained, title
        assert "trainjob" not in one[title][0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("title", ["Train", "Fine-tune"])
def test_what_the_nodes_get(device, title):
    pool = ordered(read_pools(), device=device)[0]
    _, inputs = graphs(device, nodes=NODES)[title]
    fixed = {n: v["runtimeValue"]["constant"] for n, v in inputs.items() if "runtimeValue" in v}
    assert fixed == {
        "image": IMAGES[device],
        "nodes": "2",
        "hours": str(pool.hours),
        "queue": pool.queue,
        "shm": pool.shm,
        "scratch": pool.scratch,
    }
    planned = (
        "gpus",
        "gpu_type",
        "cpu",
        "memory",
        "memory_request",
        "tolerations",
        "node_selector",
    )
    for name in planned:
        assert inputs[name] == {"componentInputParameter": f"pipelinechannel--plan-pod_{name}"}
    assert inputs["s3_secret"] == {"componentInputParameter": "pipelinechannel--s3_secret"}


@pytest.mark.parametrize("device", DEVICES)
def test_the_pod_that_waits_needs_no_gpu_and_outlives_the_training(device):
    specification, platform = compiled(device, nodes=NODES)
    pool = ordered(read_pools(), device=device)[0]
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for name in ("exec-trainjob", "exec-trainjob-2"):
        container = specification["deploymentSpec"]["executors"][name]["container"]
        assert container["image"] == IMAGES["cpu"]
        assert "accelerator" not in container["resources"]
        assert int(settings[name]["activeDeadlineSeconds"]) > (pool.hours + WAIT) * HOUR
        assert "nodeSelector" not in settings[name]
        assert "kueue.x-k8s.io/queue-name" not in settings[name].get("podMetadata", {}).get(
            "labels", {}
        )


def test_a_training_that_starts_again_by_itself_is_not_started_again():
    specification = compiled("cuda", nodes=NODES)[0]
    loops = [part["dag"]["tasks"] for part in specification["components"].values() if "dag" in part]
    found = [task for tasks in loops for name, task in tasks.items() if "trainjob" in name]
    assert len(found) == 2
    assert not any("retryPolicy" in task for task in found)


@pytest.mark.parametrize(("nodes", "told"), [(1, "1"), (NODES, "2")])
def test_the_plan_knows_how_many_nodes_there_are(nodes, told):
    _, inputs = graphs("cuda", nodes=nodes)["Check and plan"]
    assert inputs["nodes"]["runtimeValue"]["constant"] == told


def test_it_is_another_pipeline():
    names = {pipeline_name(device, nodes) for device in DEVICES for nodes in (1, 2, 3)}
    assert names == {
        "xstilts", "xstilts-2-nodes", "xstilts-3-nodes",
        "xstilts-cpu", "xstilts-cpu-2-nodes", "xstilts-cpu-3-nodes",
    }  # fmt: skip
    assert compiled("cuda", nodes=NODES)[0]["pipelineInfo"]["name"] == "xstilts-2-nodes"


def test_the_command_line(tmp_path, capsys):
    path = tmp_path / "pipeline.yaml"
    assert main(["--dev", "--nodes", "4", "--output", str(path)]) == 0
    assert "xstilts-4-nodes" in path.read_text()
    with pytest.raises(SystemExit):
        main(["--dev", "--nodes", "0"])
    assert "--nodes" in capsys.readouterr().err


def test_the_role_gives_no_more_than_waiting_takes():
    (role,) = yaml.safe_load_all(ROLE.read_text(encoding="utf-8"))
    rights = {(r, v) for rule in role["rules"] for r in rule["resources"] for v in rule["verbs"]}
    assert not {verb for _, verb in rights} & {"*", "update", "patch", "deletecollection"}
    assert not {resource for resource, _ in rights} & {"*", "secrets", "pods/exec"}

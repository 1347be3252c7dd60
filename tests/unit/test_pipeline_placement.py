"""What every task of the pipeline gets from `place`."""

from dataclasses import replace

import pytest
from compiled_pipeline import DEVICES, IMAGES, PHASES, TRAINING, compiled, phase, tasks
from google.protobuf import json_format
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig

from pipelines.compile import Build, compile_ir
from pipelines.graph import DEADLINE, RETRIES
from pipelines.placement import QUEUE, STEPS
from pipelines.pools import ordered, read_pools
from pipelines.quantities import size

EVERY = [(device, name) for device in DEVICES for name in sorted(tasks(device))]
POOLS = {device: ordered(read_pools(), device=device)[0] for device in DEVICES}


def pool_of(device, name):
    return POOLS[device] if phase(name) in TRAINING else STEPS


def planned(name):
    """How a value that the plan put out is referred to."""
    return f"{{{{$.inputs.parameters['pipelinechannel--plan-pod_{name}']}}}}"


def test_all_components_are_there():
    for device in DEVICES:
        assert {phase(name) for name in tasks(device)} == {"plan", "finish", *PHASES}


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_settings_are_known_to_kubeflow(device, name):
    _, _, settings = tasks(device)[name]
    json_format.ParseDict(settings, KubernetesExecutorConfig())  # raises on unknown fields


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_kubeflow_s_own_caching_is_off(device, name):
    task, _, _ = tasks(device)[name]
    assert not task["cachingOptions"].get("enableCache", False)


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_images(device, name):
    _, container, settings = tasks(device)[name]
    flavour = "cuda" if device == "cuda" and phase(name) in TRAINING else "cpu"
    assert container["image"] == IMAGES[flavour]
    assert settings["imagePullPolicy"] == "IfNotPresent"
    digest = IMAGES[flavour].partition("@")[2]
    assert {"name": "XSTILTS_IMAGE_DIGEST", "value": digest} in container["env"]


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_what_trains_serves_its_figures_and_everything_logs_objects(device, name):
    _, container, settings = tasks(device)[name]
    found = {own["name"]: own["value"] for own in container["env"]}
    labels = settings["podMetadata"]["labels"]
    trains = phase(name) in TRAINING
    assert found["XSTILTS_LOGS"] == "json"
    assert found.get("XSTILTS_METRICS_PORT") == ("9464" if trains else None)
    assert labels["app.kubernetes.io/name"] == "xstilts"
    assert labels.get("app.kubernetes.io/component") == ("training" if trains else None)


def test_an_image_by_tag_has_no_digest_to_tell():
    specification, _ = compile_ir(Build({"cpu": "xstilts:cpu"}, (POOLS["cpu"],)))
    assert "XSTILTS_IMAGE_DIGEST" not in str(specification)


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_accelerators_are_asked_for_where_models_run(device, name):
    _, container, _ = tasks(device)[name]
    found = container["resources"].get("accelerator")
    if device == "cpu" or phase(name) not in TRAINING:
        assert found is None
        return
    assert found == {
        "resourceCount": planned("gpus"),
        "resourceType": planned("gpu_type"),
    }


@pytest.mark.parametrize("device", DEVICES)
def test_the_number_of_gpus_is_a_text(device):
    # The driver takes a number for an empty text, and asks for no GPU at all
    specification, _ = compiled(device)
    graphs = [specification["root"], *specification["components"].values()]
    found = [
        inputs[name]["parameterType"]
        for graph in graphs
        for side in ("inputDefinitions", "outputDefinitions")
        for inputs in [graph.get(side, {}).get("parameters", {})]
        for name in inputs
        if name in ("gpus", "pod_gpus", "pipelinechannel--plan-pod_gpus")
    ]
    assert len(found) >= 3
    assert set(found) == {"STRING"}


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_resources(device, name):
    _, container, _ = tasks(device)[name]
    found = container["resources"]
    names = ("resourceCpuRequest", "resourceMemoryRequest", "resourceMemoryLimit")
    if phase(name) in TRAINING:
        wanted = [planned("cpu"), planned("memory_request"), planned("memory")]
    else:
        wanted = [STEPS.cpu, STEPS.memory_request, STEPS.memory]
    assert [found[name] for name in names] == wanted


@pytest.mark.parametrize("pool", [STEPS, *read_pools().values()], ids=lambda pool: pool.name)
def test_pools_make_sense(pool):
    assert size(pool.memory_request) <= size(pool.memory)
    assert size(pool.shm) < size(pool.memory)  # it counts against the limit
    assert 0 < pool.hours * 3600 < DEADLINE


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_writable_places(device, name):
    _, _, settings = tasks(device)[name]
    mounts = {mount["mountPath"]: mount for mount in settings["emptyDirMounts"]}
    assert mounts.keys() == {"/dev/shm", "/scratch", "/tmp"}
    assert mounts["/dev/shm"]["medium"] == "Memory"
    assert all(mount["sizeLimit"] for mount in mounts.values())
    assert len({mount["volumeName"] for mount in mounts.values()}) == len(mounts)


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_nothing_runs_as_root(device, name):
    _, _, settings = tasks(device)[name]
    assert settings["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": "10001",
        "runAsGroup": "10001",
    }


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_keys_come_from_a_secret_that_may_be_missing(device, name):
    _, _, settings = tasks(device)[name]
    secret, *others = settings["secretAsEnv"]
    assert bool(others) == (name == "finish")  # which has that of the webhook, too
    assert secret["optional"] is True
    assert {(key["secretKey"], key["envVar"]) for key in secret["keyToEnv"]} == {
        ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    }
    assert secret["secretNameParameter"]["componentInputParameter"].endswith("s3_secret")


@pytest.mark.parametrize("device", DEVICES)
def test_the_secret_s_name_is_never_empty(device):
    # The driver fails on an empty name, also of a secret that is optional
    specification, _ = compiled(device)
    assert specification["root"]["inputDefinitions"]["parameters"]["s3_secret"]["defaultValue"]


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_node_pool(device, name):
    _, _, settings = tasks(device)[name]
    chosen = {"tolerations", "nodeSelector"} & settings.keys()
    assert chosen == ({"tolerations", "nodeSelector"} if phase(name) in TRAINING else set())


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_what_trains_waits_in_the_pool_s_queue(device, name):
    _, _, settings = tasks(device)[name]
    found = settings["podMetadata"]["labels"].get(QUEUE)
    assert found == (POOLS[device].queue if phase(name) in TRAINING else None)


def test_what_a_pool_says_is_in_the_pods():
    big = ordered(read_pools(), "a100")
    _, platform = compile_ir(Build(IMAGES, (replace(big[0], queue=""), *big[1:])))
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-finetune"]
    assert settings["activeDeadlineSeconds"] == str(big[0].hours * 3600)
    sizes = {mount["mountPath"]: mount["sizeLimit"] for mount in settings["emptyDirMounts"]}
    assert sizes == {"/dev/shm": "64Gi", "/scratch": "500Gi", "/tmp": "500Gi"}
    assert QUEUE not in settings["podMetadata"]["labels"]


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_deadlines(device, name):
    _, _, settings = tasks(device)[name]
    pool = pool_of(device, name)
    assert int(settings["activeDeadlineSeconds"]) == pool.hours * 3600


@pytest.mark.parametrize("device", DEVICES)
def test_the_deadline_of_a_run(device):
    _, platform = compiled(device)
    config = platform["platforms"]["kubernetes"]["pipelineConfig"]
    assert config == {"activeDeadlineSeconds": DEADLINE}


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_failed_pods_start_again(device, name):
    task, _, _ = tasks(device)[name]
    if name == "plan":
        assert "retryPolicy" not in task  # what it finds does not change by asking again
        return
    assert task["retryPolicy"] == {
        "maxRetryCount": RETRIES,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "600s",
    }


def test_no_retries_when_none_are_wanted():
    specification, _ = compiled("cpu", retries=0)
    assert "retryPolicy" not in str(specification)


@pytest.mark.parametrize(("device", "name"), EVERY)
def test_tasks_have_titles(device, name):
    task, _, _ = tasks(device)[name]
    assert task["taskInfo"]["name"][0].isupper()

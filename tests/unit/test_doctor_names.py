"""What the doctor says of names (secrets, accounts, runtime), of overlays, and of the study."""

from dataclasses import replace

import pytest
from doctor_demands import POOLS, TEXT, demand, objects_of_eks, told

from components.plan.studies import read_study
from pipelines.compile import STUDIES
from pipelines.doctor.demand import Demand
from pipelines.doctor.names import account, runtime, secrets
from pipelines.doctor.overlay import read_overlay
from pipelines.doctor.study import study
from xstilts.errors import UserError
from xstilts.study.findings import NOTE, OK, PROBLEM
from xstilts.study.resolve import resolve


@pytest.fixture
def eks():
    return objects_of_eks()


def test_secrets_of_an_overlay():
    gke, _ = read_overlay("gke")
    wanted = demand(parameters={"notify": "always", "notify_secret": "webhok"})
    (keys, webhook) = told(secrets, gke, wanted)
    assert keys == (OK, "xstilts-s3 (the store's keys) is made by the ExternalSecret xstilts-s3.")
    assert webhook == (
        PROBLEM,
        "the overlay fetches no secret webhok (the webhook's address); it fetches xstilts-notify, "
        "xstilts-s3.",
    )
    item = gke.of("ExternalSecret")["xstilts-notify"]
    item["status"] = {"conditions": [{"type": "Ready", "status": "False", "message": "denied"}]}
    gke.of("ExternalSecret")["xstilts-s3"]["spec"]["data"].pop()
    found = told(secrets, gke, demand(parameters={"notify": "always"}))
    assert [text for _, text in found] == [
        "the ExternalSecret xstilts-s3 (the store's keys) gives no AWS_SECRET_ACCESS_KEY.",
        "the secret xstilts-notify (the webhook's address) is not made: denied.",
    ]


def test_accounts():
    kind, _ = read_overlay("kind")
    assert kind.namespace == "kubeflow"
    assert told(account, kind, demand(service_account="pipeline-runner"))[0][0] == NOTE
    assert told(account, kind, demand(service_account="xstilts")) == [(OK, "xstilts is there.")]
    assert told(account, kind, demand(service_account="x"))[0][0] == PROBLEM
    assert told(account, kind, demand())[0][0] == NOTE


def test_what_a_runtime_names(eks):
    assert told(runtime, eks, demand()) == []
    assert {state for state, _ in told(runtime, eks, demand(nodes=2))} == {OK}
    eks.found["PriorityClass"].pop("xstilts-training")
    (_, (state, text)) = told(runtime, eks, demand(nodes=2))
    assert state == PROBLEM
    assert text.startswith("the TrainingRuntime xstilts names the PriorityClass xstilts-training,")


@pytest.mark.parametrize(
    ("name", "names"),
    [("kind", ""), ("eks", "111122223333 and my-bucket and my-cluster"),
     ("gke", "my-cluster and my-project")],
)  # fmt: skip
def test_names_of_the_example_are_to_be_replaced(name, names):
    _, found = read_overlay(name)
    assert found.state == (PROBLEM if names else OK)
    assert names in found.text


def test_an_overlay_that_is_unknown_or_broken(tmp_path):
    with pytest.raises(UserError, match="unknown overlay 'ek': did you mean eks"):
        read_overlay("ek")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text("resources: [gone.yaml]\n")
    with pytest.raises(UserError, match=r"gone\.yaml"):
        read_overlay("own", folder=tmp_path)


# --- the study on its pool


def test_a_study_on_its_pool():
    found = told(lambda _, wanted: study(wanted), None, demand("l4", TEXT))
    assert found[0][0] == OK
    assert found[0][1].startswith("quick: ")
    assert "GPU-hours of L4 if the store has nothing of it." in found[0][1]


def test_processes_that_find_no_gpus():
    text = TEXT + "finetune: {processes: 6}\n"
    (first, *_) = told(lambda _, wanted: study(wanted), None, demand("l4", text, nodes=4))
    assert first[0] == PROBLEM
    assert "trains in 6 processes, which 4 nodes cannot share evenly" in first[1]


def test_nodes_that_change_nothing():
    (first, *_) = told(lambda _, wanted: study(wanted), None, demand("l4", TEXT, nodes=4))
    assert first == (
        NOTE, "every model trains in one process, so --nodes 4 changes nothing."
    )  # fmt: skip


def test_what_an_estimate_finds_too_much_is_a_note():
    small = replace(POOLS["cpu"], memory="1Gi", memory_request="1Gi", hours=1, scratch="1Gi")
    params = resolve(read_study(TEXT, "", "", STUDIES))
    found = told(lambda _, wanted: study(wanted), None, Demand("", small, params))
    assert [state for state, _ in found] == [OK, NOTE, NOTE, NOTE]
    texts = " ".join(text for _, text in found)
    for part in ("of disk, and its pod has 1Gi of scratch", "of memory, and a pod of the pool cpu",
                 "hours, and the pool cpu ends pods after 1"):  # fmt: skip
        assert part in texts

"""What the doctor says of a queue: whether pods fit into Kueue's shares, and how many at once."""

import pytest
from doctor_demands import POOLS, TEXT, demand, objects_of_eks, told
from hypothesis import given
from hypothesis import strategies as st

from pipelines.doctor.demand import Demand, needs, training, with_parameters
from pipelines.doctor.kueue import queue
from xstilts.study.findings import NOTE, OK, PROBLEM


@pytest.fixture
def eks():
    return objects_of_eks()


def quota_of(objects, flavor: str, resource: str, queue: str = "xstilts") -> dict:
    (group,) = objects.of("ClusterQueue")[queue]["spec"]["resourceGroups"]
    (found,) = [item for entry in group["flavors"] if entry["name"] == flavor
                for item in entry["resources"] if item["name"] == resource]  # fmt: skip
    return found


@pytest.mark.parametrize("pool", list(POOLS))
def test_every_pool_of_ours_fits(eks, pool):
    states = {state for state, _ in told(queue, eks, demand(pool))}
    assert states <= {OK, NOTE}
    assert states


def test_a_pod_that_is_larger_than_its_share(eks):
    quota_of(eks, "a100", "memory")["nominalQuota"] = "500Gi"
    quota_of(eks, "a100", "nvidia.com/gpu")["nominalQuota"] = 4
    ((state, text),) = told(queue, eks, demand("a100"))
    assert state == PROBLEM
    assert text == (
        "a training pod of the pool a100 (80 cpu, 560Gi memory, 8 nvidia.com/gpu) never fits into "
        "the ClusterQueue xstilts: flavor cpu is of other nodes than xstilts.dev/pool=a100; "
        "flavor l4 is of other nodes than xstilts.dev/pool=a100; flavor l4-spot is of other nodes "
        "than xstilts.dev/pool=a100; flavor a100 has 500Gi memory of 560Gi memory, "
        "4 nvidia.com/gpu of 8 nvidia.com/gpu."
    )


def test_less_room_than_the_run_wants_is_a_note(eks):
    assert told(queue, eks, demand("a100"))[0][0] == NOTE
    assert told(queue, eks, demand("a100", parallelism=1))[0][0] == OK
    ((state, text),) = told(queue, eks, demand("l4", parallelism=9))
    assert state == NOTE
    assert text.endswith("but for 8 of the run's 9 at once: others wait.")


def test_nodes_of_a_training_have_to_fit_together(eks):
    (first, *_) = told(queue, eks, demand("a100", nodes=2))
    assert first[0] == PROBLEM
    assert (
        "a training on 2 nodes of the pool a100 (80 cpu, 560Gi memory, 8 nvidia.com/gpu on "
        in (first[1])
    )
    assert "8 nvidia.com/gpu of 16 nvidia.com/gpu" in first[1]
    for name, value in (("cpu", "160"), ("memory", "2Ti"), ("nvidia.com/gpu", "16")):
        quota_of(eks, "a100", name)["nominalQuota"] = value
    assert told(queue, eks, demand("a100", nodes=2, parallelism=1))[0][0] == OK


def test_a_study_says_how_many_gpus_of_a_node_are_taken(eks):
    text = TEXT + "finetune: {processes: 4}\n"
    need = training(demand("a100", text, nodes=2))
    assert (need.count, need.amounts["nvidia.com/gpu"]) == (2, 2)
    alone = training(demand("a100", TEXT, nodes=2))
    assert (alone.count, alone.amounts["nvidia.com/gpu"]) == (1, 1)
    kinds = [own.what for own in needs(demand("a100", text, nodes=2))]
    assert "an evaluating pod of the pool a100" in kinds
    assert "the pod that waits for a training" in kinds
    assert told(queue, eks, demand("cpu", text))[0][0] == OK


def test_a_queue_that_borrows(eks):
    assert told(queue, eks, demand("l4-spot"))[0][0] == OK  # all that xstilts-spare has
    quota_of(eks, "l4-spot", "nvidia.com/gpu")["lendingLimit"] = "3"
    ((_, text),) = told(queue, eks, demand("l4-spot"))
    assert "but for 3 of the run's 8" in text
    quota_of(eks, "l4-spot", "cpu", "xstilts-spare")["borrowingLimit"] = "12"
    ((_, text),) = told(queue, eks, demand("l4-spot"))
    assert "but for 2 of the run's 8" in text
    eks.of("ClusterQueue")["xstilts-spare"]["spec"].pop("cohortName")
    ((state, text),) = told(queue, eks, demand("l4-spot"))
    assert state == PROBLEM
    assert "flavor l4-spot has 0 cpu of 6 cpu, 0 memory of 24Gi memory" in text


def test_cohorts_in_cohorts_lend_and_a_circle_does_not_hang(eks):
    eks.of("ClusterQueue")["xstilts-spare"]["spec"]["cohortName"] = "inner"
    inner = {"kind": "Cohort", "metadata": {"name": "inner"}, "spec": {"parentName": "gpus"}}
    eks.found["Cohort"]["inner"] = inner
    assert told(queue, eks, demand("l4-spot"))[0][0] == OK
    eks.found["Cohort"]["gpus"]["spec"] = {"parentName": "inner"}
    assert told(queue, eks, demand("l4-spot"))


def test_a_taint_that_nobody_bears(eks):
    pool = with_parameters(POOLS["l4"], {"tolerations": [{"key": "other", "operator": "Exists"}]})
    ((state, text),) = told(queue, eks, Demand("", pool))
    assert state == PROBLEM
    assert "flavor l4 has the taint nvidia.com/gpu, which the pool does not tolerate" in text
    flavor = eks.of("ResourceFlavor")["l4"]["spec"]
    flavor["tolerations"] = [{"operator": "Exists"}]  # Kueue adds these to the pods
    assert told(queue, eks, Demand("", pool))[0][0] == OK


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda o: o.found["LocalQueue"].pop("xstilts"),
         "has no LocalQueue xstilts, in which the pods of the pool l4 wait: they would never "
         "start. It has xstilts-spare."),
        (lambda o: o.found["ClusterQueue"].pop("xstilts"),
         "the LocalQueue xstilts belongs to the ClusterQueue xstilts, which does not exist."),
        (lambda o: o.of("ClusterQueue")["xstilts"]["spec"].pop("namespaceSelector"),
         "the ClusterQueue xstilts takes no pods of the namespace xstilts."),
        (lambda o: o.of("ClusterQueue")["xstilts"]["spec"].update(
            namespaceSelector={"matchExpressions": [
                {"key": "team", "operator": "In", "values": ["a"]}]}),
         "the ClusterQueue xstilts takes no pods of the namespace xstilts."),
        (lambda o: o.of("ClusterQueue")["xstilts"]["spec"].update(stopPolicy="Hold"),
         "the ClusterQueue xstilts lets nothing in: its stopPolicy is Hold."),
        (lambda o: o.of("LocalQueue")["xstilts"].update(status={"conditions": [
            {"type": "Active", "status": "False", "message": "no flavor"}]}),
         "the LocalQueue xstilts lets nothing in: no flavor."),
        (lambda o: o.found["ResourceFlavor"].pop("l4"), "flavor l4 does not exist"),
    ],
)  # fmt: skip
def test_a_queue_in_which_nothing_starts(eks, change, expected):
    change(eks)
    ((state, text),) = told(queue, eks, demand())
    assert state == PROBLEM
    assert expected in text


def test_a_resource_that_the_queue_does_not_share_out(eks):
    pool = with_parameters(POOLS["l4"], {"gpu_type": "amd.com/gpu"})
    ((state, text),) = told(queue, eks, Demand("", pool))
    assert state == PROBLEM
    assert text.endswith("never fits: the ClusterQueue xstilts has no amd.com/gpu.")


@given(st.integers(0, 200), st.integers(0, 900), st.integers(0, 30), st.integers(1, 12))
def test_the_scarcest_resource_decides(cpu, memory, gpus, wanted):
    """A pod of the pool l4 takes 6 processors, 24 GiB and a GPU, of one flavor."""
    objects = objects_of_eks()
    values = {"cpu": cpu, "memory": f"{memory}Gi", "nvidia.com/gpu": f"{gpus}"}
    for name, value in values.items():
        quota_of(objects, "l4", name)["nominalQuota"] = value
    room = min(cpu // 6, memory // 24, gpus)
    ((state, text),) = told(queue, objects, demand("l4", parallelism=wanted))
    assert state == (PROBLEM if room == 0 else NOTE if room < wanted else OK)
    assert ("never fits" in text) == (room == 0)
    assert (f"but for {room} of the run's {wanted}" in text) == (0 < room < wanted)

"""What the doctor says of the walls of a namespace: ResourceQuota and LimitRange."""

import pytest
from doctor_demands import demand, objects_of_eks, told

from pipelines.doctor.quota import limits, quotas
from xstilts.study.findings import NOTE, OK, PROBLEM


@pytest.fixture
def eks():
    return objects_of_eks()


def hard(objects, **values) -> None:
    spec = objects.of("ResourceQuota")["xstilts"]["spec"]
    spec["hard"] = {name.replace("_", "."): value for name, value in values.items()}


def test_a_quota_that_no_pod_fits_into(eks):
    hard(eks, requests_memory="20Gi", limits_memory="8Gi")
    found = told(quotas, eks, demand())
    assert {state for state, _ in found} == {PROBLEM}
    assert [text for _, text in found] == [
        "a training pod of the pool l4 (6 cpu, 24Gi memory, 1 nvidia.com/gpu) never fits into the "
        "ResourceQuota xstilts with its requests.memory 20Gi, limits.memory 8Gi.",
        "a step that trains nothing (0.5 cpu, 2Gi memory) never fits into the ResourceQuota "
        "xstilts with its limits.memory 8Gi.",
    ]


def test_a_quota_with_room_for_some(eks):
    hard(eks, requests_cpu="13", pods="100")
    ((state, text),) = told(quotas, eks, demand())
    assert state == NOTE
    assert "but for 2 of the run's 8 at once" in text
    hard(eks, persistentvolumeclaims="4")
    assert told(quotas, eks, demand()) == []


def test_a_limit_of_processors_that_our_pods_do_not_have(eks):
    hard(eks, limits_cpu="400")
    (found, *_) = told(quotas, eks, demand())
    assert found[0] == PROBLEM
    eks.of("LimitRange")["xstilts"]["spec"]["limits"][0]["default"]["cpu"] = "8"
    assert told(quotas, eks, demand()) == []
    eks.of("ResourceQuota")["xstilts"]["spec"]["scopes"] = ["BestEffort"]
    assert told(quotas, eks, demand()) == [(NOTE, "xstilts was not looked at: it has scopes.")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"max": {"memory": "20Gi"}}, "at most 20Gi memory, not 24Gi memory"),
        ({"max": {"nvidia.com/gpu": "0"}}, "at most 0 nvidia.com/gpu, not 1 nvidia.com/gpu"),
        ({"min": {"cpu": "1"}}, "at least 1 cpu, not 0.5 cpu"),
        ({"default": {"cpu": "500m"}}, "its default limit of 500m cpu is less than what is asked"),
        ({"maxLimitRequestRatio": {"memory": "2"}},
         "the limit of memory is more than 2 times what is asked for"),
    ],
)  # fmt: skip
def test_a_limit_range_that_refuses_a_pod(eks, rule, expected):
    assert {state for state, _ in told(limits, eks, demand())} == {OK}
    eks.of("LimitRange")["xstilts"]["spec"]["limits"] = [{"type": "Container", **rule}]
    found = told(limits, eks, demand())
    assert len(found) == 1
    assert found[0][0] == PROBLEM
    assert found[0][1].startswith("the LimitRange xstilts refuses a ")
    assert expected in found[0][1]

"""What a release makes of an overlay: its order, our images, and the pools that it has."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.pools import Pool
from pipelines.release import overlay as release_overlay
from pipelines.release.overlay import read_overlay, with_image
from xstilts.errors import UserError

PINNED = f"registry.example/team/xstilts@sha256:{'0f' * 32}"
CPU = Pool("cpu", "cpu", cpu="1", memory="4Gi", shm="1Gi", scratch="1Gi", hours=1, queue="small")
GPU = Pool("gpu", "cuda", cpu="1", memory="4Gi", shm="1Gi", scratch="1Gi", hours=1, gpus=1,
           gpu_type="nvidia.com/gpu", queue="small")  # fmt: skip
OTHER = Pool("other", "cpu", cpu="1", memory="4Gi", shm="1Gi", scratch="1Gi", hours=1, queue="big")
FREE = Pool("free", "cpu", cpu="1", memory="4Gi", shm="1Gi", scratch="1Gi", hours=1)
POOLS = {pool.name: pool for pool in (CPU, GPU, OTHER, FREE)}


def resource(kind, name, namespace=None, **spec):
    space = {"namespace": namespace} if namespace else {}
    return {"kind": kind, "metadata": {"name": name} | space, "spec": spec}


def queues(*covered):
    return [
        resource("LocalQueue", "small", "team", clusterQueue="all"),
        resource("ClusterQueue", "all", resourceGroups=[{"coveredResources": list(covered)}]),
    ]


@pytest.fixture
def overlay(monkeypatch):
    """Makes an overlay of resources, as if kubectl had built them."""

    def make(resources):
        monkeypatch.setattr(release_overlay, "built", lambda _folder: list(resources))
        return read_overlay(Path("overlays/mine"), POOLS)

    return make


@given(st.permutations([*queues("cpu"), resource("Namespace", "team"),
                        resource("LocalQueue", "a", "team", clusterQueue="all")]))  # fmt: skip
def test_the_order_is_not_kubectl_s(shuffled):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release_overlay, "built", lambda _folder: shuffled)
        found = read_overlay(Path("overlays/mine"), POOLS)
    names = [f"{one['kind']}/{one['metadata']['name']}" for one in found.resources]
    assert names == ["Namespace/team", "ClusterQueue/all", "LocalQueue/a", "LocalQueue/small"]
    assert (found.name, found.namespace) == ("mine", "team")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (queues("cpu", "memory"), {"cpu", "free"}),
        (queues("cpu", "nvidia.com/gpu"), {"cpu", "gpu", "free"}),
        (queues("cpu")[:1], {"cpu", "free"}),  # its ClusterQueue is somebody else's
        ([resource("ServiceAccount", "x", "team")], {"cpu", "gpu", "other", "free"}),  # no Kueue
    ],
)
def test_pools_are_those_whose_queue_is_there_and_shares_what_they_need(
    overlay, resources, expected
):
    assert set(overlay(resources).pools) == expected


@pytest.mark.parametrize("spaces", [[], ["one", "two"]])
def test_a_pipeline_goes_to_one_namespace(overlay, spaces):
    with pytest.raises(UserError, match=r"must be in one namespace, not in (none|one, two)"):
        overlay([resource("Namespace", "x"), *(resource("Role", "x", name) for name in spaces)])


@pytest.mark.parametrize(
    "image", ["xstilts", "xstilts:of-the-trainjob", "xstilts@sha256:00", "xstilts:1@sha256:00"]
)
def test_our_image_is_replaced_wherever_it_is(image):
    (found,) = with_image(
        [{"spec": [{"containers": [{"image": image, "name": "xstilts"}]}]}], PINNED
    )
    assert found == {"spec": [{"containers": [{"image": PINNED, "name": "xstilts"}]}]}


@pytest.mark.parametrize(
    "image",
    ["xstilts-base", "other/xstilts:1", "chrislusf/seaweedfs:4.47", PINNED, {"x": "xstilts"}],
)
def test_other_images_and_names_stay(image):
    resources = [{"image": image, "name": "xstilts", "args": ["xstilts:cpu"]}]
    assert with_image(resources, "new") == resources

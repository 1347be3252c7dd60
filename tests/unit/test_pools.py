"""Node pools: the file, what is wrong with one, and which pool a pipeline is compiled for."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.pools import POOLS, ordered, read_pools
from pipelines.quantities import cores, size
from xstilts.errors import UserError

GOOD = {
    "name": "big", "device": "cuda", "gpu_type": "nvidia.com/gpu", "gpus": 8, "cpu": 80,
    "memory": "900Gi", "shm": "64Gi", "scratch": "1Ti", "hours": 24,
}  # fmt: skip
CPU = {"name": "small", "device": "cpu", "cpu": "500m", "memory": "4Gi", "memory_request": "1Gi",
       "shm": "512Mi", "scratch": "9Gi", "hours": 1}  # fmt: skip


def write(folder, *pools):
    path = folder / "pools.yaml"
    path.write_text(yaml.safe_dump(list(pools), sort_keys=False), encoding="utf-8")
    return path


def problems(path):
    with pytest.raises(UserError) as raised:
        read_pools(path)
    return [text.removeprefix(f"{path}, ") for text in raised.value.problems]


def test_a_pool_is_what_its_entry_says(tmp_path):
    labels, bears = {"pool": "big"}, [{"key": "gpu", "operator": "Exists"}]
    entry = GOOD | {"selector": labels, "tolerations": bears, "queue": "team"}
    found = read_pools(write(tmp_path, entry, CPU))
    assert list(found) == ["big", "small"]
    big, small = found.values()
    assert (big.cpu, big.gpus, big.selector, big.queue) == ("80", 8, labels, "team")
    assert big.tolerations == tuple(bears)
    assert (big.memory, big.memory_request) == ("900Gi", "900Gi")
    assert (small.memory_request, small.gpus, small.queue) == ("1Gi", 0, "")


def test_a_record_holds_texts_where_numbers_would_change(tmp_path):
    (pool,) = read_pools(write(tmp_path, GOOD)).values()
    record = pool.record()
    assert (record["gpus"], record["hours"], record["cpu"]) == ("8", "24", "80")
    assert (record["node_selector"], record["tolerations"]) == ({}, [])
    assert "selector" not in record


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"device": "tpu"}, "device must be cuda or cpu, not 'tpu'."),
        ({"name": "Big"}, "name may hold lower-case letters, digits and hyphens, not 'Big'."),
        ({"queue": "a/b"}, "queue may hold lower-case letters, digits and hyphens, not 'a/b'."),
        ({"cpu": "4 cores"}, "cpu must be processors such as 4 or 500m, not '4 cores'."),
        ({"cpu": 0}, "cpu must be processors such as 4 or 500m, not '0'."),
        ({"memory": "64G"}, "memory must be a size such as 512Mi, 16Gi or 1Ti, not '64G'."),
        ({"memory": 64}, "memory must be a text, not 64."),
        ({"memory": "400m"}, "memory must be a size such as 512Mi, 16Gi or 1Ti, not '400m'."),
        ({"memory_request": "1Ti"}, "memory_request 1Ti is more than memory 900Gi."),
        ({"shm": "900Gi"}, "shm 900Gi is part of memory 900Gi: it must be less."),
        ({"gpus": 0}, "gpus must be from 1 to 999, not 0."),
        ({"gpus": "8"}, "gpus must be a whole number, not '8'."),
        ({"gpus": True}, "gpus must be a whole number, not True."),
        ({"gpu_type": "gpu"}, "gpu_type must be a resource such as nvidia.com/gpu, not 'gpu'."),
        ({"hours": 400}, "hours must be from 1 to 312, not 400."),
        ({"selector": ["a"]}, "selector must be a mapping of labels, not ['a']."),
        ({"selector": {"a b": "c"}}, "selector: 'a b' is no label's name."),
        ({"selector": {1: "c"}}, "selector: 1 is no label's name."),
        ({"tolerations": [{"operator": "exists"}]},
         "tolerations[0]: unknown operator 'exists': did you mean Exists?"),
        ({"gpu": 1}, "unknown field 'gpu': did you mean gpus or cpu?"),
    ],
)  # fmt: skip
def test_a_value_that_is_wrong(tmp_path, change, expected):
    (found,) = problems(write(tmp_path, GOOD | change))
    assert found.partition(": ")[2] == expected


def test_all_problems_at_once_with_their_lines(tmp_path):
    text = """\
- gpu
- name: a
  device: cuda
  cpu: 4
  memory: 64Gi
  shm: 65Gi
  scratch: lots
  hours: 0
- name: a
  device: cpu
  gpus: 1
  cpu: 2
  memory: 4Gi
  shm: 1Gi
  scratch: 9Gi
  hours: 1
"""
    path = tmp_path / "pools.yaml"
    path.write_text(text, encoding="utf-8")
    assert sorted(problems(path)) == sorted([
        "line 7: scratch must be a size such as 512Mi, 16Gi or 1Ti, not 'lots'.",
        "line 8: hours must be from 1 to 312, not 0.",
        "line 2: the pool has no gpus, which the device cuda needs.",
        "line 2: the pool has no gpu_type, which the device cuda needs.",
        "line 6: shm 65Gi is part of memory 64Gi: it must be less.",
        "line 9: the name 'a' is that of line 2, too.",
        "line 11: gpus goes with the device cuda only.",
        "line 1: a pool must be a mapping, not 'gpu'.",
    ])  # fmt: skip


def test_a_pool_that_lacks_what_all_have(tmp_path):
    found = problems(write(tmp_path, {"name": "x", "device": "cpu"}))
    missing = ("cpu", "memory", "shm", "scratch", "hours")
    assert sorted(found) == sorted(f"line 1: the pool has no {name}." for name in missing)


@pytest.mark.parametrize("text", ["", "{}", "[]", "pools: []", "a"])
def test_a_file_without_pools(tmp_path, text):
    path = tmp_path / "pools.yaml"
    path.write_text(text, encoding="utf-8")
    assert problems(path) == [f"{path}: must be a list of pools, each with a name."]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("4Gi"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
ENTRIES = st.dictionaries(
    st.sampled_from([*GOOD, *CPU, "selector", "tolerations", "queue"]), VALUES, max_size=6
)


@settings(max_examples=40)
@given(entries=st.lists(ENTRIES | VALUES, min_size=1, max_size=3), whole=st.booleans())
def test_any_file_gives_pools_or_problems(tmp_path_factory, entries, whole):
    full = [GOOD | entry if whole and isinstance(entry, dict) else entry for entry in entries]
    path = write(tmp_path_factory.mktemp("pools"), *full)
    try:
        found = read_pools(path)
    except UserError as error:
        found, told = {}, error.problems
    else:
        told = []
    assert bool(found) != bool(told)
    assert all(text.startswith(str(path)) for text in told)
    assert all(size(pool.shm) < size(pool.memory) for pool in found.values())


# --- which one


def test_a_pipeline_is_compiled_for_the_pool_that_is_named():
    pools = read_pools()
    assert ordered(pools, "a100")[0].name == "a100"
    assert {pool.name for pool in ordered(pools, "a100")} == set(pools)
    assert ordered(pools)[0].name == "gpu"
    assert ordered(pools, device="cpu")[0].name == "cpu"
    assert ordered(pools, "cpu")[0].device == "cpu"


@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("a10", "", "unknown pool 'a10': did you mean a100?"),
        ("a100", "cpu", "the pool a100 is for the device cuda, not cpu: use cpu."),
        ("cpu", "cuda", "the pool cpu is for the device cpu, not cuda: use gpu or l4 or"),
    ],
)
def test_a_pool_that_cannot_be_had(name, device, expected):
    with pytest.raises(UserError) as raised:
        ordered(read_pools(), name, device)
    assert str(raised.value).startswith(expected)


def test_no_pool_for_a_device(tmp_path):
    with pytest.raises(UserError, match="no pool for the device cuda: add one with device: cuda"):
        ordered(read_pools(write(tmp_path, CPU)))


def test_the_page_tells_of_every_field():
    page = (POOLS.parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")
    known = set(GOOD) | set(CPU) | {"queue", "selector", "tolerations"}
    assert all(f"`{name}`" in page for name in known)


# --- quantities


@given(st.integers(1, 99999))
def test_processors(count):
    assert cores(str(count)) == count
    assert cores(f"{count}m") == pytest.approx(count / 1000)


@given(st.integers(1, 999999), st.sampled_from(["Mi", "Gi", "Ti"]))
def test_sizes(count, unit):
    assert size(f"{count}{unit}") == count * 2 ** {"Mi": 20, "Gi": 30, "Ti": 40}[unit]


@pytest.mark.parametrize("text", ["", "0", "0Gi", "-1", "1.5Gi", "1G", "1 Gi", "1e3", "Gi", "1GiB"])
def test_texts_that_are_no_quantities(text):
    with pytest.raises(ValueError, match="must be a size such as"):
        size(text)
    with pytest.raises(ValueError, match="must be processors such as"):
        cores(text)

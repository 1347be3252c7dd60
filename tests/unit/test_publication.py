"""Publishing, in a store in memory: what readers see at every moment, and who wins."""

import json
from itertools import count

import pytest
from memory_store import LOCATION, use_memory
from published import EXTRA, results

from xstilts.errors import UserError
from xstilts.store import conditional, index, manifest, objects, restore
from xstilts.store.publication import look_up, publish_results

FILES = 3 + len(EXTRA)


class Killed(BaseException):
    """Nothing after this is done by the publisher."""


@pytest.fixture
def memory(monkeypatch):
    monkeypatch.setattr(conditional, "probe", lambda _location: None)
    return use_memory(monkeypatch)


def publish(folder, run="r1", extra=EXTRA):
    return publish_results(LOCATION, "small", run, folder, extra)


def whole_runs() -> set[str]:
    """The runs that readers find; every file of each is there."""
    listed = json.loads(objects.read(LOCATION, "studies", "index.json") or b'{"studies": []}')
    latest = objects.read(LOCATION, "studies", "small", "latest.json")
    named = {row["run"] for row in listed["studies"]} | ({index.latest_run(latest)} - {None})
    runs = objects.folders(LOCATION, "studies", "small")
    found = {run for run in runs if manifest.read(LOCATION, "small", run)}
    assert named <= found
    for run in found:
        published = manifest.read(LOCATION, "small", run)
        for path in published.files:
            manifest.read_file(LOCATION, published, path)
    return found


def test_killed_at_every_write_in_turn(memory, tmp_path):
    folder = results(tmp_path / "small")
    for limit in count(0):
        memory.objects.clear()
        left = iter(range(limit))

        def write(_key, left=left):
            if next(left, None) is None:
                raise Killed

        memory.before_write = write
        try:
            publish(folder)
        except Killed:
            assert whole_runs() == (set() if limit < 1 + FILES + 1 else {"r1"})
            memory.before_write = lambda _key: None
            publish(folder)
            assert whole_runs() == {"r1"}
            assert index.latest_run(objects.read(LOCATION, "studies", "small", "latest.json"))
            continue
        break
    assert limit == 1 + FILES + 1 + 3  # the claim, the files, the manifest; latest and index


@pytest.mark.parametrize("same", [True, False])
def test_two_at_once_one_of_them_at_every_write_of_the_other(memory, tmp_path, same):
    """The second publisher does all of its work before the n-th write of the first."""
    first, second = results(tmp_path / "a"), results(tmp_path / "b", 50.0 if same else 51.0)
    for at in range(1 + FILES + 1 + 3):
        memory.objects.clear()
        outcomes = {}
        writes = count()

        def write(_key, at=at, writes=writes, outcomes=outcomes):
            if next(writes) == at:
                memory.before_write = lambda _key: None
                outcomes["second"] = outcome(second)

        memory.before_write = write
        outcomes["first"] = outcome(first)
        assert whole_runs() == {"r1"}
        if same:
            assert sorted(outcomes.values()) == [False, True]
        else:
            assert sorted(outcomes.values(), key=str)[1] is True
            assert "other content" in sorted(outcomes.values(), key=str)[0]
        winner = first if outcomes["first"] is True or same else second
        assert manifest.read(LOCATION, "small", "r1").files == manifest.describe(winner, EXTRA)


def outcome(folder) -> bool | str:
    try:
        return publish(folder).new
    except UserError as error:
        return str(error)


def test_another_run_published_at_every_write_is_not_lost(memory, tmp_path):
    folder = results(tmp_path / "small")
    for at in range(1 + FILES + 1 + 3):
        memory.objects.clear()
        writes = count()

        def write(_key, at=at, writes=writes):
            if next(writes) == at:
                memory.before_write = lambda _key: None
                publish(folder, "r2")

        memory.before_write = write
        publish(folder, "r1")
        assert whole_runs() == {"r1", "r2"}
        listed = json.loads(objects.read(LOCATION, "studies", "index.json"))
        assert {row["run"] for row in listed["studies"]} == {"r1", "r2"}
        page = objects.read(LOCATION, "studies", "index.html").decode()
        assert all(f"small/{run}/results/index.html" in page for run in ("r1", "r2"))


def test_the_same_again_writes_nothing(memory, tmp_path):
    folder = results(tmp_path / "small")
    assert look_up(LOCATION, "small", None, folder, EXTRA).new
    first = publish(folder, None)
    before = memory.writes
    assert publish(folder, None) == look_up(LOCATION, "small", None, folder, EXTRA)
    assert (publish(folder, None).new, memory.writes) == (False, before)
    assert restore._published_files(LOCATION, "small", first.run) == (
        EXTRA["dvc.lock"].decode(),
        EXTRA["params.yaml"].decode(),
        "0123abc",
    )


def test_results_that_are_none_are_not_published(memory, tmp_path):
    (tmp_path / "scores.json").write_text("{}")
    with pytest.raises(UserError, match="is no scoreboard"):
        publish(tmp_path)
    assert memory.writes == 0


def test_damaged_and_foreign_objects_are_named(memory, tmp_path):
    publish(results(tmp_path / "small"))
    memory.objects["place/studies/notes.txt"] = b""
    memory.objects["place/studies/small/r2/manifest.json"] = b"[]"
    memory.objects["place/studies/small/r3/photo.jpg"] = b""
    memory.objects["place/studies/small/r4/params.yaml"] = b"a run under way"
    memory.objects["place/studies/small/latest.json"] = b"?"
    index.renew(LOCATION)
    found = json.loads(objects.read(LOCATION, "studies", "index.json"))
    assert [row["run"] for row in found["studies"]] == ["r1"]
    assert set(found["broken"]) == {"notes.txt", "small/r2", "small/r3", "small/latest.json"}

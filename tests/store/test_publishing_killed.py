"""A publisher that is killed at any of its writes: readers see whole runs or none."""

import json
import multiprocessing
import os
import signal
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from published import EXTRA, LOCK, results

from xstilts.errors import UserError
from xstilts.store import connection, fragments, index, manifest, objects, restore
from xstilts.store.location import Location
from xstilts.store.publication import publish_results

STUDY = "small"


def publish(store: Location, run: str, folder: Path) -> bool:
    return publish_results(store, STUDY, run, folder, EXTRA).new


def killed_at(write: int, store: Location, run: str, folder: Path) -> int:
    """Publish in a process that is killed before its n-th write; its exit code."""

    def child() -> None:
        connection._client.cache_clear()  # the parent's connections are not ours
        sent = count(1)

        def die(**_request: object) -> None:
            if next(sent) >= write:
                os.kill(os.getpid(), signal.SIGKILL)

        objects.connect(store).meta.events.register("before-send.s3.PutObject", die)
        publish(store, run, folder)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def seen(store: Location, whole: Collection[str] = ()) -> set[str]:
    """The runs that readers find, by every way there is; each must be whole, or known to be."""
    found = set()
    if text := objects.read(store, fragments.STUDIES, "index.json"):
        content = json.loads(text)
        assert content["broken"] == {}
        found |= {row["run"] for row in content["studies"]}
    if text := objects.read(store, fragments.STUDIES, STUDY, fragments.LATEST):
        found.add(index.latest_run(text))
    for run in objects.folders(store, fragments.STUDIES, STUDY):
        if run in whole or manifest.read(store, STUDY, run):
            found.add(run)
    for run in found - set(whole):
        published = manifest.read(store, STUDY, run)
        assert set(published.files) >= {"dvc.lock", "params.yaml", "results/scores.json"}
        for path in published.files:
            manifest.read_file(store, published, path)
        assert restore._published_files(store, STUDY, run)[0] == LOCK.decode()
    return found


def test_killed_at_every_write_in_turn(store, tmp_path):
    done: set[str] = set()
    unseen = 0
    for write in count(1):
        run = f"killed-at-{write:02}"
        folder = results(tmp_path / run, float(write))
        code = killed_at(write, store, run, folder)
        now = seen(store, done)
        assert done <= now <= done | {run}
        if run not in now:
            unseen += 1
            with pytest.raises(UserError, match="its publication has not finished"):
                restore._published_files(store, STUDY, run)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        publish(store, run, folder)
        done.add(run)
        assert seen(store, done - {run}) == done
        content = json.loads(objects.read(store, fragments.STUDIES, "index.json"))
        assert {row["run"] for row in content["studies"]} == done
        text = objects.read(store, fragments.STUDIES, STUDY, fragments.LATEST)
        assert index.latest_run(text) == run
    assert seen(store) == done | {run}
    assert unseen >= 1 + 5 + 1  # before the claim, each of five files, and the manifest
    assert write - 1 - unseen >= 3  # before the latest, and the two of the index


def test_one_publication_killed_again_and_again_gets_finished(store, tmp_path):
    folder = results(tmp_path / STUDY)
    codes = [killed_at(write, store, "run", folder) for write in (7, 9, 11, 13, 8, 12)]
    assert set(codes) <= {-signal.SIGKILL, 0}
    assert codes[0] == -signal.SIGKILL
    publish(store, "run", folder)
    assert seen(store) == {"run"}


def test_a_reader_during_publications_sees_whole_runs_only(store, tmp_path):
    end, looks = Event(), []

    def read() -> None:
        while not end.is_set():
            looks.append(len(seen(store)))

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for number in range(6):
            publish(store, f"r{number}", results(tmp_path / f"{number}", float(number)))
        end.set()
        reader.result()
    assert looks == sorted(looks)
    assert len(set(looks)) > 1
    assert seen(store) == {f"r{number}" for number in range(6)}

"""Publishing to a real S3 server: once, complete or absent, whoever else is at it."""

import json
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from threading import Barrier

import pytest
from published import EXTRA, LOCK, PARAMS, results, small_board

from xstilts.errors import UserError
from xstilts.store import conditional, fragments, index, manifest, objects, publication, restore
from xstilts.store.publication import Published, look_up, publish_results

RACES = 100


class Links(HTMLParser):
    """The addresses that a page links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if tag == "a" and name == "href"]


def listed(store):
    """The index: what it lists as (study, run), and what it calls broken."""
    content = json.loads(objects.read(store, "studies", "index.json"))
    page = objects.read(store, "studies", "index.html").decode()
    assert set(Links(page).found) >= {row["page"] for row in content["studies"]}
    for name in content["broken"]:
        assert name in page
    return [tuple(row["page"].split("/")[:2]) for row in content["studies"]], content["broken"]


def latest(store, study="small"):
    return index.latest_run(objects.read(store, "studies", study, fragments.LATEST))


def verify(store, study, run):
    """All files of a run are there, as its manifest says."""
    found = manifest.read(store, study, run)
    for path in found.files:
        manifest.read_file(store, found, path)
    return found


def test_a_run_is_published_whole_and_named(store, tmp_path):
    folder = results(tmp_path / "small")
    done = publish_results(store, "small", None, folder, EXTRA)
    assert done.new
    assert len(done.run) == 12
    found = verify(store, "small", done.run)
    files = {f"results/{path.relative_to(folder)}" for path in folder.rglob("*.*")}
    assert set(found.files) == files | {"dvc.lock", "params.yaml"}
    assert found.files["dvc.lock"]["size"] == len(LOCK)
    assert found.summary["question"] == "Does it help?"
    assert found.summary["answer"] == "It has 50.0."
    assert found.summary["best"] == {"model": "mini", "recipe": "none", "seed": 0}
    assert found.summary["averages"] == [{"model": "mini", "recipe": "none", "value": 50.0}]
    assert latest(store) == done.run
    assert listed(store) == ([("small", done.run)], {})


def test_the_same_again_changes_nothing(store, tmp_path):
    folder = results(tmp_path / "small")
    assert look_up(store, "small", None, folder, EXTRA).new
    first = publish_results(store, "small", None, folder, EXTRA)
    before = written(store)
    again = publish_results(store, "small", None, folder, EXTRA)
    assert (again.new, again.run) == (False, first.run)
    assert look_up(store, "small", None, folder, EXTRA) == again
    assert written(store) == before


def written(store):
    """Every object with its tag and the time of its last write."""
    pages = objects.connect(store).get_paginator("list_objects_v2").paginate(Bucket=store.bucket)
    return {
        entry["Key"]: (entry["ETag"], entry["LastModified"])
        for page in pages
        for entry in page["Contents"]
    }


def test_other_content_under_the_same_id_is_refused(store, tmp_path):
    publish_results(store, "small", "monday", results(tmp_path / "one"), EXTRA)
    before = written(store)
    other = results(tmp_path / "two", 51.0)
    (other / "new.csv").write_text("a\n")
    with pytest.raises(UserError) as raised:
        publish_results(store, "small", "monday", other, EXTRA)
    [problem] = raised.value.problems
    assert "The run 'monday' of small in " in problem
    assert "(results/index.html, results/new.csv, results/scores.json)" in problem
    assert "another id (--run)" in problem
    with pytest.raises(UserError, match="published with other content"):
        look_up(store, "small", "monday", other, EXTRA)
    assert written(store) == before


def test_what_another_publisher_has_begun_is_not_overwritten(store, tmp_path, monkeypatch):
    folder, other = results(tmp_path / "one"), results(tmp_path / "two", 51.0)
    with monkeypatch.context() as patch:
        patch.setattr("xstilts.store.publication._seal", interrupted)
        with pytest.raises(KeyboardInterrupt):
            publish_results(store, "small", "monday", folder, EXTRA)
    with pytest.raises(UserError, match=r"has begun the run 'monday' .* other content"):
        publish_results(store, "small", "monday", other, EXTRA)
    assert publish_results(store, "small", "monday", folder, EXTRA).new
    verify(store, "small", "monday")


def interrupted(*_arguments):
    raise KeyboardInterrupt


def test_names_that_are_no_folders(store, tmp_path):
    with pytest.raises(UserError) as raised:
        publish_results(store, "../x", "a/b", results(tmp_path / "one"), EXTRA)
    assert len(raised.value.problems) == 2
    assert objects.names(store) == []


def test_a_server_without_conditional_writes_gets_nothing(s3, store, tmp_path):
    s3.client().put_bucket_versioning(
        Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    with pytest.raises(UserError, match="two publishers could overwrite each other"):
        publish_results(store, "small", None, results(tmp_path / "one"), EXTRA)
    assert objects.names(store) == []


def test_browsers_and_tools_get_the_right_types(s3, store, tmp_path):
    folder = results(tmp_path / "small")
    for name in ("scores.csv", "README.md", "submission.zip", "items/xnli-0.parquet", "a.svg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    publish_results(store, "small", "r", folder, EXTRA)
    expected = {
        "small/r/results/index.html": "text/html; charset=utf-8",
        "small/r/results/scores.json": "application/json",
        "small/r/results/scores.csv": "text/csv; charset=utf-8",
        "small/r/results/README.md": "text/markdown; charset=utf-8",
        "small/r/results/submission.zip": "application/zip",
        "small/r/results/items/xnli-0.parquet": "application/vnd.apache.parquet",
        "small/r/results/a.svg": "image/svg+xml",
        "small/r/results/submission/xnli/test-en.tsv": "text/tab-separated-values; charset=utf-8",
        "small/r/dvc.lock": "application/yaml",
        "small/r/params.yaml": "application/yaml",
        "small/r/manifest.json": "application/json",
        "small/latest.json": "application/json",
        "index.json": "application/json",
        "index.html": "text/html; charset=utf-8",
    }
    client = s3.client()
    found = {
        name: client.head_object(Bucket=store.bucket, Key=store.key("studies", name))["ContentType"]
        for name in expected
    }
    assert found == expected


def test_a_hundred_races_of_two_publishers_lose_nothing(store, tmp_path, monkeypatch):
    """Two runs of a study start together, in four studies at a time: all are kept and listed."""
    monkeypatch.setattr(conditional, "probe", lambda _location: None)  # to be quick
    folder = results(tmp_path / "small")

    def race(number: int) -> None:
        study, start = f"study-{number % 4}", Barrier(2)

        def publish(run: str) -> Published:
            start.wait()
            return publish_results(store, study, run, folder, EXTRA)

        runs = [f"r{number:03}-{side}" for side in "ab"]
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(publish, runs))
        assert done == [Published(True, run) for run in runs]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(race, range(RACES)))
    rows, broken = listed(store)
    expected = {(f"study-{n % 4}", f"r{n:03}-{side}") for n in range(RACES) for side in "ab"}
    assert len(rows) == 2 * RACES
    assert (set(rows), broken) == (expected, {})
    for study in sorted({study for study, _ in rows}):
        runs = [run for own, run in rows if own == study]  # the newest first
        assert latest(store, study) in runs[:2]
        verify(store, study, runs[-1])


@pytest.mark.parametrize("same", [True, False])
def test_of_two_publishers_of_one_run_one_wins(store, tmp_path, monkeypatch, same):
    """With the same content both succeed, and one of them made it; else one is refused.

    Their clocks may show the same time.
    """
    monkeypatch.setattr(publication, "_now", lambda: "2026-01-01T00:00:00.000+00:00")
    folders = [results(tmp_path / "a"), results(tmp_path / "b", 50.0 if same else 51.0)]

    def publish(folder):
        try:
            return publish_results(store, "small", run, folder, EXTRA).new
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for race in range(10):
            run = f"r{race:02}"
            outcomes = list(pool.map(publish, folders))
            assert outcomes.count(True) == 1
            [loser] = [outcome for outcome in outcomes if outcome is not True]
            assert loser is False if same else "other content" in loser
            winner = folders[outcomes.index(True)] if not same else folders[0]
            found = verify(store, "small", run)
            assert found.files == manifest.describe(winner, EXTRA)
    assert len(listed(store)[0]) == 10


def test_damaged_and_foreign_objects_are_named_and_break_nothing(store, tmp_path):
    folder = results(tmp_path / "small")
    for run in ("good", "no-json", "other-run", "lost", "changed"):
        publish_results(store, "small", run, folder, EXTRA)
    at = store.below("studies")
    objects.write(at, b"\xff{", "small", "no-json", "manifest.json")
    objects.write(at, objects.read(at, "small/good/manifest.json"), "small/other-run/manifest.json")
    objects.connect(store).delete_object(
        Bucket=store.bucket, Key=at.key("small/lost/results/scores.json")
    )
    objects.write(at, b"{}", "small/changed/results/scores.json")
    objects.write(at, b"{}", "notes.txt")
    objects.write(at, b"{}", "small/thesis.tex")
    objects.write(at, b"{}", "small/holiday/beach.jpg")
    objects.write(at, b"no json", "other/latest.json")
    objects.write(at, LOCK, "small/older/dvc.lock")
    objects.write(at, b'{"schema": 1, "summary": 3}', "small/older/results/scores.json")
    objects.write(at, b"not an index", "index.json")
    index.renew(store)
    rows, broken = listed(store)
    assert rows == [("small", "good")]
    assert set(broken) == {
        *("small/no-json", "small/other-run", "small/lost", "small/changed"),
        *("notes.txt", "small/thesis.tex", "small/holiday", "small/older", "other/latest.json"),
    }
    assert "is no manifest of a run" in broken["small/no-json"]
    assert "is of another run (small/good)" in broken["small/other-run"]
    assert "results/scores.json is gone" in broken["small/lost"]
    assert "is not the file that was published" in broken["small/changed"]
    assert "results/scores.json has schema 1, but" in broken["small/older"]
    again = publish_results(store, "small", "good", folder, EXTRA)
    assert not again.new
    assert listed(store) == (rows, broken)


def test_an_index_that_somebody_edited_is_made_anew(store, tmp_path):
    publish_results(store, "small", "good", results(tmp_path / "small"), EXTRA)
    name = ("studies", "index.json")
    whole = objects.read(store, *name)
    for damage in (b"", b"[]", b"null", whole.replace(b"Does it help?", b"Was it me?"), b"\xff"):
        objects.write(store, damage, *name)
        index.renew(store)
        assert objects.read(store, *name) == whole


def test_a_later_run_is_the_latest_and_an_earlier_one_again_is_not(store, tmp_path):
    one, two = results(tmp_path / "one"), results(tmp_path / "two", 51.0)
    first = publish_results(store, "small", None, one, EXTRA).run
    second = publish_results(store, "small", None, two, EXTRA).run
    assert latest(store) == second
    publish_results(store, "small", None, one, EXTRA)
    assert latest(store) == second
    assert [run for _, run in listed(store)[0]] == [second, first]
    objects.write(store, b"??", "studies", "small", fragments.LATEST)
    publish_results(store, "small", None, one, EXTRA)
    assert latest(store) == first


def test_a_run_of_an_earlier_version_is_listed_and_restored(store):
    """It has no manifest; its lock was written last."""
    old = fragments.run_folder(store, "small", "old")
    objects.write(old, json.dumps(small_board()).encode(), "results", "scores.json")
    objects.write(old, PARAMS, fragments.PARAMS)
    index.renew(store)
    assert listed(store) == ([], {})
    with pytest.raises(UserError, match="or its publication has not finished"):
        restore._published_files(store, "small", "old")
    objects.write(old, LOCK, fragments.LOCK)
    index.renew(store)
    assert listed(store) == ([("small", "old")], {})
    files = restore._published_files(store, "small", "old")
    assert files == (LOCK.decode(), PARAMS.decode(), None)


def test_what_was_changed_after_publication_is_not_restored(store, tmp_path):
    publish_results(store, "small", "run", results(tmp_path / "small"), EXTRA)
    lock, params, revision = restore._published_files(store, "small", "run")
    assert (lock, params, revision) == (LOCK.decode(), PARAMS.decode(), "0123abc")
    run = fragments.run_folder(store, "small", "run")
    objects.write(run, b"schema: '2.0'\nstages: {evil: {}}\n", fragments.LOCK)
    with pytest.raises(UserError, match=r"dvc\.lock is not the file that was published"):
        restore._published_files(store, "small", "run")


def test_a_lost_answer_does_not_make_two_of_one(store, tmp_path, monkeypatch):
    """The server has done it, but we hear that it failed: boto sends it again."""
    send, lost = conditional._put, []

    def put(location, data, parts, content_type, **condition):
        done = send(location, data, parts, content_type, **condition)
        if parts[-1] not in lost and done:
            lost.append(parts[-1])
            return send(location, data, parts, content_type, **condition)
        return done

    monkeypatch.setattr(conditional, "_put", put)
    monkeypatch.setattr(conditional, "probe", lambda _location: None)
    assert publish_results(store, "small", "run", results(tmp_path / "small"), EXTRA).new
    assert set(lost) == {"claim.json", "manifest.json", "latest.json", "index.json", "index.html"}
    verify(store, "small", "run")
    assert listed(store) == ([("small", "run")], {})

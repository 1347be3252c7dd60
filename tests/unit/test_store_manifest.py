"""Manifests, `latest.json` and the index as texts: whatever lies in a bucket is told apart."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import EXTRA, results, small_board

from xstilts.errors import UserError
from xstilts.publish.page.index import index_row
from xstilts.store import index, manifest
from xstilts.store.location import Location
from xstilts.store.manifest import Manifest
from xstilts.store.publication import summary, wrong_names

PLACE = Location("bucket", "studies/small/r1")
OWN = Manifest(
    "small", "r1", "2026-01-02T03:04:05.678+00:00", {"a": {"sha256": "0", "size": 1}}, {"x": 1}
)
_plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
json_values = st.recursive(
    _plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
CONTENT = json.loads(OWN.text())


def test_a_manifest_is_read_as_it_was_written():
    for own in (OWN, replace(OWN, writer="me")):
        assert manifest.parse(own.text(), PLACE, "small", "r1") == own


def test_a_manifest_of_a_version_that_named_no_writer_is_read():
    older = {name: value for name, value in CONTENT.items() if name != "writer"}
    assert manifest.parse(json.dumps(older).encode(), PLACE, "small", "r1") == OWN


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schema": 2}, "has the schema 2; this version of xstilts reads 1"),
        ({"run": "r2"}, r"is of another run \(small/r2\)"),
        ({"files": {"a": 3}}, "has files without their SHA-256"),
        ({"files": []}, "has no usable files"),
        ({"written": None, "summary": "x"}, "has no usable written, summary"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said(change, problem):
    text = json.dumps(CONTENT | change).encode()
    with pytest.raises(UserError, match=rf"^s3://bucket/\S+/r1/manifest.json {problem}"):
        manifest.parse(text, PLACE, "small", "r1")


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_text_is_taken_for_what_it_is_not(text):
    with pytest.raises(UserError):
        manifest.parse(text, PLACE, "small", "r1")
    assert index._known(text) == {}
    assert index.latest_run(text) is None
    assert json.loads(index._newer(OWN, text))["run"] == "r1"


@given(st.sampled_from(sorted(CONTENT)), json_values)
def test_a_manifest_with_any_other_field_is_read_or_refused(name, value):
    text = json.dumps(CONTENT | {name: value}).encode()
    try:
        found = manifest.parse(text, PLACE, "small", "r1")
    except UserError:
        return
    assert (found.study, found.run) == ("small", "r1")
    assert all("sha256" in fact for fact in found.files.values())


def test_files_are_described_by_what_they_hold(tmp_path):
    files = manifest.describe(results(tmp_path / "a"), EXTRA)
    assert list(files) == sorted(files)
    assert files == manifest.describe(results(tmp_path / "b"), EXTRA)
    own = manifest.own_id(files)
    assert len(own) == 12
    assert manifest.own_id(manifest.describe(results(tmp_path / "c", 51.0), EXTRA)) != own
    assert manifest.own_id(manifest.describe(tmp_path / "a", EXTRA | {"dvc.lock": b""})) != own
    (tmp_path / "b" / "index.html").rename(tmp_path / "b" / "other.html")
    assert manifest.own_id(manifest.describe(tmp_path / "b", EXTRA)) != own


def test_a_file_is_compared_with_its_manifest(tmp_path):
    own = replace(OWN, files=manifest.describe(results(tmp_path), EXTRA))
    data = (tmp_path / "index.html").read_bytes()
    assert manifest.verify(PLACE, own, "results/index.html", data) == data
    for path, found, problem in (
        ("results/index.html", data + b" ", "is not the file that was published"),
        ("results/index.html", None, "is gone"),
        ("results/x.html", data, "was published without results/x.html"),
    ):
        with pytest.raises(UserError, match=problem):
            manifest.verify(PLACE, own, path, found)


def test_the_newer_run_is_the_latest_and_of_two_at_once_the_last_by_name():
    newer = replace(OWN, run="a", written="2026-01-02T05:04:05.679+02:00")
    assert index._newer(newer, OWN.text()) is not None
    assert index._newer(OWN, newer.text()) is None
    assert index._newer(OWN, OWN.text()) is None
    other = replace(OWN, run="r2")
    assert index._newer(other, OWN.text()) is not None
    assert index._newer(OWN, other.text()) is None
    first = b'{"run": "x", "written": "0001-01-01T00:00:00+14:00"}'  # before all time in UTC
    assert index._newer(OWN, first) is not None
    earlier = b'{"run": "old", "written": "2025-12-31T00:00:00+00:00"}'  # of an earlier version
    assert index._newer(OWN, earlier) is not None


def test_rows_of_an_index_are_taken_over_unless_somebody_changed_it():
    row = index_row(small_board(), "small/r1/results", "r1", OWN.written)
    text = index._text([row], {"x": "is broken"})
    assert index._known(text) == {("small", "r1"): row}
    assert index._known(text.replace(b"Does it", b"Did it")) == {}
    assert index._known(text.replace(b'"schema": 1', b'"schema": 0')) == {}


def test_the_summary_of_a_study_without_all_its_scores():
    board = small_board()
    board["summary"][0]["average"] |= {"value": None, "missing": ["xnli (seed 0)"]}
    board["best"] = None
    found = summary(board)
    assert found["averages"] == [{"model": "mini", "recipe": "none", "value": None}]
    assert found["best"] is None
    assert found["revision"] == "0123abc"


@pytest.mark.parametrize(
    ("study", "run", "count"),
    [
        ("small", "r1", 0),
        ("a-b_c.d", "2026-01-02", 0),
        ("", "x/y", 2),
        (".a", "x", 1),
        ("a", "ä", 1),
    ],
)
def test_names_of_studies_and_runs(study, run, count):
    assert len(wrong_names(study, run)) == count

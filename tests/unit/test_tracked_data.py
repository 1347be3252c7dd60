"""Folders that DVC tracks: what a clone says of them, and what a run makes of that."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.plan.data import Data, listed, read_data
from components.plan.studies import folders, read_study
from pipelines import data, submit, target
from xstilts.errors import UserError
from xstilts.store import tracked
from xstilts.store.location import Location
from xstilts.study.check import read_study as read_file
from xstilts.study.resolve import resolve

STORE = Location("bucket", "studies")
MD5 = "1a2b3c4d" * 4 + ".dir"
REVISION = {"md5": MD5, "size": 120, "nfiles": 3}
STUDY = """\
name: real
question: Does it help?
source: {kind: mirror, path: data-mirror}
models: [mini-encoder]
recipes: {none: [], mnli: [mnli], mnli_de: {tasks: [mnli], languages: [de]}}
baseline: none
targets: [panx]
seeds: [0]
translations: ours/mt
"""
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
FILES = {
    "data-mirror": ("nyu-mll/glue/mnli/train.parquet", "google/xtreme/README.md"),
    "ours": ("mt/mnli/de/train.jsonl", "mt/mnli/de/dev.jsonl"),
}


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone whose study reads two folders that DVC tracks; they are not checked out."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "real.yaml").write_text(STUDY, encoding="utf-8")
    for name in FILES:
        text = tracked.dvc_text(name, REVISION)
        (tmp_path / f"{name}.dvc").write_text(text, encoding="utf-8")
    monkeypatch.setattr(data, "ROOT", tmp_path)
    monkeypatch.setattr(data, "STUDIES", tmp_path / "studies")
    return tmp_path


@pytest.fixture
def store(monkeypatch):
    """Lists of files in a store, by MD5."""
    lists = {}
    monkeypatch.setattr(tracked.objects, "read", lambda _place, *key: lists.get("".join(key[2:])))
    return lists


def as_list(names):
    return json.dumps([{"relpath": name, "md5": "0" * 32} for name in names]).encode()


# --- what a clone says


def test_a_folder_and_what_lies_in_it_have_the_revision_of_the_folder(clone):
    own = {"data-mirror": REVISION}
    assert tracked.in_clone(clone, "data-mirror") == own
    assert tracked.in_clone(clone, "data-mirror/nyu-mll/glue") == own
    assert tracked.in_clone(clone, "data-mirro") == {}


@pytest.mark.parametrize("path", ["/data-mirror", "../data-mirror", "data/xnli", "xstilts/world"])
def test_what_dvc_cannot_track_for_a_run_has_no_revision(clone, path):
    assert tracked.in_clone(clone, path) == {}
    assert tracked.outside(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("outs: [", "does not say which files data-mirror has"),
        ("outs: []", "does not say which files data-mirror has"),
        ("outs: [{md5: 0a, size: 1, path: data-mirror}]", "does not say which files"),
        ("outs: [{md5: " + "0a" * 16 + ", size: 1, nfiles: 1, path: data-mirror}]", "of a file"),
    ],
)
def test_a_damaged_dvc_file_is_named(clone, text, complaint):
    (clone / "data-mirror.dvc").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"data-mirror\.dvc") as raised:
        tracked.in_clone(clone, "data-mirror")
    assert complaint in str(raised.value)


def test_all_folders_of_a_study_go_along(clone):
    assert folders("real", clone / "studies") == ["data-mirror", "ours/mt"]
    assert data.check_study("real", "", "") == dict.fromkeys(FILES, REVISION)
    assert data.short(dict.fromkeys(FILES, REVISION)) == "data-mirror 1a2b3c4d, ours 1a2b3c4d"


@pytest.mark.usefixtures("clone")
def test_a_folder_that_changed_since_dvc_add_is_a_problem(monkeypatch):
    monkeypatch.setattr(tracked, "differs", lambda _root, folder: folder == "ours")
    with pytest.raises(UserError, match=r"ours is not what ours\.dvc says: `dvc add ours`"):
        data.check_study("real", "", "")


def test_what_is_not_tracked_is_a_problem_with_its_line_beside_all_others(clone):
    (clone / "ours.dvc").unlink()
    (clone / "studies" / "real.yaml").write_text(STUDY.replace("[mnli]", "[mnly]", 1))
    with pytest.raises(UserError) as raised:
        data.check_study("real", "x", "")
    text = "\n".join(raised.value.problems)
    assert "line 9: the translations ours/mt are a folder, which a pod does not have" in text
    assert "unknown task 'mnly'" in text
    assert "seeds 'x'" in text
    assert "data-mirror" not in text


# --- what the store says


def test_a_store_that_lacks_a_revision_and_one_that_cannot_be_asked(monkeypatch, capsys):
    revisions, place = {"data-mirror": REVISION}, {"s3_url": "s3://bucket/studies"}
    monkeypatch.setattr(data, "configured", lambda _root: None)
    monkeypatch.setattr(tracked, "held", lambda _store, _md5: False)
    (problem,) = data.lacking(revisions, place)
    assert f"s3://bucket/studies does not hold the revision {MD5} of data-mirror" in problem

    def broken(_store, _md5):
        raise UserError("nothing answers.")

    monkeypatch.setattr(tracked, "held", broken)
    assert data.lacking(revisions, place) == []
    assert "nothing answers." in capsys.readouterr().err
    assert data.lacking({}, place) == data.lacking(revisions, {}) == []


@pytest.mark.usefixtures("clone")
def test_submit_hands_the_revisions_on(monkeypatch):
    monkeypatch.setattr(tracked, "held", lambda _store, _md5: True)
    monkeypatch.setattr(data, "configured", lambda _root: None)
    monkeypatch.setattr(target, "configured", lambda _root: None)
    words = ["real", "--pool", "cpu", "--dev", "--s3-url", "s3://bucket", "--endpoint", "http://h"]
    order = submit.read_order(submit._parser().parse_args(words))
    assert order.parameters["data"] == dict.fromkeys(FILES, REVISION)


# --- what the plan makes of it


def test_the_plan_reads_what_kubeflow_makes_of_the_parameter():
    problems = []
    text = json.dumps({"data-mirror": REVISION | {"size": 120.0, "nfiles": 3.0}})
    assert read_data(text, problems) == {"data-mirror": REVISION}
    assert read_data("", problems) == read_data("{}", problems) == {}
    assert problems == []


@pytest.mark.parametrize(
    ("path", "own", "complaint"),
    [
        ("../x", REVISION, "'../x' must be a folder in the project"),
        ("/x", REVISION, "must be a folder in the project"),
        ("", REVISION, "must be a folder in the project"),
        (".dvc/x", REVISION, "must be a folder in the project"),
        ("x/", REVISION, "must be a folder in the project"),
        ("models/x", REVISION, "lies in models, which is the pipeline's own"),
        ("components", REVISION, "lies in components"),
        ("x", "1", "has no md5 that ends in .dir"),
        ("x", REVISION | {"md5": "0" * 32}, "has no md5 that ends in .dir"),
        ("x", REVISION | {"size": "big"}, "size of the data 'x' must be a number"),
        ("x", REVISION | {"nfiles": True}, "nfiles of the data 'x' must be a number"),
    ],
)
def test_data_that_are_none(path, own, complaint):
    problems = []
    assert read_data(json.dumps({path: own}), problems) == {}
    assert any(complaint in problem for problem in problems)


@given(ANYTHING)
def test_any_data_give_problems_or_right_revisions(value):
    problems = []
    found = read_data(json.dumps(value), problems)
    assert tracked.problems(found) == []
    assert problems or found == (value or {})


def test_a_pod_resolves_what_a_laptop_with_the_folders_does(clone, store, monkeypatch):
    """Which data sets a mirror has says the list of its files; a folder of no data is not one."""
    both = {}
    for name, names in FILES.items():
        own = f"{len(both)}" * 32 + ".dir"
        both[name] = REVISION | {"md5": own}
        store[own] = as_list(names)
        tracked.lay_out(clone / name, dict.fromkeys(names, ""))
    monkeypatch.chdir(clone)
    expected = resolve(read_file(clone / "studies" / "real.yaml"))
    (clone / "elsewhere").mkdir()
    monkeypatch.chdir(clone / "elsewhere")
    problems = []
    with listed(both, STORE, problems) as found:
        study = read_study("real", "", "", clone / "studies", found)
        assert resolve(study, found.at) == expected
    assert problems == []
    assert list((clone / "elsewhere").iterdir()) == []
    needs = {name: entry["needs"] for name, entry in expected["prepare"].items()}
    assert needs == {
        "mnli": "data-mirror/nyu-mll/glue",
        "mnli_de": "ours/mt",
        "panx": "data-mirror/google/xtreme",
    }


def test_a_file_that_a_revision_lacks_is_said_before_anything_runs(clone, store):
    store[MD5] = as_list(["mt/mnli/de/train.jsonl"])
    both = dict.fromkeys(FILES, REVISION)
    problems = []
    with listed(both, STORE, problems) as found, pytest.raises(UserError) as raised:
        read_study("real", "", "", clone / "studies", found)
    (problem,) = raised.value.problems
    assert "ours/mt/mnli/de has no dev.jsonl" in problem


def test_without_its_files_a_study_is_checked_as_far_as_it_goes(clone):
    problems = []
    with listed({"data-mirror": REVISION}, None, problems) as found:
        assert found.at is None
    study = read_study("real", "1", "", clone / "studies", Data(dict.fromkeys(FILES, REVISION)))
    assert study.seeds == (1,)

"""The lock file that the runner's DVC writes is the one that DVC itself would write."""

from collections import OrderedDict
from datetime import date

import dvc.dvcfile
import hypothesis.strategies as st
import pytest
import yaml
from dvc.utils.serialize import load_yaml
from dvc.utils.serialize._yaml import parse_yaml
from hypothesis import HealthCheck, given, settings

from xstilts.files import read_json, write_json
from xstilts.study.dvc_command import modified_lock, parsed_once
from xstilts.study.lock_file import HEAD, cut

LIKE_OTHER_TYPES = st.sampled_from(
    ["1e5", "12345e67", "012", "0o17", "yes", "null", "~", "1_000", "12:30:00", "2020-01-01", "=",
     "", " ", "- a", "a: b", "# a", "long " * 30, "déjà vu 愛", "1.5", ".inf", "<<", "a\n\nb\n",
     "\n  stages:\n"]
)  # fmt: skip
TEXT = LIKE_OTHER_TYPES | st.text("abc019 :-#'\"{}[]%&*!|>,.?\n é", max_size=30)
SETTINGS = st.sampled_from([1e-05, 2e-4, 0.1, 3.0, 5e-324])  # DVC rounds floats of many digits
LEAF = st.none() | st.booleans() | st.integers() | TEXT | SETTINGS
CONTENT = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT, inner, max_size=3)
        | st.dictionaries(TEXT, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=8,
)
PLAIN = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries({"cmd": TEXT}, optional={"params": CONTENT, "deps": CONTENT})
NAME = st.sampled_from(["publish", "prepare@xnli", "finetune@a-b-0", "finetune@a-b-01"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=st.dictionaries(NAME, ENTRY, max_size=4), changes=st.lists(st.tuples(NAME, ENTRY)))
def test_a_lock_file_has_the_content_that_dvc_writes(tmp_path, first, changes):
    """Entry after entry, over files that DVC wrote and over those that we wrote."""
    paths = [tmp_path / name / "dvc.lock" for name in ("dvc", "own")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        if first:
            with dvc.dvcfile.modify_yaml(str(path)) as data:
                data.update({"schema": "2.0", "stages": first})
    for name, entry in changes:
        for path, modified in zip(
            paths, (dvc.dvcfile.modify_yaml(str(paths[0])), modified_lock(paths[1], name)),
            strict=True,
        ):  # fmt: skip
            with modified as data:
                if not data:
                    data.update({"schema": "2.0"})
                data["stages"] = data.get("stages", {})
                data["stages"].update({name: entry})
            assert path.exists()
    if first or changes:
        found = [load_yaml(str(path)) for path in paths]
        assert found[0] == found[1]
        assert list(found[0]["stages"]) == list(found[1]["stages"])


def test_what_other_stages_wrote_keeps_every_byte(tmp_path):
    path = tmp_path / "dvc.lock"
    before, after = "  a:\n    cmd: 'one'\n", "  c:\n    cmd: three   # as DVC would not write it\n"
    path.write_text(f"{HEAD}{before}  b:\n    cmd: two\n{after}", encoding="utf-8")
    with modified_lock(path, "b") as data:
        assert data["stages"] == {"b": {"cmd": "two"}}
        data["stages"]["b"]["cmd"] = "2"
    assert path.read_text(encoding="utf-8") == f"{HEAD}{before}  b:\n    cmd: '2'\n{after}"


@pytest.mark.parametrize(
    "text",
    ["", "a: 1\n", f"{HEAD}  a: 1\nb: 2\n", "stages:\n  a: 1\n", f"{HEAD}  a:\n    cmd: half writ"],
)
def test_a_file_of_another_layout_is_taken_as_a_whole(text):
    assert cut(text, "a") == ("", text, "")


def test_a_mistake_leaves_the_lock_file_alone(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(ZeroDivisionError), modified_lock(path, "a"):
        _ = 1 / 0
    assert path.read_text(encoding="utf-8") == HEAD


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.dictionaries(TEXT, PLAIN, max_size=4).map(yaml.safe_dump), max_size=3))
def test_parameters_are_those_that_dvc_reads(tmp_path, texts):
    """Whatever was kept of an earlier text."""
    for text in texts:
        for _ in range(2):
            assert parsed_once(text, "params.yaml", tmp_path / "kept.json") == parse_yaml(text, "")


def test_parameters_are_parsed_once(tmp_path):
    kept = tmp_path / "kept.json"
    text = "a: 1\n"
    parsed_once(text, "params.yaml", kept)
    write_json(kept, read_json(kept) | {"content": {"a": 2}})
    assert parsed_once(text, "params.yaml", kept) == {"a": 2}
    assert parsed_once("a: 3\n", "params.yaml", kept) == {"a": 3}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"of": 1}'])
def test_damaged_kept_parameters_are_written_again(tmp_path, damage):
    kept = tmp_path / "kept.json"
    kept.write_text(damage)
    assert parsed_once("a: 1\n", "params.yaml", kept) == {"a": 1}
    assert read_json(kept)["content"] == {"a": 1}


def test_what_json_cannot_say_is_not_kept(tmp_path):
    kept = tmp_path / "kept.json"
    assert parsed_once("1: 2020-01-01\n", "params.yaml", kept) == {1: date(2020, 1, 1)}
    assert not kept.exists()

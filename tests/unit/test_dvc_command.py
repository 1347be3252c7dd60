"""The lock file that the runner's DVC writes is the one that DVC itself would write."""

from collections import OrderedDict

import dvc.dvcfile
import hypothesis.strategies as st
import pytest
from dvc.utils.serialize import load_yaml
from hypothesis import HealthCheck, given, settings

from xstilts.study.dvc_command import modify_yaml

THOROUGH = dvc.dvcfile.modify_yaml
LIKE_OTHER_TYPES = st.sampled_from(
    ["1e5", "12345e67", "012", "0o17", "yes", "null", "~", "1_000", "12:30:00", "2020-01-01", "=",
     "", " ", "- a", "a: b", "# a", "long " * 30, "de\u0301ja\u0300 vu 愛", "1.5", ".inf", "<<"]
)  # fmt: skip
TEXT = LIKE_OTHER_TYPES | st.text("abc019 :-#'\"{}[]%&*!|>,.?\n é", max_size=30)
LEAF = st.none() | st.booleans() | st.integers() | TEXT | st.floats(allow_nan=False)
CONTENT = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT, inner, max_size=3)
        | st.dictionaries(TEXT, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stages=st.dictionaries(TEXT, CONTENT, min_size=1, max_size=3))
def test_a_lock_file_has_the_content_that_dvc_writes(tmp_path, stages):
    found = []
    for number, modify in enumerate((THOROUGH, modify_yaml)):
        path = tmp_path / str(number) / "dvc.lock"
        path.parent.mkdir(exist_ok=True)
        path.write_text("schema: '2.0'\nstages:\n  before:\n    cmd: run\n", encoding="utf-8")
        with modify(str(path)) as data:
            data["stages"].update(stages)
        found.append(load_yaml(str(path)))
    assert found[0] == found[1]
    assert list(found[1]["stages"]) == ["before", *(k for k in stages if k != "before")]


def test_a_file_of_people_keeps_its_comments(tmp_path):
    path = tmp_path / "dvc.yaml"
    path.write_text("stages: # what there is\n  one:\n    cmd: run\n", encoding="utf-8")
    with modify_yaml(str(path)) as data:
        data["stages"]["one"]["cmd"] = "walk"
    assert "# what there is" in path.read_text(encoding="utf-8")


def test_a_mistake_leaves_the_lock_file_alone(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text("schema: '2.0'\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), modify_yaml(str(path)):
        _ = 1 / 0
    assert path.read_text(encoding="utf-8") == "schema: '2.0'\n"

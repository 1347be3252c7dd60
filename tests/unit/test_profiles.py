"""A study's profiles: the same question at another size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.study.check import find_study
from xstilts.study.page import text_page
from xstilts.study.profiles import study_names, study_page, with_profile

STUDY = """\
name: big
question: Does it help?
source: hub
models: [xlm-roberta-large]
recipes:
  none: []
  mnli: [mnli]
  multi: {tasks: [mnli, squad], epochs: 3, batch_size: 24}
baseline: none
targets: [xnli]
seeds: [0, 1]
training: {batch_size: 32, warmup: 0.1}
profiles:
  small:
    source: world
    models: [mini-encoder]
    seeds: [0]
    training: {batch_size: 8}
    sizes: {train: 100, dev: 10, test: 10}
    recipes:
      mnli: {learning_rate: 1.0e-3}
      multi: {epochs: 1}
"""


@pytest.fixture
def studies(tmp_path):
    (tmp_path / "big.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "plain-one.yaml").write_text(
        STUDY.partition("profiles:")[0].replace("name: big", "name: plain-one"), encoding="utf-8"
    )
    return tmp_path


def problems(studies, text: str, name: str = "big-small") -> list[str]:
    (studies / "big.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        find_study(name, studies)
    return [problem.partition("big.yaml, ")[2] or problem for problem in raised.value.problems]


def test_a_profile_changes_sizes_and_settings_and_keeps_the_question(studies):
    full, small = find_study("big", studies), find_study("big-small", studies)
    assert (full.name, full.source, full.models) == ("big", "hub", ("xlm-roberta-large",))
    assert (small.name, small.source, small.models) == ("big-small", "world", ("mini-encoder",))
    assert small.seeds == (0,)
    assert small.training == {"batch_size": 8, "warmup": 0.1}
    assert full.training == {"batch_size": 32, "warmup": 0.1}
    assert {name: body.tasks for name, body in small.recipes.items()} == {
        name: body.tasks for name, body in full.recipes.items()
    }
    assert small.recipes["mnli"].settings == {"learning_rate": 1e-3}
    assert small.recipes["multi"].settings == {"epochs": 1, "batch_size": 24}
    assert (small.question, small.targets, small.baseline) == (
        full.question,
        full.targets,
        full.baseline,
    )


def test_profiles_are_listed_after_their_study(studies):
    assert study_names(studies) == ["big", "big-small", "plain-one"]


def test_a_file_wins_over_a_profile_of_the_same_name(studies):
    own = STUDY.partition("profiles:")[0].replace("name: big", "name: big-small")
    (studies / "big-small.yaml").write_text(own, encoding="utf-8")
    assert find_study("big-small", studies).source == "hub"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("big-smal", "did you mean small?"),
        ("plain-one-small", "the study plain-one has no profiles, so there is no plain-one-small."),
        ("bigg", "did you mean big"),
        ("other", "there is big, big-small, plain-one."),
    ],
)
def test_an_unknown_profile_or_study_is_named(studies, name, said):
    with pytest.raises(UserError, match=r"unknown|no profiles") as raised:
        study_page(name, studies)
    assert said in str(raised.value)


def test_all_that_a_profile_may_not_change_is_named_with_its_line(studies):
    text = STUDY + "    targets: [panx]\n    question: Another?\n    sizs: {train: 3}\n"
    text = text.replace("multi: {epochs: 1}", "multi: {tasks: [mnli]}\n      qqp: {epochs: 1}")
    assert problems(studies, text) == [
        "line 22: a profile changes settings of the recipe multi alone, not its tasks.",
        "line 23: unknown recipe 'qqp': there is none, mnli, multi.",
        "line 24: a profile cannot change targets: it belongs to the question.",
        "line 25: a profile cannot change question: it belongs to the question.",
        "line 26: unknown field 'sizs': did you mean sizes?",
    ]


def test_a_wrong_value_in_a_profile_has_the_profiles_line(studies):
    text = STUDY.replace("seeds: [0]", "seeds: [-1]").replace("{batch_size: 8}", "{batch_size: 0}")
    assert problems(studies, text) == [
        "line 17: a seed must be at least 0, not -1.",
        "line 18: batch_size must be at least 1, not 0.",
    ]


def test_a_profile_that_is_no_mapping_is_named(studies):
    text = STUDY.partition("  small:")[0] + "  small: [mini]\n"
    assert "line 14: the profile small must be a mapping (field: value)." in problems(studies, text)


@given(
    st.dictionaries(st.sampled_from(["batch_size", "evals"]), st.integers(1, 9)),
    st.dictionaries(st.sampled_from(["batch_size", "evals"]), st.integers(1, 9)),
)
def test_mappings_are_merged_with_the_profile_over_the_study(base, change):
    page = text_page(f"training: {base}\nprofiles: {{p: {{training: {change}}}}}\n", "text")
    assert with_profile(page, "p").value["training"] == base | change

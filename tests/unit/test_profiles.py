"""A study's profiles: the same question at another size."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.models.backbones import BACKBONES
from xstilts.study.check import find_study
from xstilts.study.page import Page, text_page
from xstilts.study.profiles import CHANGED, study_names, study_page, with_profile
from xstilts.study.record import parse_study
from xstilts.study.resolve import resolve
from xstilts.study.task_choice import TaskChoice

STUDIES = Path(__file__).parents[2] / "pipelines" / "studies"
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


_LIKE = """\
name: like-mini
question: Does it help?
source: hub
models: [xlm-roberta-large]
recipes:
  none: []
  mnli: [mnli]
  squad: {tasks: [squad], epochs: 9}
baseline: none
targets: [xnli, pawsx, udpos]
seeds: [0, 1]
hparams: xtreme
training: {zero_stage: 2}
intermediate: {accumulation: 2}
tasks:
  xnli: {languages: [en, de], epochs: 9}
profiles:
  mini:
    like: mini
    models: [mini-encoder]
    seeds: [0]
    training: {precision: fp32}
    tasks: {pawsx: {epochs: 7}}
    recipes:
      squad: {epochs: 4}
"""


@pytest.fixture
def like_mini(tmp_path):
    """Find the profile of a study that is like `mini`, with some of its lines replaced."""
    shutil.copy(STUDIES / "mini.yaml", tmp_path)

    def find(changes: dict[str, str] | None = None, profile: str = "mini"):
        text = _LIKE
        for line, other in (changes or {}).items():
            assert line in text
            text = text.replace(line, other)
        (tmp_path / "like-mini.yaml").write_text(text, encoding="utf-8")
        return find_study(f"like-mini-{profile}", tmp_path)

    return find


def test_a_profile_that_is_like_a_study_has_its_costs(like_mini):
    found, mini = like_mini(), find_study("mini", STUDIES)
    assert (found.source, found.sizes, found.hparams) == ("world", mini.sizes, "paper")
    assert found.training == mini.training | {"precision": "fp32"}
    assert (found.intermediate, found.finetune) == (mini.intermediate, mini.finetune)
    assert found.recipes["squad"].settings == {"epochs": 4}
    assert (found.models, found.seeds, found.targets) == (
        ("mini-encoder",), (0,), ("xnli", "pawsx", "udpos"),
    )  # fmt: skip


def test_of_its_tasks_those_of_this_study_are_taken_and_the_question_stays(like_mini):
    found, mini = like_mini().tasks, find_study("mini", STUDIES).tasks
    assert set(found) == {"squad", "pawsx", "udpos", "xnli"}
    assert (found["squad"], found["udpos"]) == (mini["squad"], mini["udpos"])
    assert found["pawsx"].settings == mini["pawsx"].settings | {"epochs": 7}
    assert found["xnli"] == TaskChoice(languages=("en", "de"))


def test_settings_that_would_have_no_effect_are_not_taken(like_mini):
    recipe = "  squad: {tasks: [squad], epochs: 9}\n"
    own = "    recipes:\n      squad: {epochs: 4}\n"
    found = like_mini({recipe: "", own: "", "[xnli, pawsx, udpos]": "[xnli, pawsx, xquad]"})
    assert found.tasks["squad"] == TaskChoice(sizes={"train": 2500})  # of xquad, which trains it
    assert found.tasks["xquad"].settings == {"learning_rate": 2e-4, "epochs": 4}


def test_stages_are_shared_with_the_study_it_is_like(like_mini):
    own = {
        "    training: {precision: fp32}\n    tasks: {pawsx: {epochs: 7}}\n": "",
        "    recipes:\n      squad: {epochs: 4}\n": "",
        "  squad: {tasks: [squad], epochs: 9}": "  squad: [squad]",
        "  xnli: {languages: [en, de], epochs: 9}": "  udpos: {epochs: 9}",
    }
    ours, theirs = resolve(like_mini(own)), resolve(find_study("mini", STUDIES))
    for phase in ("prepare", "backbone", "intermediate", "finetune"):
        assert ours[phase]
        for key, entry in ours[phase].items():
            assert entry == theirs[phase][key]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "mni",
            "line 19: unknown study 'mni': did you mean mini? (studies are files in",
        ),
        ("like-mini", "line 19: a profile has the settings of its own study like-mini without"),
        ("other-small", "line 19: other-small is like mini itself: name a study that is not."),
        ("like-mini-mini", "line 19: like-mini-mini is like like-mini-mini itself: name a study"),
        ("other-smal", "line 19: other: unknown profile 'smal': did you mean small?"),
        ("[mini]", "line 19: unknown study \"['mini']\": did you mean mini?"),
        ("null", "line 19: unknown study 'None': there is like-mini, like-mini-mini, mini,"),
    ],
)
def test_a_study_that_cannot_be_followed(like_mini, tmp_path, name, complaint):
    other = STUDY.replace("name: big", "name: other").replace(
        "    seeds", "    like: mini\n    seeds"
    )
    (tmp_path / "other.yaml").write_text(other, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        like_mini({"like: mini\n": f"like: {name}\n"})
    assert complaint in str(raised.value)


def test_a_profile_can_be_like_another_profile(like_mini, tmp_path):
    other = STUDY.replace("name: big", "name: other")
    (tmp_path / "other.yaml").write_text(other, encoding="utf-8")
    found = like_mini({"like: mini\n": "like: other-small\n"})
    assert (found.source, found.sizes) == ("world", {"train": 100, "dev": 10, "test": 10})
    assert found.training == {"batch_size": 8, "warmup": 0.1, "precision": "fp32"}
    assert (found.intermediate, found.recipes["squad"].settings) == ({}, {"epochs": 4})


def test_mistakes_of_the_study_that_it_is_like_have_its_lines(like_mini, tmp_path):
    other = STUDY.replace("name: big", "name: other").replace("32, warm", "0, warm")
    (tmp_path / "other.yaml").write_text(other, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        like_mini({"like: mini\n": "like: other\n", "precision: fp32": "precision: fp8"})
    wrong, own = raised.value.problems
    assert wrong.endswith("other.yaml, line 12: batch_size must be at least 1, not 0.")
    assert own.endswith("like-mini.yaml, line 22: precision must be of fp32, bf16, not 'fp8'.")


def test_lines_are_those_of_what_stands(like_mini):
    source = "source: wrld\n    sizes: {train: 100, dev: 10, test: 10}\n"
    with pytest.raises(UserError) as raised:
        like_mini(
            {
                "source: hub": "source: {kind: hub}",
                "squad: {tasks: [squad], epochs: 9}": "squad: [mnli, sqad]",
                "like: mini\n": source,
            }
        )
    lines = [problem.partition("like-mini.yaml, ")[2] for problem in raised.value.problems]
    assert lines == [
        "line 19: unknown source 'wrld': did you mean world?",
        "line 8: unknown task 'sqad': did you mean squad or siqa or xquad?",
    ]


_WORDS = st.sampled_from(["mini", "big", "small", "none", "mnli", "multi", "tasks", "epochs", ""])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def one_study(tmp_path_factory) -> Path:
    """A folder of studies with one short study, so that reading it takes no time."""
    folder = tmp_path_factory.mktemp("studies")
    text = STUDY.partition("profiles:")[0].replace("name: big", "name: mini")
    (folder / "mini.yaml").write_text(text, encoding="utf-8")
    return folder


@given(st.dictionaries(st.sampled_from([*CHANGED, "name", "targets", "tasks"]), _VALUES))
def test_any_profile_gives_problems_and_no_crash(one_study, given):
    value = yaml.safe_load(STUDY) | {"profiles": {"small": given}}
    page = Page("text", value, {(): 1, **{("profiles", "small", name): 2 for name in given}})
    found = with_profile(page, "small", one_study)
    parse_study(found, tuple(BACKBONES))
    assert all(re.match(r"text, line [12]: \S", problem) for problem in found.problems)


@given(
    st.dictionaries(st.sampled_from(["batch_size", "evals"]), st.integers(1, 9)),
    st.dictionaries(st.sampled_from(["batch_size", "evals"]), st.integers(1, 9)),
)
def test_mappings_are_merged_with_the_profile_over_the_study(base, change):
    page = text_page(f"training: {base}\nprofiles: {{p: {{training: {change}}}}}\n", "text")
    assert with_profile(page, "p", STUDIES).value["training"] == base | change

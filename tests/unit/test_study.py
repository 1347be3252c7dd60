"""Reading a study file: what is right becomes a record, everything wrong is named with its line."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.study.check import read_study
from xstilts.study.gate import Gate
from xstilts.study.page import read_page, text_page, unknown
from xstilts.study.profiles import with_profile
from xstilts.study.record import parse_study
from xstilts.study.resolve import resolve
from xstilts.study.settings import PRETRAINING, RUN, SETTINGS, Setting
from xstilts.training.config import TrainConfig

STUDIES = Path(__file__).parents[2] / "pipelines" / "studies"
STUDY = """\
name: small
question: Does it help?
source: world
models: [mini-encoder]
recipes:
  none: []
  mnli: [mnli]
baseline: none
targets: [xnli, tatoeba]
seeds: [0, 1]
sizes: {train: 100, dev: 10, test: 10}
"""


@pytest.fixture
def study(tmp_path):
    """Read the base study with some of its lines replaced or added."""

    def read(changes: dict[str, str] | None = None, more: str = "", **options):
        text = STUDY + more
        for line, other in (changes or {}).items():
            assert line in text
            text = text.replace(line, other)
        path = tmp_path / "small.yaml"
        path.write_text(text, encoding="utf-8")
        return read_study(path, **options)

    return read


@pytest.fixture
def complaints(study):
    def read(*args, **options) -> list[str]:
        with pytest.raises(UserError) as raised:
            study(*args, **options)
        return [problem.partition("small.yaml, ")[2] for problem in raised.value.problems]

    return read


def test_a_study_is_read(study):
    found = study()
    assert found.models == ("mini-encoder",)
    assert found.recipes["mnli"].tasks == ("mnli",)
    assert found.seeds == (0, 1)
    assert found.trained_task("xnli") == "mnli"
    assert found.benchmark == "xtreme"


def test_all_targets_of_the_benchmark(study):
    assert len(study({"targets: [xnli, tatoeba]": "targets: all"}).targets) == 9


def test_a_number_with_an_exponent_is_a_number(study):
    found = study(more="training: {learning_rate: 5e-4}\n")
    assert found.training == {"learning_rate": 5e-4}
    assert type(found.training["learning_rate"]) is float


def test_all_problems_come_together_with_their_lines(complaints):
    found = complaints(
        {"[xnli, tatoeba]": "[xnly, tatoeba]", "seeds: [0, 1]": "seeds: []", "[mnli]": "[mnly]"},
        more="training: {zero_stage: 7}\ntasks:\n  xnli: {langages: [en]}\n",
    )
    assert found == [
        "line 7: unknown task 'mnly': did you mean mnli?",
        "line 9: unknown task 'xnly': did you mean xnli?",
        "line 10: seeds is empty: name at least one, e.g. seeds: [0].",
        "line 12: zero_stage must be of 0, 1, 2, 3, not 7.",
        "line 14: unknown setting 'langages': did you mean languages?",
        "line 14: xnli is neither in a recipe nor a target of this study.",
    ]


@pytest.mark.parametrize(
    ("line", "other", "complaint"),
    [
        ("models: [mini-encoder]", "models: [mini-encodr]", "did you mean mini-encoder"),
        ("models: [mini-encoder]", "models: []", "models is empty: name at least one model."),
        ("baseline: none", "baseline: non", "unknown recipe 'non': did you mean none?"),
        ("source: world", "source: wrld", "unknown source 'wrld': did you mean world?"),
        ("source: world", "source: {kind: hub, path: x}", "the source hub has no path."),
        ("source: world", "source: mirror", "the mirror has no folder: give --mirror FOLDER"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "a seed stands twice in seeds."),
        ("seeds: [0, 1]", "seeds: [-1]", "a seed must be at least 0, not -1."),
        ("seeds: [0, 1]", "seeds: [zero]", "a seed must be of type int, not 'zero'."),
        ("[xnli, tatoeba]", "[mnli]", "mnli cannot be a target: its source has no test split"),
        ("[xnli, tatoeba]", "[xnli, xnli]", "task 'xnli' stands twice in targets."),
        ("  mnli: [mnli]", "  mn-li: [mnli]", "recipe 'mn-li' may hold lower-case letters"),
        ("  mnli: [mnli]", "  mnli: [mlqa]", "mlqa has no train split to train on"),
        ("  mnli: [mnli]", "  mnli: [tatoeba]", "tatoeba cannot be trained on"),
        ("  mnli: [mnli]", "  mnli: mnli", "recipes.mnli must be a mapping (name: value)"),
        ("  mnli: [mnli]", "  squad: [mnli, squad]", "the mixture squad has the name of a task"),
        ("name: small", "name: large", "differs from the file's name"),
        ("question: Does it help?", "question: [1]", "question must be a text, not [1]."),
        ("question: Does it help?", "", "the field 'question' is missing."),
        ("sizes: {train: 100, dev: 10, test: 10}", "", "no size for train, dev, test of mnli"),
        ("sizes: {train: 100,", "sizes: {train: 0,", "the number of train rows must be at least 1"),
    ],
)
def test_one_wrong_line(complaints, line, other, complaint):
    assert any(complaint in found for found in complaints({line: other}))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("sped: 1\n", "unknown field 'sped'"),
        ("languages: [de]\n", "languages must hold en"),
        ("languages: [en, xx]\n", "unknown language 'xx'"),
        ("languages: [en, ta]\n", "line 12: no language is left for tatoeba"),
        ("hparams: jiant\n", "unknown hparams 'jiant'"),
        ("controls: [untraned]\n", "did you mean untrained?"),
        ("training: {batch_size: 1.5}\n", "batch_size must be of type int, not 1.5."),
        ("training: {warmup: 2}\n", "warmup must be at most 1, not 2."),
        ("training: {max_steps: null, epochs: null}\n", "epochs must have a value, not None."),
        ("training: {freeze_embeddings: 1}\n", "freeze_embeddings must be of type bool"),
        ("training: {precision: fp16}\n", "precision must be of fp32, bf16, not 'fp16'."),
        ("from_scratch: maybe\n", "from_scratch must be true or false, not 'maybe'."),
        ("text: {xnly: [dev]}\n", "unknown task 'xnly'"),
        ("pretraining: {stepps: 3}\n", "did you mean steps"),
        ("tasks: {snli: {epochs: 1}}\n", "snli is neither in a recipe nor a target"),
        ("tasks: {xnli: {train_from: pawsx}}\n", "differ in labels"),
        ("tasks: {xnli: {train_from: mlqa}}\n", "xnli is trained from mlqa, but mlqa has no train"),
        ("tasks: {xnli: {languages: [en, ja]}}\n", "xnli has no ja; its languages are ar, bg"),
        ("tasks: {xnli: {languages: [de]}}\n", "xnli must hold en"),
        ("tasks: {xnli: {languages: [en], source: {hub: xnli}}}\n", "has no namespace"),
        ("tasks: {xnli: {source: {hubb: a/b}}}\n", "unknown field 'hubb': did you mean hub?"),
        ("tasks: {xnli: {source: {splits: {test: 'a[x]'}}}}\n", "no readable expression"),
        ("tasks: {xnli: {source: {splits: 5}}}\n", "splits must be a mapping of texts, not 5."),
        ("tasks: {xnli: {source: {clean: x}}}\n", "clean must be a list, not 'x'."),
        ("tasks: {xnli: {source: {hub: null}}}\n", "hub must be a text, not None."),
    ],
)
def test_one_line_too_many(complaints, more, complaint):
    targets = {"[xnli, tatoeba]": "[xnli, pawsx, tatoeba]"}
    assert any(complaint in found for found in complaints(targets, more))


def test_a_model_that_is_not_shipped_is_pretrained_first(complaints, study, tmp_path, monkeypatch):
    monkeypatch.setattr("xstilts.study.model_choice.SHIPPED", tmp_path)
    models = {"[mini-encoder]": "[xglm-564m, mini-decoder]"}
    (found,) = complaints(models)
    assert found.startswith("line 4: mini-decoder is not shipped with this version: pretrain it")
    params = resolve(study(models, from_scratch=True))
    made, hub = (params["backbone"][name] for name in ("mini-decoder", "xglm-564m"))
    assert (made["kind"], hub["kind"]) == ("world", "hub")
    assert made["reading"] == hub["reading"] == {"architecture": "decoder", "pooling": "last"}
    cell = params["evaluate"]["xglm-564m-none-tatoeba-0"]
    assert cell["retrieval_layer"] == 14


def test_a_model_that_writes_has_no_use_for_tasks_that_are_no_texts(complaints, study):
    models = {"[mini-encoder]": "[mt5-base-text]"}
    (found,) = complaints(models | {"  mnli: [mnli]": "  squad_v2: [squad_v2]"})
    assert found.startswith("line 4: mt5-base-text writes its answers, but squad_v2 cannot be put")
    made = resolve(study(models))["backbone"]["mt5-base-text"]
    assert made["reading"] == {
        "architecture": "encoder-decoder", "pooling": "decoder", "interface": "text",
    }  # fmt: skip


def test_tasks_of_a_mixture_must_agree(complaints, study):
    mixed = {"  mnli: [mnli]": "  both: [mnli, squad]"}
    found = complaints(mixed)
    assert found[0].startswith("line 7: both trains its tasks together, but they differ in")
    more = "intermediate: {epochs: 1, batch_size: 8}\n"
    assert study(mixed, more).recipes["both"].tasks == ("mnli", "squad")


def test_targets_of_one_model_must_agree(complaints):
    found = complaints({"[xnli, tatoeba]": "[xquad, mlqa]"}, more="tasks:\n  mlqa: {epochs: 7}\n")
    assert found == [
        "line 13: xquad and mlqa share the model fine-tuned on squad, but differ in epochs "
        "(xquad 2, mlqa 7): give them the same value."
    ]


def test_settings_of_a_task_that_only_serves_others_are_refused(complaints):
    found = complaints(
        {"[xnli, tatoeba]": "[xquad]"}, more="tasks:\n  squad: {epochs: 7, sizes: {train: 3}}\n"
    )
    assert found == [
        "line 13: settings of squad have no effect: it is fine-tuned on only for xquad; "
        "set them there."
    ]


def test_controls_need_a_recipe_without_tasks(complaints):
    changes = {"  none: []\n": "", "baseline: none": "baseline: mnli"}
    assert complaints(changes, more="controls: [untrained]\n") == [
        "line 11: controls need a recipe without tasks: add `none: []` to recipes."
    ]


_GROUPED = {"  mnli: [mnli]": "  mnli: [mnli]\n  qqp: [qqp]\n  squad: [squad]"}  # lines 7 to 9


def test_a_study_says_what_it_asks_and_compares(study):
    more = (
        "asks: comparisons\ngroups: {pairs: [mnli, qqp], reading: squad}\n"
        "comparisons:\n  - [pairs, reading]\n  - [mnli, none]\n"
    )
    found = resolve(study(_GROUPED, more))["study"]
    assert found["asks"] == "comparisons"
    assert found["groups"] == {"pairs": ["mnli", "qqp"], "reading": ["squad"]}
    assert found["comparisons"] == [["pairs", "reading"], ["mnli", "none"]]


def test_without_them_the_head_of_params_has_none_of_these_fields(study):
    plain = resolve(study())["study"]
    assert not {"asks", "groups", "comparisons", "gate"} & set(plain)
    usual = "asks: gains\ngroups: {}\ncomparisons: []\ngate: {fall: 1, margin: 0}\n"
    assert resolve(study(more=usual))["study"] == plain


@pytest.mark.parametrize(
    ("more", "gate"),
    [
        ("gate: {margin: 0.5}\n", {"margin": 0.5, "fall": 1.0}),
        ("gate:\n  fall: 2\n", {"margin": 0.0, "fall": 2}),
    ],
)
def test_a_study_says_what_a_champion_must_show(study, more, gate):
    assert resolve(study(more=more))["study"]["gate"] == gate


def test_a_profile_may_have_a_gate_of_its_own():
    page = text_page(STUDY + "gate: {margin: 0.5}\nprofiles:\n  mini: {gate: {fall: 3}}\n", "it")
    found = parse_study(with_profile(page, "mini", STUDIES), ("mini-encoder",))
    assert (found.gate, page.problems) == (Gate(margin=0.5, fall=3), [])


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("gate: 1\n", "line 12: gate must be a mapping (name: value), not 1."),
        (
            "gate:\n  margni: 1\n",
            "line 13: unknown setting 'margni': did you mean margin?",
        ),
        ("gate:\n  margin: 1\n  fall: -1\n", "line 14: fall must be at least 0, not -1."),
        ("gate: {margin: 101}\n", "line 12: margin must be at most 100, not 101."),
        ("gate: {margin: .nan}\n", "line 12: margin must be at least 0, not nan."),
        ("gate: {fall: yes}\n", "line 12: fall must be of type float, not 'yes'."),
        ("gate: {fall: true}\n", "line 12: fall must be of type float, not True."),
        ("gate: {fall: null}\n", "line 12: fall must have a value, not None."),
        ("gates: {fall: 1}\n", "line 12: unknown field 'gates': did you mean gate?"),
    ],
)
def test_a_gate_that_is_wrong(complaints, more, complaint):
    assert complaints(more=more) == [complaint]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("asks: gain\n", "line 14: unknown asks 'gain': did you mean gains?"),
        ("asks: comparisons\n", "line 14: the study asks for comparisons, but has none"),
        ("asks: models\n", "line 14: the study asks to compare models, but has 1: name at least"),
        ("groups: [mnli]\n", "line 14: groups must be a mapping (name: value)"),
        ("groups: {nli: []}\n", "line 14: groups.nli is empty: name at least one recipe."),
        ("groups:\n  nli: [mnly]\n", "line 15: unknown recipe 'mnly': did you mean mnli?"),
        ("groups: {nli: [mnli, mnli]}\n", "recipe 'mnli' stands twice in groups.nli."),
        ("groups: {mnli: [mnli]}\n", "line 14: the group mnli has the name of a recipe"),
        ("groups: {n-l-i: [mnli]}\n", "group 'n-l-i' may hold lower-case letters, digits and _."),
        ("comparisons: mnli\n", "line 14: comparisons must be a list of pairs, e.g. comparisons:"),
        ("comparisons: [mnli, qqp]\n", "comparisons: [[syntax, semantics]], not ['mnli', 'qqp']."),
        ("comparisons:\n- [mnli]\n", "line 15: a comparison has two sides"),
        ("comparisons: [[mnli, qqp, squad]]\n", "line 14: a comparison has two sides"),
        ("comparisons: [[mnli, sqad]]\n", "unknown recipe or group 'sqad': did you mean squad?"),
        ("comparisons: [[mnli, 3]]\n", "line 14: unknown recipe or group '3': there is none,"),
        ("comparisons: [[mnli, mnli]]\n", "line 14: mnli is compared with itself."),
        ("comparisons: [[mnli, qqp], [qqp, mnli]]\n", "line 14: qqp and mnli are compared twice."),
        (
            "groups: {nli: [mnli, qqp]}\ncomparisons: [[nli, qqp]]\n",
            "line 15: nli and qqp share qqp: a recipe stands on one side alone.",
        ),
    ],
)
def test_what_cannot_be_compared(complaints, more, complaint):
    (found,) = dict.fromkeys(complaints(_GROUPED, more))
    assert complaint in found


def test_a_ranking_needs_three_recipes(complaints, study):
    assert complaints(more="asks: ranking\n") == [
        "line 12: the study asks for a ranking of its recipes, but has 2: name at least 3."
    ]
    assert study(_GROUPED, "asks: ranking\n").asks == "ranking"


def test_a_mirror_replaces_the_source_of_the_file(study, tmp_path):
    found = study(mirror=str(tmp_path))
    assert (found.source, found.mirror) == ("mirror", str(tmp_path))


def test_a_mirror_must_be_a_folder(complaints):
    assert "is no folder" in complaints(mirror="no/such/folder")[0]


def test_pretraining_on_real_text_needs_text(complaints, study, tmp_path):
    options = {"mirror": str(tmp_path), "from_scratch": True}
    assert "there is no text to pretrain on" in complaints(**options)[0]
    assert "mlqa has no train split" in complaints(more="text: {mlqa: [train]}\n", **options)[0]
    assert study(more="text: {xnli: [dev]}\n", **options).text == {"xnli": ("dev",)}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"name: a\nname: b\n", "line 2: not valid YAML"),
        (b"name: [a\n", "not valid YAML"),
        (b"name: \xff\xfe\n", "byte 6 is not UTF-8"),
        (b"- a\n- b\n", "the study must be a mapping"),
        (b"", "the field 'name' is missing."),
    ],
)
def test_a_file_that_is_no_study(tmp_path, content, complaint):
    path = tmp_path / "small.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_study(path)
    assert complaint in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"small\.yaml: there is no such file"):
        read_study(tmp_path / "small.yaml")


def test_a_name_without_neighbours_gets_the_whole_list():
    assert unknown("task", "zzz", ["mnli", "squad"]) == "unknown task 'zzz': there is mnli, squad."


def test_the_settings_are_those_that_training_knows():
    names = {field.name for field in fields(TrainConfig)} - {"seed"}
    assert set(RUN) < names < set(SETTINGS)


def test_the_pretraining_settings_are_those_of_the_recipe():
    from xstilts.models.pretraining import Recipe

    assert set(PRETRAINING) == {field.name for field in fields(Recipe)}


_WORDS = st.text(max_size=5) | st.sampled_from(
    ["xnli", "mnli", "none", "en", "de", "tasks", "source", "splits", "config", "columns", "clean",
     "languages", "sizes", "train", "dev", "test", "train_from", "epochs", "mirror", "path"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=12,
)
_FIELDS = st.sampled_from(
    ["name", "source", "models", "recipes", "baseline", "targets", "seeds", "controls",
     "languages", "sizes", "hparams", "training", "tasks", "text", "pretraining", "other",
     "recipes", "translations", "asks", "groups", "comparisons", "comparisons", "gate"]
)  # fmt: skip


def _problems(path: Path) -> list[str]:
    try:
        read_study(path)
    except UserError as error:
        return error.problems
    return []


@given(st.dictionaries(_FIELDS, _VALUES))
def test_any_values_give_problems_and_no_crash(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("any") / "small.yaml"
    whole = yaml.safe_load(STUDY) | values
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    assert all(str(path) in problem for problem in _problems(path))


@given(st.integers(), st.sampled_from([*SETTINGS.values(), Setting(int, 3, 5)]))
def test_a_setting_accepts_exactly_its_range(value, setting):
    inside = (setting.low is None or value >= setting.low) and (
        setting.high is None or value <= setting.high
    )
    right = value in setting.choices if setting.choices else inside
    accepted = setting.problem(value) is None
    assert accepted == (right and setting.kind in (int, float))


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_lines_of_our_own_studies(path):
    page = read_page(path)
    text = path.read_text(encoding="utf-8").splitlines()
    for name in page.value:
        assert text[page.lines[(name,)] - 1].startswith(f"{name}:")


def test_reading_a_study_loads_no_torch():
    code = (
        "import sys\nfrom xstilts.study import commands\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("hub", "config", "splits", "columns", "clean"), _VALUES)
    )
)
def test_any_source_gives_problems_and_no_crash(tmp_path_factory, source):
    path = tmp_path_factory.mktemp("any") / "small.yaml"
    whole = yaml.safe_load(STUDY) | {"tasks": {"xnli": {"source": source}}}
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    assert all("small.yaml, line" in problem for problem in _problems(path))

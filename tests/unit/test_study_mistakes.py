"""One study file with many mistakes: all of them come at once, each with its line."""

import shutil
from pathlib import Path

import pytest

from xstilts.cli import main
from xstilts.errors import UserError
from xstilts.study.check import find_study

ROOT = Path(__file__).parents[2]
WRONG = """\
name: wrong
question: Is everything that is wrong named at once?
source: hub
asks: comparison
models: [xlm-roberta-large, xlm-robertta-base]
recipes:
  none: []
  mnli: [mnli]
  qqp: [qqp, mnly]
  hellaswag_de: {tasks: [hellaswag], languages: [de]}
baseline: non
targets: [xnli, tydiqa, qqp]
seeds: []
groups:
  nli: [mnli, mlni]
  mnli: [qqp]
  pairs: []
comparisons:
  - [nli]
  - [nli, mnli]
  - [qqp, pair]
  - [qqp, qqp]
training: {batch_size: 0}
tasks:
  tydiqa: {languages: [en, de]}
  pawsx: {epochs: 3}
profiles:
  mini:
    like: mni
    source: world
    models: [mini-encodr]
    sizes: {train: 10, dev: 10, test: 10, tests: 5}
    targets: [xnli]
    training: {batch_sise: 8}
    seed: 0
    recipes: {qqq: {epochs: 1}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder that `xstilts` takes for a clone, with one more study in it."""
    studies = tmp_path / "pipelines" / "studies"
    shutil.copytree(ROOT / "pipelines" / "studies", studies)
    (studies / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


BOTH = """\
line 9: unknown task 'mnly': did you mean mnli?
line 15: unknown recipe 'mlni': did you mean mnli?
line 16: the group mnli has the name of a recipe; rename it.
line 17: groups.pairs is empty: name at least one recipe.
{model}
line 11: unknown recipe 'non': did you mean none?
line 13: seeds is empty: name at least one, e.g. seeds: [0].
{sizes}line 23: batch_size must be at least 1, not 0.
{setting}line 4: unknown asks 'comparison': did you mean comparisons?
line 19: a comparison has two sides, e.g. [syntax, semantics], not ['nli'].
line 21: unknown recipe or group 'pair': did you mean pairs?
line 22: qqp is compared with itself.
line 26: pawsx is neither in a recipe nor a target of this study.
line 10: hellaswag has no de in the {source}; its languages there are en: write languages: [...] \
under recipes.hellaswag_de with some of them, or give a folder with translations \
(translations: FOLDER).
line 12: qqp cannot be a target: its source has no test split with labels. Use it in a recipe; to \
score it, cut a test split off another one under tasks.qqp.source.splits, e.g. dev: \
"validation[:50%]", test: "validation[50%:]".
line 25: tydiqa has no de; its languages are ar, bn, en, fi, id, ko, ru, sw, te.
"""
FULL = BOTH.format(
    model="line 5: unknown model 'xlm-robertta-base': did you mean xlm-roberta-base or "
    "xlm-roberta-large?",
    sizes="",
    setting="",
    source="hub",
)
MINI = """\
line 33: a profile cannot change targets: it belongs to the question.
line 35: unknown field 'seed': did you mean seeds?
line 36: unknown recipe 'qqq': did you mean qqp?
line 29: unknown study 'mni': did you mean mini? (studies are files in pipelines/studies)
""" + BOTH.format(
    model="line 31: unknown model 'mini-encodr': did you mean mini-encoder or mini-decoder or "
    "mini-encdec?",
    sizes="line 32: unknown field 'tests': did you mean test?\n",
    setting="line 34: unknown setting 'batch_sise': did you mean batch_size?\n",
    source="world",
)
FILE = "pipelines/studies/wrong.yaml, "


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("name", "expected"), [("wrong", FULL), ("wrong-mini", MINI)])
def test_all_mistakes_of_a_study_come_at_once(name, expected):
    with pytest.raises(UserError) as raised:
        find_study(name, Path("pipelines/studies"))
    assert str(raised.value) == "".join(
        FILE + line for line in expected.splitlines(keepends=True)
    ).rstrip("\n")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "expected"), [(["wrong"], FULL), (["wrong", "--profile", "mini"], MINI)]
)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_the_command_line_says_them_without_a_traceback(command, words, expected, capsys):
    assert main([command, *words]) == 2
    output = capsys.readouterr()
    assert output.err == "".join(f"error: {FILE}{line}\n" for line in expected.splitlines())
    assert output.out == ""


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["wrong", "--profile", "min"], "wrong: unknown profile 'min': did you mean mini?"),
        (["mini", "--profile", "x"], "the study mini has no profiles, so there is no mini-x."),
        (["--profile", "mini"], "--profile mini needs the name of its study."),
    ],
)
def test_a_profile_that_is_not_there(words, said, capsys):
    assert main(["plan", *words]) == 2
    assert capsys.readouterr().err == f"error: {said}\n"

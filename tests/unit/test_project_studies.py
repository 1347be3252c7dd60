"""The studies of this project: each at full size, and the same question in its profile `mini`."""

from pathlib import Path

import pytest

from xstilts.study.check import find_study
from xstilts.study.resolve import resolve

STUDIES = Path(__file__).parents[2] / "pipelines" / "studies"
SIX = (
    "phang2020", "architectures", "source-language", "multilingual-reasoning",
    "syntax-semantics", "hierarchy",
)  # fmt: skip
SHARED = 0.4  # at least this share of a study


@pytest.mark.parametrize("name", SIX)
def test_a_mini_study_asks_what_the_full_one_asks(name):
    full, mini = (find_study(found, STUDIES) for found in (name, f"{name}-mini"))
    asked = ("question", "asks", "benchmark", "baseline", "targets", "groups", "comparisons")
    assert [getattr(full, field) for field in asked] == [getattr(mini, field) for field in asked]
    trained = [
        {recipe: (body.tasks, body.languages) for recipe, body in study.recipes.items()}
        for study in (full, mini)
    ]
    assert trained[0] == trained[1]
    assert (full.source, mini.source) == ("hub", "world")
    assert all(model.startswith("mini-") for model in mini.models)
    assert len(full.seeds) >= 3


def test_recipes_that_are_compared_read_as_many_rows():
    mini = find_study("multilingual-reasoning-mini", STUDIES)
    full = find_study("multilingual-reasoning", STUDIES)
    for study in (mini, full):
        rows = {
            name: body.settings["train_limit"] * len(body.languages)
            for name, body in study.recipes.items()
            if body.tasks
        }
        assert rows["nli_english"] == rows["nli_multilingual"]
        assert rows["commonsense_english"] == rows["commonsense_multilingual"]


@pytest.mark.parametrize(
    ("phase", "other"), [("finetune", "hierarchy"), ("backbone", "syntax-semantics")]
)
def test_mini_studies_share_stages(phase, other):
    one, two = (
        resolve(find_study(f"{name}-mini", STUDIES))[phase] for name in ("phang2020", other)
    )
    shared = [key for key, entry in two.items() if one.get(key) == entry]
    assert len(shared) >= SHARED * len(two)


def test_learning_rates_follow_the_pace_of_a_model():
    params = resolve(find_study("architectures", STUDIES))
    rates = {
        model: params["finetune"][f"{model}-none-mnli-0"]["training"]["learning_rate"]
        for model in ("xlm-roberta-base", "mt5-base", "xglm-564m")
    }
    assert rates["xglm-564m"] == rates["xlm-roberta-base"]
    assert rates["mt5-base"] == pytest.approx(10 * rates["xlm-roberta-base"])

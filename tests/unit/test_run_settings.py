"""Settings of runs that contradict each other, and models that cannot learn a recipe."""

import pytest

from xstilts.errors import UserError
from xstilts.models.backbones import BACKBONES
from xstilts.study.check import checked
from xstilts.study.page import text_page
from xstilts.study.record import parse_study
from xstilts.study.resolve import resolve

STUDY = """\
name: small
question: Does it help?
source: hub
models: [{models}]
recipes:
  none: []
  mixed: {{tasks: [mnli{also}], lora_rank: null}}
baseline: none
targets: [xnli, tatoeba]
seeds: [0]
"""


def problems(more: str = "", models: str = "xlm-roberta-base", also: str = "") -> list[str]:
    page = text_page(STUDY.format(models=models, also=also) + more, "study")
    try:
        checked(page, parse_study(page, tuple(BACKBONES)))
    except UserError as error:
        return [problem.partition("line ")[2] for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("training: {offload: optimizer, zero_stage: 0}\n",
         ["11: offload: optimizer needs zero_stage 1, 2 or 3, or null; 0 has nothing to offload."]),
        ("finetune: {offload: parameters}\ntraining: {zero_stage: 2}\n",
         ["11: offload: parameters needs zero_stage 3, or null, not 2."]),
        ("intermediate: {lora_alpha: 4}\n",
         ["11: lora_alpha has no effect without lora_rank: set it, e.g. lora_rank: 8."]),
        ("finetune: {lora_rank: 8}\ntasks: {xnli: {lora_dropout: 0.1, lora_rank: null}}\n",
         ["12: lora_dropout has no effect without lora_rank: set it, e.g. lora_rank: 8."]),
        ("training: {offload: disk, lora_rank: 0, lora_dropout: 1}\n",
         ["11: offload must be of none, optimizer, parameters, not 'disk'.",
          "11: lora_rank must be at least 1, not 0.",
          "11: lora_dropout must be at most 0.99, not 1."]),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_named_once_and_where_it_stands(more: str, expected: list[str]):
    assert problems(more) == expected


@pytest.mark.parametrize(
    "more",
    [
        "training: {offload: parameters}\n",
        "training: {zero_stage: null, offload: null, lora_rank: null}\n",
        "training: {zero_stage: 2, offload: optimizer, lora_rank: 8, lora_dropout: 0.1}\n",
    ],
)
def test_what_goes_together_is_no_problem(more: str):
    assert problems(more) == []


def test_a_control_has_no_adapters_on_its_random_weights():
    text = STUDY.format(models="xlm-roberta-base", also="")
    page = text_page(text + "training: {lora_rank: 8}\ncontrols: [untrained]\n", "study")
    runs = resolve(checked(page, parse_study(page, tuple(BACKBONES))))["finetune"]
    ranks = {"untrained" in key: run["training"].get("lora_rank") for key, run in runs.items()}
    assert ranks == {True: None, False: 8}


def test_adapters_of_a_study_reach_its_runs_and_no_other():
    text = STUDY.format(models="xlm-roberta-base", also="")
    page = text_page(text + "training: {lora_rank: 8, lora_alpha: 32}\n", "study")
    params = resolve(checked(page, parse_study(page, tuple(BACKBONES))))
    ranks = {run["training"].get("lora_rank") for run in params["finetune"].values()}
    assert ranks == {8}
    assert {run["training"]["lora_rank"] for run in params["intermediate"].values()} == {None}
    plain = text_page(text.replace(", lora_rank: null", ""), "study")
    params = resolve(checked(plain, parse_study(plain, tuple(BACKBONES))))
    runs = [*params["finetune"].values(), *params["intermediate"].values()]
    assert not [run for run in runs if {"lora_rank", "zero_stage"} & run["training"].keys()]


@pytest.mark.parametrize("model", ["xglm-564m", "mt5-base", "mt5-base-text"])
def test_only_encoders_guess_masked_words(model: str):
    assert problems(models="xlm-roberta-base", also=", wikipedia") == []
    assert problems(models=f"xlm-roberta-base, {model}", also=", wikipedia") == [
        f"4: {model} is no encoder, and only encoders can guess the words that wikipedia of the "
        f"recipe mixed masks: leave {model} out, or give it a study without that recipe."
    ]

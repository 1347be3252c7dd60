"""What fills a device's memory, and which ZeRO stage fits."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from test_estimate import resolved

from xstilts.models.backbones import BACKBONES, Shape
from xstilts.study.devices import DEVICES
from xstilts.study.memory import STAGES, USABLE, advice, lowest_stage, training_memory
from xstilts.study.memory_table import memory_table
from xstilts.study.plan import stages

BILLION = Shape(10**9, 10**9, layers=24, width=1024)


def test_the_formulas_are_those_of_the_paper():
    four = {"processes": 4}
    found = [training_memory(BILLION, four, 0, stage).total / 1e9 for stage in STAGES]
    assert found == [16, 8 + 8 / 4, 4 + 12 / 4, 16 / 4]
    one = training_memory(BILLION, {}, 1000)
    assert (one.weights, one.gradients, one.optimizer) == (4e9, 4e9, 8e9)
    assert one.activations == 1000 * 24 * 1024 * 68
    half = training_memory(BILLION, {"precision": "bf16"}, 1000)
    assert (half.weights, half.activations) == (6e9, one.activations / 2)


@given(st.integers(1, 64), st.integers(0, 10**6), st.sampled_from(["fp32", "bf16"]))
def test_the_lowest_stage_that_fits_is_the_first_one(processes: int, tokens: int, precision: str):
    training, device = {"processes": processes, "precision": precision}, DEVICES["V100"]
    totals = [training_memory(BILLION, training, tokens, stage).total for stage in STAGES]
    assert totals == sorted(totals, reverse=True)
    fitting = [s for s in STAGES if totals[s] <= USABLE * device.memory]
    assert lowest_stage(BILLION, training, tokens, device) == min(fitting, default=None)


@pytest.mark.parametrize(
    ("processes", "stage", "words"),
    [
        (1, None, "No ZeRO stage fits into one V100: take several processes, more accumulation"),
        (2, 1, "zero_stage: 0 does not fit into one V100; set zero_stage: 1."),
        (64, 1, "zero_stage: 0 does not fit into one V100; set zero_stage: 1."),
    ],
)
def test_what_to_do_is_said(processes: int, stage: int | None, words: str):
    training, device = {"processes": processes}, DEVICES["V100"]
    assert lowest_stage(BILLION, training, 0, device) == stage
    assert advice(stage, training, device).startswith(words)


def test_a_stage_that_is_right_or_higher_than_needed_is_said_to_be():
    assert "is the lowest that does" in advice(2, {"zero_stage": 2}, DEVICES["T4"])
    assert "zero_stage: 3 fits, and so does 1" in advice(1, {"zero_stage": 3}, DEVICES["T4"])


def test_the_table_is_about_the_run_that_needs_most():
    params = resolved(models="[xlm-roberta-base, mt5-large]")
    stream = StringIO()
    console = Console(width=100, file=stream)
    console.print(memory_table(params, stages(params), DEVICES["V100"]))
    text = stream.getvalue()
    assert "GB on each of 1 V100 (16 GB, 90% of it usable) for finetune@mt5-large-" in text
    state = BACKBONES["mt5-large"].shape.parameters * 4 / 1e9
    assert f"{state:.1f}" in text
    assert "No ZeRO stage fits" in text

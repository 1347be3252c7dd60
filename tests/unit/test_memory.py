"""What fills a device's memory, and which ZeRO stage is taken."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from test_estimate import resolved

from xstilts.models.backbones import BACKBONES
from xstilts.study.devices import DEVICES
from xstilts.study.estimate import load_of
from xstilts.study.memory_table import memory_table, words
from xstilts.study.plan import stages
from xstilts.training.memory import (
    LADDER,
    LIVE,
    OFFLOADS,
    USABLE,
    ZERO_STAGES,
    Load,
    Zero,
    choose,
    contradiction,
    needed,
)

V100 = DEVICES["V100"]
BILLION = 10**9


def load(**changes) -> Load:
    usual = {"parameters": BILLION, "trained": BILLION, "layers": 24, "width": 1024, "tokens": 0}
    return Load(**usual | changes)


def test_the_formulas_are_those_of_the_papers():
    four = load(processes=4)
    found = [needed(four, Zero(stage)).total / 1e9 for stage in ZERO_STAGES]
    assert found == [16, 8 + 12 / 4, 4 + 16 / 4, 20 / 4]  # from stage 1 a copy that is updated
    offloaded = [needed(four, Zero(2, "optimizer")), needed(four, Zero(3, "optimizer"))]
    assert [memory.total / 1e9 for memory in offloaded] == [4, 4 / 4]
    assert needed(four, Zero(3, "parameters")).total == 4 * LIVE
    one = needed(load(tokens=1000), Zero(0))
    assert (one.weights, one.gradients, one.optimizer) == (4e9, 4e9, 8e9)
    assert one.activations == 1000 * 24 * 1024 * 68
    half = needed(load(tokens=1000, precision="bf16"), Zero(0))
    assert (half.weights, half.activations) == (6e9, one.activations / 2)


def test_what_is_frozen_has_no_gradient_and_no_moments():
    frozen = needed(load(trained=BILLION // 4), Zero(0))
    assert (frozen.weights, frozen.gradients, frozen.optimizer) == (4e9, 1e9, 2e9)


@given(
    st.integers(1, 64),
    st.integers(0, 10**6),
    st.sampled_from(["fp32", "bf16"]),
    st.floats(1e9, 1e12),
    st.sampled_from([None, *OFFLOADS]),
)
def test_the_first_step_that_fits_is_taken(processes, tokens, precision, memory, offload):
    run = load(processes=processes, tokens=tokens, precision=precision)
    steps = [step for step in LADDER if offload in (None, step.offload)]
    totals = {step: needed(run, step).total for step in steps}
    fitting = [step for step in steps if totals[step] <= USABLE * memory]
    found = choose(run, memory, offload=offload).zero
    assert found == (fitting[0] if fitting else min(steps, key=totals.__getitem__))
    if processes > 1:
        shared = [needed(run, Zero(stage)).total for stage in ZERO_STAGES]
        assert shared == sorted(shared, reverse=True)


@pytest.mark.parametrize(
    ("processes", "gigabytes", "zero", "reason"),
    [
        (1, 20, Zero(0), "it needs 16.0 GB of the 18.0 GB usable on the GPU"),
        (2, 16, Zero(1), "it needs 14.0 GB of the 14.4 GB usable on each of 2 GPUs; "
                         "stage 0 would need 16.0 GB"),
        (4, 10, Zero(2), "it needs 8.0 GB of the 9.0 GB usable on each of 4 GPUs; "
                         "stage 1 would need 11.0 GB"),
        (4, 6, Zero(3), "it needs 5.0 GB of the 5.4 GB usable on each of 4 GPUs; "
                        "stage 2 would need 8.0 GB"),
        # one process has nobody to share with
        (1, 16, Zero(2, "optimizer"), "it needs 4.0 GB of the 14.4 GB usable on the GPU; "
                                      "stage 0 would need 16.0 GB"),
        (2, 4, Zero(3, "optimizer"), "it needs 2.0 GB of the 3.6 GB usable on each of 2 GPUs; "
                                     "stage 2 with the optimizer on the CPU would need 4.0 GB"),
        (1, 2, Zero(3, "parameters"), "it needs 1.0 GB of the 1.8 GB usable on the GPU; "
                                      "stage 2 with the optimizer on the CPU would need 4.0 GB"),
        (1, 1, Zero(3, "parameters"), "it needs 1.0 GB of the 0.9 GB usable on the GPU, "
                                      "and nothing needs less"),
    ],
)  # fmt: skip
def test_memory_decides_and_the_reason_is_said(processes, gigabytes, zero, reason):
    assert choose(load(processes=processes), gigabytes * 1e9) == (zero, reason)


def test_what_the_study_says_is_taken_as_it_is():
    assert choose(load(), 1e9, stage=1) == (Zero(1), "as the study says")
    assert choose(load(), 1e9, stage=2, offload="optimizer").zero == Zero(2, "optimizer")
    assert choose(load(), 1e12, offload="parameters").zero == Zero(3, "parameters")
    assert choose(load(), 1e9, offload="none").zero == Zero(0)  # alone, nothing needs less


def test_without_a_gpu_nothing_is_shared_unless_it_is_asked_for():
    assert choose(load(processes=2), None) == (
        Zero(0),
        "there is no GPU whose memory could be short",
    )
    assert choose(load(), None, offload="optimizer").zero == Zero(2, "optimizer")


def test_every_step_can_be_asked_for_and_nothing_impossible():
    assert not [step for step in LADDER if contradiction(*step)]
    assert "needs zero_stage 1, 2 or 3" in contradiction(0, "optimizer")
    assert "needs zero_stage 3, or null, not 2" in contradiction(2, "parameters")
    assert contradiction(None, "parameters") is None


def table_of(params, device) -> str:
    stream = StringIO()
    console = Console(width=200, file=stream)
    console.print(memory_table(params, stages(params), device), highlight=False)
    return stream.getvalue()


def test_the_table_is_about_the_run_that_needs_most():
    params = resolved(models="[xlm-roberta-base, mt5-large]", training="{processes: 2}")
    text = table_of(params, V100)
    assert "GB on each of 2 V100 (16 GB, 90% of it usable) for finetune@mt5-large-" in text
    assert "which trains all 973.5 million parameters" in text
    state = BACKBONES["mt5-large"].shape.parameters * 4 / 1e9
    assert f"{state:.1f}" in text
    taken = [line for line in text.splitlines() if "fits, taken" in line]
    assert [line.split()[0] for line in taken] == ["2"]
    assert "the run chooses when it starts, by this estimate stage 2, because it needs" in text


def test_frozen_embeddings_and_adapters_make_a_run_smaller():
    def found(settings: str, model: str = "mt5-large") -> Load:
        params = resolved(models=f"[{model}]", training=settings)
        return load_of(params, next(iter(params["finetune"].values())))

    shape = BACKBONES["mt5-large"].shape
    embedding = 250_112 * 1024
    frozen = found("{freeze_embeddings: true}")
    assert frozen.parameters == shape.parameters
    assert frozen.trained == pytest.approx(shape.parameters - embedding, rel=0.01)
    base = BACKBONES["xlm-roberta-base"].shape
    adapted = found("{lora_rank: 8}", "xlm-roberta-base")
    # of each of 12 layers: 4 matrices of 768 x 768, and 2 of 768 x 3072
    assert adapted.trained == 12 * 8 * (4 * (768 + 768) + 2 * (768 + 3072))
    assert adapted.parameters == base.parameters + adapted.trained
    text = table_of(resolved(training="{lora_rank: 8}"), V100)
    assert "which trains 1.3 of its 278.8 million parameters" in text


@pytest.mark.parametrize(
    ("settings", "run", "expected"),
    [
        ({"zero_stage": 0}, load(), "does not fit; leave zero_stage out, and the run takes stage 2 "
                                    "with the optimizer on the CPU."),
        ({"zero_stage": 0}, load(tokens=10**7), "does not fit, and no other does. If it does not "
                                                "fit into V100 indeed, take several processes"),
        ({"zero_stage": 3}, load(processes=2), "fits, and so does stage 1, which is faster."),
        ({"zero_stage": 1}, load(processes=2), "fits, and is the fastest that does."),
        ({}, load(tokens=10**7, processes=2), "and nothing needs less. If it does not fit into "
                                              "V100 indeed, take more accumulation, lora_rank"),
    ],
)  # fmt: skip
def test_what_to_do_is_said(settings, run, expected):
    found = choose(run, V100.memory, settings.get("zero_stage"))
    assert expected in words(run, found, settings, V100)

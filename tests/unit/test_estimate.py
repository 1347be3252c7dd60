"""What a study will cost: the formula's known values, and how costs follow the study."""

from pathlib import Path

import pytest

from xstilts.models.backbones import BACKBONES, SHIPPED
from xstilts.study.check import checked
from xstilts.study.devices import CPU, DEVICES, device_named
from xstilts.study.estimate import POD_START, UTILISATION, estimate, forward, stage_cost
from xstilts.study.fanout import pods
from xstilts.study.page import text_page
from xstilts.study.plan import stages
from xstilts.study.record import parse_study
from xstilts.study.resolve import resolve
from xstilts.study.rows import UNKNOWN_ROWS, assumed, rows

STUDIES = sorted((Path(__file__).parents[2] / "pipelines" / "studies").glob("*.yaml"))
STUDY = """\
name: small
question: Does it help?
source: hub
models: [xlm-roberta-base]
recipes:
  none: []
  mnli: [mnli]
baseline: none
targets: [xnli, tydiqa, bucc2018, tatoeba]
seeds: [0]
training: {precision: bf16}
"""
A100 = DEVICES["A100"]
TRAINED = "finetune@xlm-roberta-base-none-mnli-0"


def resolved(more: str = "", **changes: str):
    text = STUDY + more
    for field, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{field}:")]
        text = "\n".join([*lines, f"{field}: {value}", ""])
    page = text_page(text, "study")
    return resolve(checked(page, parse_study(page, tuple(BACKBONES))))


def cost(params, name: str = TRAINED, device=A100):
    return stage_cost(params, next(s for s in stages(params) if s.name == name), device)


@pytest.mark.parametrize(
    ("model", "tokens", "expected"),
    [
        ("xlm-roberta-base", 48, 0.515e9),
        ("xlm-roberta-base", 384, 0.552e9),
        ("xlm-roberta-large", 48, 1.826e9),
        ("xlm-roberta-large", 128, 1.850e9),
    ],
)
def test_operations_of_a_trained_token(model, tokens, expected):
    found = 3 * forward(BACKBONES[model].shape, 1, tokens) / tokens
    assert found == pytest.approx(expected, rel=0.006)


def test_the_shape_of_the_shipped_backbone_is_that_of_its_weights():
    from safetensors import safe_open

    with safe_open(SHIPPED / "mini-encoder" / "model.safetensors", "numpy") as tensors:
        sizes = {name: tensors.get_tensor(name).size for name in tensors.keys()}  # noqa: SIM118
    shape = BACKBONES["mini-encoder"].shape
    assert sum(sizes.values()) == shape.parameters
    assert sum(n for name, n in sizes.items() if not name.startswith("embeddings")) == shape.body


def test_time_is_work_at_the_utilisation_and_what_the_optimizer_moves():
    epochs, tokens, size = 2, 46, 392_702
    work = 3 * forward(BACKBONES["xlm-roberta-base"].shape, size * epochs, tokens)
    optimizer = size * epochs / 4 * 30 * BACKBONES["xlm-roberta-base"].shape.parameters / 1555e9
    expected = work / (312e12 * UTILISATION) + optimizer
    assert cost(resolved()).seconds == pytest.approx(expected)


def test_time_follows_the_settings():
    base = cost(resolved()).seconds
    double = cost(resolved(finetune="{epochs: 4}")).seconds
    assert double == pytest.approx(2 * base)
    assert cost(resolved(finetune="{max_steps: 100}")).seconds < base / 1000
    assert cost(resolved(training="{precision: fp32}")).seconds > base
    assert cost(resolved(finetune="{batch_size: 64}")).seconds < base
    assert (
        cost(resolved(), device=DEVICES["H200"]).seconds
        < base
        < cost(resolved(), device=DEVICES["T4"]).seconds
    )


def test_memory_follows_batch_and_zero_stage():
    base = cost(resolved()).memory
    assert base > 16 * BACKBONES["xlm-roberta-base"].shape.parameters
    assert cost(resolved(finetune="{batch_size: 64}")).memory > base
    shared = [
        cost(resolved(finetune=f"{{zero_stage: {stage}, processes: 4}}")).memory
        for stage in range(4)
    ]
    assert shared == sorted(shared, reverse=True)
    assert shared[3] < shared[0] / 2


def test_rows_come_from_the_table_from_slices_and_from_the_world():
    params = resolved()
    assert rows(params, "data/mnli", "mnli", "train") == 392_702
    assert rows(params, "data/xnli", "xnli", "test") == 15 * 5_010
    assert rows(params, "data/tydiqa", "tydiqa", "train") == round(0.9 * 3_696)
    assert rows(params, "data/xnli", "xnli", "train") == 0
    world = resolved(source="world", models="[mini-encoder]", sizes="{train: 7, dev: 2, test: 3}")
    assert rows(world, "data/mnli", "mnli", "train") == 7
    assert rows(world, "data/xnli", "xnli", "test") == 3 * len(world["evaluate"][
        "mini-encoder-none-xnli-0"]["task"]["languages"])  # fmt: skip
    assert assumed(params) == assumed(world) == []


def test_rows_that_nobody_knows_are_a_guess_and_said_to_be():
    params = resolved("tasks: {xnli: {train_from: snli, source: {hub: my/copy}}}\n")
    assert rows(params, "data/xnli", "xnli", "test") == 15 * UNKNOWN_ROWS
    assert assumed(params) == ["xnli"]
    plan = stages(params)
    text = estimate(params, plan, pods(plan, ()), A100, 1).assumptions
    assert "Rows of xnli are a guess." in text
    beyond = resolved("tasks: {tydiqa: {source: {splits: {train: 'train[:99999]', "
                      "dev: 'train[90%:]', test: validation}}}}\n")  # fmt: skip
    assert rows(beyond, "data/tydiqa", "tydiqa", "train") == 3_696


def test_a_mixture_counts_no_task_beyond_the_cap():
    both = {"recipes": "{none: [], both: {tasks: [mnli, snli], epochs: 2, batch_size: 24}}"}
    text = STUDY.replace("recipes:\n  none: []\n  mnli: [mnli]\n", "")
    page = text_page(text + f"recipes: {both['recipes']}\n", "study")
    params = resolve(checked(page, parse_study(page, tuple(BACKBONES))))
    alone = cost(resolved(), "intermediate@xlm-roberta-base-mnli-0").seconds
    mixed = cost(params, "intermediate@xlm-roberta-base-both-0").seconds
    assert mixed == pytest.approx(alone * 2 * 2**17 / 392_702, rel=0.01)


def test_only_what_has_to_run_costs():
    params = resolved()
    plan = stages(params)
    names = [stage.name for stage in plan]
    whole = estimate(params, plan, pods(plan, ()), A100, 1)
    rest = estimate(params, plan, pods(plan, set(names) - {TRAINED}), A100, 1)
    assert rest.hours["finetune"] == pytest.approx((cost(params).seconds + POD_START) / 3600)
    assert rest.hours["intermediate"] == 0
    assert rest.hours["finetune"] < whole.hours["finetune"]
    assert rest.memory_stage == TRAINED
    nothing = estimate(params, plan, pods(plan, names), A100, 1)
    assert sum(nothing.hours.values()) == 0
    assert nothing.disk_stage == "publish"


def test_gpus_that_a_pod_does_not_use_cost_all_the_same():
    params = resolved()
    plan = stages(params)
    one, eight = (estimate(params, plan, pods(plan, ()), A100, n) for n in (1, 8))
    assert eight.hours["finetune"] == pytest.approx(8 * one.hours["finetune"])
    parallel = resolved(finetune="{processes: 8}")
    plan = stages(parallel)
    used = estimate(parallel, plan, pods(plan, ()), A100, 8)
    assert used.hours["finetune"] < eight.hours["finetune"] / 2


def test_nodes_that_train_together_hold_a_device_for_each_process():
    params = resolved(finetune="{processes: 8}")
    plan = stages(params)
    todo = pods(plan, {stage.name for stage in plan} - {TRAINED})
    seconds = cost(params).seconds
    two = estimate(params, plan, todo, A100, 4, nodes=2)
    assert two.hours["finetune"] == pytest.approx((seconds + 8 * POD_START) / 3600)
    one = estimate(params, plan, todo, A100, 8)
    assert two.hours["finetune"] == pytest.approx(one.hours["finetune"])
    alone = resolved()  # in one process: one device of one node, however many nodes there are
    many = estimate(alone, stages(alone), todo, A100, 8, nodes=2)
    assert many.hours["finetune"] == pytest.approx((cost(alone).seconds + POD_START) / 3600)


def test_nodes_change_nothing_about_evaluations():
    params = resolved()
    plan = stages(params)
    one, two = (estimate(params, plan, pods(plan, ()), A100, 8, nodes) for nodes in (1, 2))
    assert one.hours["evaluate"] == two.hours["evaluate"] > 0


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_our_own_studies_have_an_estimate(path, tmp_path):
    from xstilts.study.check import read_study

    text = path.read_text(encoding="utf-8")
    params = resolve(read_study(path, mirror=str(tmp_path) if "mirror" in text else None))
    plan = stages(params)
    found = estimate(params, plan, pods(plan, ()), DEVICES[CPU], 0)
    assert sum(found.hours.values()) > 0
    if params["study"]["source"]["kind"] == "world":
        assert sum(found.hours.values()) < 1000
    assert 0 < found.disk < 1e11


def test_an_untrained_control_is_as_large_as_its_model_and_trains_its_embeddings_too():
    world = resolved("controls: [untrained]\n", source="world", models="[mini-encoder]",
                     sizes="{train: 7, dev: 2, test: 3}")  # fmt: skip
    control = cost(world, "finetune@mini-encoder-untrained-none-mnli-0")
    model = cost(world, "finetune@mini-encoder-none-mnli-0")
    assert control.disk == model.disk
    shape = BACKBONES["mini-encoder"].shape
    embeddings = shape.parameters - shape.body
    assert control.memory - model.memory == (4 + 8) * embeddings  # gradients and moments
    assert control.seconds > model.seconds


def test_adapters_save_a_third_of_the_work_and_most_of_the_memory():
    whole, adapted = cost(resolved()), cost(resolved(training="{precision: bf16, lora_rank: 8}"))
    assert adapted.seconds < whole.seconds * 2 / 3
    assert adapted.memory < whole.memory / 2
    assert adapted.disk == whole.disk  # what is written is a whole model all the same


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("nvidia.com/gpu", "NVIDIA-A100-SXM4-40GB"), "A100"),
        (("nvidia-tesla-t4",), "T4"),
        (("nvidia-l4",), "L4"),
        (("nvidia-l40s",), "L40S"),
        (("NVIDIA H100 80GB HBM3",), "H100"),
        (("h200",), "H200"),
    ],
)
def test_a_device_is_known_by_its_name_in_a_label(texts, name):
    assert device_named(*texts) == DEVICES[name]


def test_a_device_without_a_known_name_is_none():
    assert device_named("nvidia.com/gpu", "", "pool-t40") is None

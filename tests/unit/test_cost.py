"""What a study took, beside the estimate of the same stages."""

from dataclasses import replace

import pytest
from synthetic_study import evaluations, write_study

from xstilts.publish.board.cost import cost
from xstilts.publish.board.evaluations import read_cells
from xstilts.study.devices import CPU, DEVICES
from xstilts.study.estimate import stage_cost
from xstilts.study.plan import stages


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    params = write_study(
        root,
        lambda *_: 0.5,
        recipes={"none": [], "mnli": ["mnli"]},
        targets=("xnli", "tatoeba"),
        seeds=(0, 1),
        items=4,
    )
    return params, read_cells(params, evaluations(root))


def test_used_hours_are_those_of_every_stage_once(study):
    found = cost(*study)
    used = {phase: (own["stages"], own["used_hours"]) for phase, own in found["phases"].items()}
    assert used == {  # the made-up study's seconds; controls are fine-tuned too
        "intermediate": (2, pytest.approx(2 * 30 / 3600)),
        "finetune": (6, pytest.approx(6 * 12.5 / 3600)),
        "evaluate": (12, pytest.approx(12 * 2 / 3600)),
    }
    assert found["used_hours"] == pytest.approx((60 + 75 + 24) / 3600)
    assert found["device"] == CPU


def test_planned_hours_are_the_estimate_of_the_same_stages(study):
    params, cells = study
    found = cost(params, cells)
    plan = [stage for stage in stages(params) if stage.phase == "finetune"]
    own = [stage_cost(params, stage, DEVICES[CPU]).seconds / 3600 for stage in plan]
    assert found["phases"]["finetune"]["planned_hours"] == pytest.approx(sum(own))
    phases = found["phases"].values()
    assert found["planned_hours"] == pytest.approx(sum(own["planned_hours"] for own in phases))
    assert found["planned_hours"] > 0


def test_stages_that_did_not_run_are_not_planned(study):
    params, cells = study
    found = cost(params, [cell for cell in cells if cell.recipe == "none"])
    assert "intermediate" not in found["phases"]
    assert found["phases"]["evaluate"]["stages"] == 8


def test_a_training_on_two_devices_takes_both(study):
    params, cells = study
    cell = next(cell for cell in cells if cell.recipe == "none" and cell.training)
    found = cost(params, [replace(cell, training=cell.training | {"world_size": 2})])
    assert found["phases"]["finetune"]["used_hours"] == pytest.approx(25 / 3600)


def test_devices_are_named_and_known_by_their_names(study):
    params, cells = study
    cell = next(cell for cell in cells if cell.training is None)
    on_gpu = replace(cell, device="NVIDIA A100-SXM4-80GB")
    found = cost(params, [on_gpu])
    planned = cost(params, [cell])["planned_hours"]
    assert found["device"] == "NVIDIA A100-SXM4-80GB"
    assert found["planned_hours"] == pytest.approx(
        planned * DEVICES[CPU].fp32 / DEVICES["A100"].fp32
    )


@pytest.mark.parametrize("device", [None, "Some new accelerator"])
def test_on_an_unknown_device_nothing_was_planned(study, device):
    params, cells = study
    found = cost(params, [replace(cell, device=device) for cell in cells])
    assert found["planned_hours"] is None
    assert found["phases"]["evaluate"]["planned_hours"] is None
    assert found["phases"]["finetune"]["planned_hours"] > 0
    assert found["used_hours"] > 0


def test_a_backbone_of_unknown_size_has_no_plan(study):
    params, cells = study
    own = {"mini": {"needs": "here", "name": "my-own-model"}}
    found = cost(params | {"backbone": params["backbone"] | own}, cells)
    assert found["planned_hours"] is None
    assert found["used_hours"] > 0


def test_params_without_stages_have_no_plan(study):
    params, cells = study
    assert cost({"study": params["study"]}, cells)["planned_hours"] is None

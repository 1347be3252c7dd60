"""Which stages share a pod: every stage to run is in exactly one, and in the right place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.study.check import read_study
from xstilts.study.fanout import Pods, Trained, pods
from xstilts.study.plan import stages
from xstilts.study.resolve import resolve

PLAN = stages(resolve(read_study(Path(__file__).parents[1] / "golden" / "small.yaml")))
NAMES = [stage.name for stage in PLAN]
MODEL = "mini-encoder"


def members(found: Pods) -> list[str]:
    """Every name in the pods, as often as it occurs."""
    trained = [name for item in found.trained for name in (*item.finetune, *item.evaluate)]
    evaluated = [name for item in found.evaluate for name in item]
    alone = (*found.prepare, *found.backbone, *found.shortcuts, *found.intermediate)
    return [*alone, *trained, *evaluated]


@given(st.sets(st.sampled_from(NAMES)))
def test_every_stage_to_run_is_in_one_pod(known):
    found = pods(PLAN, known)
    assert sorted(members(found)) == sorted(set(NAMES) - known - {"publish"})


@given(st.sets(st.sampled_from(NAMES)))
def test_an_evaluation_stands_with_its_model(known):
    deps = {stage.name: stage.deps for stage in PLAN}
    found = pods(PLAN, known)
    for item in found.trained:
        assert all(set(item.finetune) & set(deps[name]) for name in item.evaluate)
    trained = {name for item in found.trained for name in item.finetune}
    for item in found.evaluate:
        models = {next(d for d in deps[name] if not d.startswith("prepare")) for name in item}
        assert len(models) == 1
        assert not models & trained


@given(st.sets(st.sampled_from(NAMES)))
def test_the_outputs_hold_the_same_names(known):
    found = pods(PLAN, known)
    out = found.outputs()
    texts = [out["prepare"], out["backbone"], out["shortcuts"], *out["intermediate"]]
    texts += [text for item in out["trained"] for text in item.values()] + out["evaluate"]
    assert sorted(" ".join(texts).split()) == sorted(members(found))
    assert found.count("intermediate") == len(out["intermediate"])
    assert found.count("finetune") == len(out["trained"])
    assert found.count("evaluate") == len(out["trained"]) + len(out["evaluate"])
    assert found.count("prepare") == bool(out["prepare"])
    assert found.count("publish") == 1


def test_one_pod_evaluates_both_targets_of_a_model():
    found = pods(PLAN, ())
    assert (
        Trained(
            (f"finetune@{MODEL}-none-squad-0",),
            (f"evaluate@{MODEL}-none-xquad-0", f"evaluate@{MODEL}-none-mlqa-0"),
        )
        in found.trained
    )
    assert (
        f"evaluate@{MODEL}-mnli-bucc2018-0",
        f"evaluate@{MODEL}-mnli-tatoeba-0",
    ) in found.evaluate
    assert found.intermediate == (f"intermediate@{MODEL}-mnli-0", f"intermediate@{MODEL}-both-0")
    assert found.backbone == (f"backbone@{MODEL}", f"backbone@{MODEL}-untrained")


def test_evaluations_of_a_model_that_is_known_get_a_pod_of_their_own():
    missing = (f"evaluate@{MODEL}-none-xquad-0", f"evaluate@{MODEL}-none-mlqa-0")
    found = pods(PLAN, set(NAMES) - set(missing))
    assert found.trained == ()
    assert found.evaluate == (missing,)


@pytest.mark.parametrize("known", [NAMES, set(NAMES) - {"publish"}])
def test_nothing_is_left_of_a_finished_study(known):
    assert pods(PLAN, known).outputs() == {
        "prepare": "",
        "backbone": "",
        "shortcuts": "",
        "intermediate": [],
        "trained": [],
        "evaluate": [],
    }

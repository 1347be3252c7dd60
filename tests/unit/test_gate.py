"""The champion's gate, on simulated items whose true effects are known."""

import re

import pytest
from entrants import TASKS, entrant
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.registry.gate import FIRST, decide
from xstilts.study.gate import USUAL, Gate

CHAMPION = entrant("old", 0.5, noise=1)


def better(by: float):
    """A run that is better by so much on every task."""
    return entrant("new", 0.5 + by, noise=2)


def test_the_first_run_becomes_champion():
    decision = decide(better(0), None)
    assert (decision.promoted, decision.reason) == (True, FIRST)


def test_a_clear_gain_is_promoted_and_said_with_its_numbers():
    decision = decide(better(0.06), CHAMPION)
    assert decision.promoted
    pattern = (
        r"On common items its average is ([\d.]+) points higher \(95 % interval ([\d.]+) to "
        r"([\d.]+), over items and languages\), which clears the margin of 0\. No task falls by "
        r"more than 1 \(as measured\): the worst, \w+, is [\d.]+ points higher\."
    )
    found = re.fullmatch(pattern, decision.reason)
    assert found, decision.reason
    value, low, high = map(float, found.groups())
    assert 0 < low < value < high
    assert low < 6 < high
    assert [line.partition(":")[0] for line in decision.details] == list(TASKS)
    assert all("(1600 common items in 4 languages, seed 0)" in line for line in decision.details)


def test_noise_is_refused():
    few = {"tasks": TASKS[:1], "count": 100}
    champion = entrant("old", 0.5, noise=1, **few)
    decisions = [
        decide(entrant("new", 0.5, noise=noise, **few), champion) for noise in range(2, 42)
    ]
    promoted = sum(decision.promoted for decision in decisions)
    assert promoted <= 3  # one in forty is expected above the interval
    assert all("the margin of 0." in decision.reason for decision in decisions)


def test_the_interval_must_exceed_the_margin_whole():
    run = better(0.06)
    bold = entrant("new", 0.56, noise=2, gate={"margin": 50.0, "fall": 1.0})
    assert decide(run, CHAMPION).promoted
    decision = decide(bold, CHAMPION)
    assert not decision.promoted
    assert "does not clear the margin of 50." in decision.reason


def test_one_task_that_falls_is_enough_to_refuse():
    def accuracy(task, _language, _seed):
        return 0.44 if task == "panx" else 0.65

    decision = decide(entrant("new", accuracy, noise=2), CHAMPION)
    assert not decision.promoted
    assert "which clears the margin of 0. No task may fall by more than 1" in decision.reason
    assert re.search(r"but panx falls by [3-9]\.\d\d\.$", decision.reason)
    lenient = entrant("new", accuracy, noise=2, gate={"margin": 0.0, "fall": 20.0})
    assert decide(lenient, CHAMPION).promoted


def test_a_task_outside_the_average_may_not_fall_either():
    def accuracy(task, _language, _seed):
        return 0.4 if task == "xquad" else 0.6

    averaged = TASKS[:2]
    champion = entrant("old", 0.5, averaged=averaged, noise=1)
    decision = decide(entrant("new", accuracy, averaged=averaged, noise=2), champion)
    assert not decision.promoted
    assert "clears the margin" in decision.reason
    assert "but xquad falls by" in decision.reason
    assert "in no average" in decision.details[2]


def test_only_common_items_count():
    """The challenger's other items are all wrong; the common ones are better."""
    run = better(0.1)
    more = entrant("new", 0.6, noise=2, count=500)
    for task, seeds in more.items.items():
        for language, own in seeds[0].items():
            own.sums[:400] = run.items[task][0][language].sums
            own.sums[400:, 1] = 0
    assert decide(more, CHAMPION).reason == decide(run, CHAMPION).reason


def test_items_are_joined_by_id_in_any_order():
    run, shuffled = better(0.06), better(0.06)
    for seeds in shuffled.items.values():
        for language, own in seeds[0].items():
            seeds[0][language] = type(own)(own.ids[::-1], own.sums[::-1])
    expected, found = decide(run, CHAMPION), decide(shuffled, CHAMPION)
    assert found.details == expected.details
    assert found.promoted


def test_seeds_are_a_level():
    seeds = (0, 1, 2)
    champion = entrant("old", 0.5, seeds=seeds, noise=1)

    def unsteady(_task, _language, seed):
        return 0.5 + (0.0, 0.02, 0.3)[seed]

    steady = decide(entrant("new", 0.6, seeds=seeds, noise=2), champion)
    assert steady.promoted
    assert "over items, languages and seeds" in steady.reason
    assert not decide(entrant("new", unsteady, seeds=seeds, noise=2), champion).promoted


def test_of_different_seeds_the_common_ones_are_compared():
    champion = entrant("old", 0.5, seeds=(0, 1), noise=1)
    decision = decide(entrant("new", 0.6, seeds=(1, 2), noise=2), champion)
    assert decision.promoted
    assert decision.details[0].endswith("seed 1).")


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"benchmark": "xtreme-r"}, ["Its benchmark is xtreme-r, the champion's xtreme."]),
        ({"source": "world"}, ["Its data are from the world, the champion's from the hub."]),
        (
            {"tasks": ("xnli",)},
            ["It has no scores on panx and xquad, which the champion has."],
        ),
        (
            {"languages": ("en", "de", "zh")},
            [f"On {task} it lacks sw, in which the champion was scored." for task in TASKS],
        ),
        (
            {"metrics": dict.fromkeys(TASKS, "accuracy") | {"xnli": "entity_f1"}},
            ["On xnli its metric is entity_f1, the champion's accuracy."],
        ),
        (
            {"seeds": (7, 8)},
            [
                f"On {task} it has no seed in common with the champion (7 and 8; 0)."
                for task in TASKS
            ],
        ),
        (
            {"ids": lambda task, _: (f"{task != 'xnli' or 'other'} {n}" for n in range(400))},
            [
                f"On {task} it has too few items of the champion's test set (0 of 400 in en, 0 of "
                "400 in de, 0 of 400 in sw and 0 of 400 in zh; at least half are needed)."
                for task in TASKS
            ],
        ),
        (
            {"best": None, "missing": [{"model": "m", "recipe": "r", "target": "t", "seed": 0}]},
            ["None of its runs has an average: t of m, r (seed 0) is missing."],
        ),
    ],
    ids=["benchmark", "source", "tasks", "languages", "metric", "seeds", "items", "partial"],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(changes, reasons):
    decision = decide(entrant("new", 0.9, noise=2, **changes), CHAMPION)
    assert not decision.promoted
    assert decision.reason == " ".join(reasons)


def test_all_obstacles_are_told_at_once():
    decision = decide(entrant("new", tasks=("xnli",), benchmark="other"), CHAMPION)
    assert decision.reason == (
        "Its benchmark is other, the champion's xtreme. It has no scores on panx and xquad, which "
        "the champion has."
    )


def test_a_run_without_an_average_is_not_even_the_first_champion():
    missing = [{"model": "m", "recipe": "r", "target": "t", "seed": seed} for seed in range(5)]
    decision = decide(entrant("new", best=None, missing=missing), None)
    assert not decision.promoted
    assert decision.reason == (
        "None of its runs has an average: t of m, r (seed 0), t of m, r (seed 1), t of m, r (seed "
        "2) and 2 more are missing."
    )


def test_a_task_more_is_no_obstacle_and_is_said():
    champion = entrant("old", 0.5, tasks=TASKS[:2], noise=1)
    decision = decide(entrant("new", 0.6, noise=2), champion)
    assert decision.promoted
    assert decision.details[-1] == "Not compared: xquad, of which the champion has no scores."


def test_other_test_files_are_said():
    data = {"data": {"xnli": {"xnli/test/de.arrow": {"sha256": "1"}}}}
    other = {"data": {"xnli": {"xnli/test/de.arrow": {"sha256": "2"}}}}
    champion = entrant("old", 0.5, noise=1, provenance=data)
    same = decide(entrant("new", 0.6, noise=2, provenance=data), champion)
    decision = decide(entrant("new", 0.6, noise=2, provenance=other), champion)
    assert decision.details[:-1] == same.details
    assert decision.details[-1] == (
        "Test files of xnli differ from the champion's: their items were joined by id alone."
    )


@settings(max_examples=25)
@given(
    accuracy=st.floats(0.05, 0.95),
    noise=st.integers(0, 5),
    seeds=st.sampled_from([(0,), (0, 1), (0, 1, 2)]),
    gate=st.builds(Gate, st.floats(0, 100), st.floats(0, 100)),
)
def test_a_run_never_beats_itself(accuracy, noise, seeds, gate):
    own = {"margin": gate.margin, "fall": gate.fall}
    run = entrant("new", accuracy, seeds=seeds, noise=noise, count=30, gate=own)
    decision = decide(run, run)
    assert not decision.promoted
    assert "its average is unchanged (95 % interval 0.00 to 0.00" in decision.reason


def test_the_same_runs_give_the_same_numbers():
    assert decide(better(0.03), CHAMPION) == decide(better(0.03), CHAMPION)


def test_the_usual_gate_is_that_of_the_specification():
    assert Gate(margin=0.0, fall=1.0) == USUAL

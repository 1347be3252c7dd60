"""Averages over languages, tasks and groups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.evaluation.xtreme import benchmark_score
from xstilts.tasks.table import BENCHMARKS, TASKS, task_in

GROUPS = BENCHMARKS["xtreme"]
NAMES = [task for tasks in GROUPS.values() for task in tasks]
LANGUAGES = {task: TASKS[task].languages for task in NAMES}

# XLM-R large in Hu et al. 2020; QA as the mean of F1 and exact match.
XLMR = {
    "xnli": 79.2,
    "pawsx": 86.4,
    "udpos": 72.6,
    "panx": 65.4,
    "xquad": (76.6 + 60.8) / 2,
    "mlqa": (71.6 + 53.2) / 2,
    "tydiqa": (65.1 + 45.0) / 2,
    "bucc2018": 66.0,
    "tatoeba": 57.3,
}
VALUES = {task: dict.fromkeys(LANGUAGES[task], value) for task, value in XLMR.items()}


def test_the_published_row_of_xlmr() -> None:
    found = benchmark_score(VALUES, GROUPS, LANGUAGES)
    assert found.overall == pytest.approx(68.12, abs=0.005)
    assert found.tasks == pytest.approx(XLMR)
    assert found.groups["classification"] == pytest.approx((79.2 + 86.4) / 2)
    assert found.groups["retrieval"] == pytest.approx((66.0 + 57.3) / 2)
    assert found.missing == {}
    assert found.average_over_available == found.overall


def test_the_overall_score_is_not_the_mean_of_the_groups() -> None:
    found = benchmark_score(VALUES, GROUPS, LANGUAGES)
    of_groups = sum(score for score in found.groups.values() if score is not None) / 4
    assert found.overall != pytest.approx(of_groups, abs=0.5)


def test_a_missing_language_leaves_its_task_group_and_overall_without_score() -> None:
    values = VALUES | {"xnli": {lang: 50.0 for lang in LANGUAGES["xnli"] if lang not in "sw ur"}}
    found = benchmark_score(values, GROUPS, LANGUAGES)
    assert found.missing == {"xnli": ("sw", "ur")}
    assert found.tasks["xnli"] is None
    assert found.groups["classification"] is None
    assert found.groups["qa"] is not None
    assert found.overall is None
    assert found.task_averages_over_available["xnli"] == 50.0
    expected = (sum(XLMR.values()) - 79.2 + 50) / 9
    assert found.average_over_available == pytest.approx(expected)


def test_a_missing_task_is_named_with_all_its_languages() -> None:
    values = {task: scores for task, scores in VALUES.items() if task != "bucc2018"}
    found = benchmark_score(values, GROUPS, LANGUAGES)
    assert found.missing == {"bucc2018": LANGUAGES["bucc2018"]}
    assert found.overall is None
    assert "bucc2018" not in found.task_averages_over_available
    assert found.average_over_available == pytest.approx((sum(XLMR.values()) - 66) / 8)


def test_nothing_at_all_has_no_average() -> None:
    found = benchmark_score({}, GROUPS, LANGUAGES)
    assert found.overall is None
    assert found.average_over_available is None
    assert set(found.missing) == set(NAMES)


def test_a_total_of_xtreme_r_says_which_tasks_are_in_it() -> None:
    groups = BENCHMARKS["xtreme-r"]
    names = [task for tasks in groups.values() for task in tasks]
    languages = {task: task_in(task, "xtreme-r").languages for task in names}
    values = {t: dict.fromkeys(languages[t], score) for t, score in XLMR.items() if t in languages}
    values["xcopa"] = dict.fromkeys(languages["xcopa"], 50.0)
    values["panx"].pop("qu")
    found = benchmark_score(values, groups, languages)
    whole = ("xnli", "xcopa", "udpos", "xquad", "mlqa", "tydiqa", "tatoeba")
    assert found.total_of == whole
    # (79.2 + 50 + 72.6 + 68.7 + 62.4 + 55.05 + 57.3) / 7
    assert found.total == pytest.approx(63.6071, abs=1e-4)
    assert found.overall is None
    assert found.groups["classification"] == pytest.approx(64.6)
    assert found.groups["structured"] is None
    assert found.missing == {"panx": ("qu",)} | {
        task: languages[task] for task in ("lareqa", "mewslix")
    }


def test_the_total_of_all_tasks_is_the_overall_score() -> None:
    found = benchmark_score(VALUES, GROUPS, LANGUAGES)
    assert found.total == found.overall
    assert set(found.total_of) == set(NAMES)


def test_other_languages_and_tasks_are_left_out() -> None:
    values = VALUES | {"tatoeba": VALUES["tatoeba"] | {"en": 100.0}, "mnli": {"en": 1.0}}
    assert benchmark_score(values, GROUPS, LANGUAGES) == benchmark_score(VALUES, GROUPS, LANGUAGES)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=6))
def test_averages_stay_within_their_values(scores: list[float]) -> None:
    languages = {"a": [str(i) for i in range(len(scores))], "b": ["0"]}
    values = {"a": dict(zip(languages["a"], scores, strict=True)), "b": {"0": scores[0]}}
    found = benchmark_score(values, {"g": ("a",), "h": ("b",)}, languages)
    assert found.overall is not None
    assert min(scores) - 1e-9 <= found.overall <= max(scores) + 1e-9

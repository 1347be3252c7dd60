"""The first sentence answers what the study asks, as the numbers say."""

import re

import boards
import pytest
from boards import ONE_SEED
from hypothesis import given
from hypothesis import strategies as st

from xstilts.publish.words.answer import sentences

GAINS = "Against no intermediate training, on the average of one task: a gains 2.0 points "
GROUPS = "syntax (parsing and tagging)", "semantics (stsb and qqp)"


def _answered(asks, **changes):
    return sentences(boards.board(boards.summary(a=(1, 3)), asks=asks, **changes))


def _comparisons(*records, **changes):
    return _answered("comparisons", comparisons=list(records), **changes)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            boards.comparison(1, 3),
            f"{GROUPS[0]} scores 2.0 points higher than {GROUPS[1]} (95 % interval 1.0 to 3.0).",
        ),
        (
            boards.comparison(-4, -1),
            f"{GROUPS[0]} scores 2.5 points lower than {GROUPS[1]} (95 % interval −4.0 to −1.0).",
        ),
        (
            boards.comparison(-1, 2),
            f"there is no evidence that {GROUPS[0]} and {GROUPS[1]} differ (+0.5; 95 % interval "
            "−1.0 to 2.0).",
        ),
        (
            boards.comparison(0.1, 2.1, p_holm=0.06),
            f"there is no evidence that {GROUPS[0]} and {GROUPS[1]} differ (+1.1; 95 % interval "
            "0.1 to 2.1).",
        ),
    ],
    ids=["higher", "lower", "nothing", "not after Holm's correction"],
)
def test_comparisons_are_answered_first(record, expected):
    first, gains, *_ = _comparisons(record)
    assert first == f"On the average of one task: {expected}"
    assert gains.startswith(GAINS)


def test_a_group_tells_its_recipes_once_and_a_recipe_is_itself():
    found = _comparisons(
        boards.comparison(1, 3),
        boards.comparison(1, 3, model="n"),
        boards.comparison(-1, 3, sides=("stsb", "none")),
        boards.comparison(1, 3, sides=("stsb", "none"), model="n"),
    )
    assert found[0].startswith(f"On the average of one task: with m, {GROUPS[0]} scores ")
    assert "; with n, syntax scores 2.0 points higher than semantics (1.0 to 3.0)." in found[0]
    assert found[1] == (
        "With m, there is no evidence that stsb and no intermediate training differ (+1.0; 95 % "
        "interval −1.0 to 3.0); with n, stsb scores 2.0 points higher than no intermediate "
        "training (1.0 to 3.0)."
    )


def test_tasks_of_a_comparison_are_counted():
    ends = {"xnli": (1, 3), "panx": (2, 4), "snli": (5, 6)}  # snli is in no average
    tasks = [boards.comparison(*own, of=task) for task, own in ends.items()]
    others = [boards.comparison(-low, 9 - low, of=t, model="n") for t, (low, _) in ends.items()]
    total = boards.TOTAL | {"tasks": ["xnli", "panx"]}
    record = boards.record("a", boards.interval(1, 3))
    record["tasks"]["panx"] = record["tasks"]["xnli"]

    def first(*own):
        return sentences(boards.board([record], total, asks="comparisons", comparisons=own))[0]

    average = boards.comparison(1, 3)
    assert first(average, *tasks).endswith(
        "; of 2 tasks the first side is clearly higher on 2 and lower on none."
    )
    assert first(average, *tasks, *others).endswith(
        "; of 4 pairs of model and task the first side is clearly higher on 2 and lower on none."
    )


def test_of_many_comparisons_those_without_evidence_are_counted():
    unclear = [boards.comparison(-1 - n, 2, sides=(f"r{n}", "none")) for n in range(7)]
    found = _comparisons(boards.comparison(1, 3), *unclear)
    assert [text[:12] for text in found[:2]] == ["On the avera", "No evidence "]
    assert found[1] == (
        "No evidence of a difference in the 7 declared comparisons that remain (−2.5 to +0.5)."
    )


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((1, 3), "a does 2.0 points more for xlmr than for mt5 ("),
        ((-3, -1), "a does 2.0 points more for mt5 than for xlmr ("),
        ((-1, 1), "No evidence that models differ in what they gain from a ("),
        ((0.1, 3, "a", 0.06), "No evidence that models differ in what they gain from a ("),
    ],
)
def test_models_are_answered_first(ends, expected):
    first, gains, *_ = _answered("models", models=[boards.between(*ends)])
    assert first.startswith(expected)
    assert gains.startswith(GAINS)


def test_of_many_differences_between_models_the_largest_are_told():
    clear = [boards.between(n, n + 2, f"r{n}") for n in range(1, 9)]
    unclear = [boards.between(-n, 1, f"s{n}") for n in range(1, 8)]
    found = _answered("models", models=[*clear, *unclear])
    assert [text.split()[0] for text in found[:6]] == ["r8", "r7", "r6", "r5", "r4", "r3"]
    assert found[6:8] == [
        "2 more differences between models are clear (+2.0 to +3.0).",
        "No evidence that models differ in what they gain from s1, s2, s3, s4, s5, s6 or s7 (7 "
        "differences, −3.0 to 0.0).",
    ]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((1, 3), "a does 2.0 points more for Uralic languages than for others ("),
        ((-3, -1), "a does 2.0 points less for Uralic languages than for others ("),
        ((-1, 1), "No evidence that a single recipe's gain depends on the language"),
    ],
)
def test_languages_are_answered_first(ends, expected):
    first, gains, *_ = _answered("languages", languages=[boards.group("Uralic", *ends)])
    assert first.startswith(expected)
    assert gains.startswith(GAINS)


def test_of_many_groups_of_languages_the_largest_differences_are_told():
    found = _answered(
        "languages", languages=[boards.group("Uralic", n, n + 2) for n in range(1, 9)]
    )
    assert found[0].startswith("a does 9.0 points more for Uralic languages")
    assert found[6] == (
        "2 more differences between groups of languages are clear, of 8 (+2.0 to +3.0)."
    )


RANKS = {"none": 3.0, "a": 1.2, "b": 1.8}


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.01, "3 language families agree on a ranking (Kendall's W 0.81, p = 0.01)"),
        (
            0.2,
            "No evidence that 3 language families agree on a ranking of the recipes (Kendall's W "
            "0.81, p = 0.2)",
        ),
    ],
)
def test_the_ranking_by_family_is_answered_first_with_its_ranks(p, expected):
    kinds = [boards.ranking(by, p=p, w=0.81, **RANKS) for by in ("task", "family")]
    first, second, *others = _answered("ranking", hierarchy=kinds)
    assert first == f"{expected}; mean ranks: a 1.2, b 1.8, none 3.0."
    assert " 3 tasks agree" in f" {second}"
    warning = "Families judge the same training runs, and so agree more easily than p says."
    assert (warning in others) == (p <= 0.05)
    assert others[-2].startswith(GAINS)


def test_of_many_ranks_the_first_and_the_last_are_told():
    ranks = {f"r{place}": float(place) for place in range(1, 9)}
    first = _answered("ranking", hierarchy=[boards.ranking(p=0.01, **ranks)])[0]
    assert first.endswith("; mean ranks: r1 1.0, r2 2.0, r3 3.0, 4 between, r8 8.0.")


def test_of_many_recipes_those_that_change_nothing_are_counted():
    clear = {"a": (1, 3), "b": (4, 6), "c": (-5, -3)}
    unclear = {f"r{n}": (-1 - n, 2) for n in range(4)}
    first = sentences(boards.board(boards.summary(**clear, **unclear)))[0]
    assert first.startswith(
        "Against no intermediate training, on the average of one task: b gains 5.0 points, a 2.0, "
        "c loses 4.0 points, no evidence that any of the 4 others changes it (−1.0 to +0.5); of 7 "
    )
    first = sentences(boards.board(boards.summary(**unclear, s=(-1, 1), t=(-1, 1), u=(0, 1))))[0]
    assert ": no evidence that any of the 7 recipes changes it (−1.0 to +0.5); " in first
    alone = {f"r{n}": (1, 3) for n in range(6)} | {"u": (-1, 2)}
    assert (
        ", no evidence that u changes it (+0.5); "
        in sentences(boards.board(boards.summary(**alone)))[0]
    )


@pytest.mark.parametrize("asks", ["models", "comparisons", "languages", "ranking"])
def test_a_study_too_small_for_its_question_says_so(asks):
    first, gains, *others = _answered(asks)
    assert re.match(r"There is |The study declares no |No group of languages ", first)
    assert gains.startswith(GAINS)
    assert others == [ONE_SEED]


@pytest.mark.parametrize("asks", ["gains", "models", "comparisons", "languages", "ranking"])
def test_the_order_changes_and_nothing_is_left_out(asks):
    changes = {
        "models": [boards.between(1, 3)],
        "comparisons": [boards.comparison(1, 3)],
        "languages": [boards.group("Uralic", 1, 3)],
        "hierarchy": [boards.ranking(p=0.01)],
    }
    found, plain = _answered(asks, **changes), _answered("gains", **changes)
    assert sorted(found) == sorted(plain)
    assert [text for text in plain if text != found[0]] == found[1:]
    assert found[-1] == ONE_SEED


ENDS = st.tuples(st.floats(-20, 20), st.floats(0.1, 10), st.floats(0.0002, 1)).map(
    lambda own: (own[0], own[0] + own[1], own[2])
)
CLAIMS = {  # what is said of more and of less, and the statistics that say it
    "gains": ("a gains", "a loses", None),
    "comparisons": ("points higher", "points lower", boards.comparison(0, 0)),
    "models": ("more for xlmr than", "more for mt5 than", boards.between(0, 0)),
    "languages": ("more for Uralic", "less for Uralic", boards.group("Uralic", 0, 0)),
}


@pytest.mark.parametrize("asks", CLAIMS)
@given(ends=ENDS)
def test_what_is_claimed_agrees_with_the_interval(asks, ends):
    (low, high, p), (more, less, record) = ends, CLAIMS[asks]
    changes = {asks: [record | boards.interval(*ends)]} if record else {}
    first = sentences(boards.board(boards.summary(a=ends), asks=asks, **changes))[0]
    assert (more in first) == (low > 0 and p <= 0.05)
    assert (less in first) == (high < 0 and p <= 0.05)
    assert ("no evidence" in first.lower()) == (p > 0.05 or low <= 0 <= high)

"""Tables of what follows: what they claim, what they fold away, and how they read."""

import boards
from hypothesis import given
from hypothesis import strategies as st

from xstilts.publish.words.tables import tables
from xstilts.publish.words.wording import claimed

NONE = ("–", "")


def _tables(records=(), **changes):
    found = tables(boards.board(list(records), **changes))
    return {table.kind: table for own in found.values() for table in own}


def test_without_comparisons_there_are_no_tables():
    assert tables(boards.board([]) | {"statistics": None}) == {}


def test_what_has_no_rows_is_no_table():
    assert list(_tables()) == ["power"]
    assert [row.numbers for row in _tables()["power"].rows] == [(("1", ""), NONE, NONE)]


def test_a_difference_has_its_interval_below_it_and_p_beside_it():
    table = _tables(models=[boards.between(-3, -1), boards.between(-1, 3, "b")])["models"]
    assert [row.names for row in table.rows] == [("a", "xlmr", "mt5"), ("b", "xlmr", "mt5")]
    assert [row.numbers for row in table.rows] == [
        (("−2.0", "−3.0 to −1.0"), ("p = 0.001", "")),
        (("+1.0", "−1.0 to 3.0"), ("p = 0.4", "")),
    ]
    assert [row.direction for row in table.rows] == [-1, 0]


def test_the_model_is_named_where_there_are_several():
    record = boards.comparison(1, 3)
    assert _tables(comparisons=[record])["comparisons"].names == ("comparison", "on")
    notes = [boards.statistics()["power"][0] | {"model": model} for model in "mn"]
    table = _tables(comparisons=[record], power=notes)["comparisons"]
    assert table.names == ("comparison", "on", "model")
    assert table.rows[0].names == ("syntax less semantics", "average", "m")
    assert "syntax: the mean over parsing and tagging." in table.caption


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 5)), min_size=13, max_size=30))
def test_a_long_table_shows_all_that_is_claimed(ends):
    records = [boards.group("Uralic", low, low + width) for low, width in ends]
    table = _tables(languages=records)["languages"]
    assert len(table.rows) == sum(claimed(own) != 0 for own in records)
    assert all(row.direction for row in table.rows)
    assert len(table.rows) + len(table.folded) == len(records)


def test_averages_of_comparisons_are_never_folded():
    average = boards.comparison(-1, 1)
    tasks = [boards.comparison(-1, 1, of=f"t{n}") for n in range(12)]
    table = _tables(comparisons=[average, *tasks])["comparisons"]
    assert [row.names[1] for row in table.rows] == ["average"]
    assert len(table.folded) == 12


def test_languages_that_training_saw_are_named():
    table = _tables(languages=[boards.group("unseen", 1, 3, seen=("en", "de"))])["languages"]
    assert table.rows[0].names == ("a", "all but English and German")


def test_the_best_recipe_of_every_target_stands_with_its_gain():
    baseline = boards.record("none", None)
    baseline["tasks"]["panx"] = {"delta": None}
    own = boards.record("a", boards.interval(1, 3))
    best = boards.best(0.5, 1.5, xnli="a", panx="none")
    table = _tables([baseline, own], best=[best])["best"]
    assert [row.names for row in table.rows] == [("xnli", "a"), ("panx", "none"), ("mean of 2", "")]
    assert [row.numbers[0] for row in table.rows] == [
        ("+2.0", "1.0 to 3.0"),
        NONE,
        ("+1.0", "0.5 to 1.5"),
    ]


def test_similarity_has_a_correlation_and_a_difference():
    kin = boards.interval(-3, -1)
    table = _tables(similarity=[boards.similarity(0.2, 0.6, kin)])["similarity"]
    assert [row.names for row in table.rows] == [
        ("similar to its source (ρ, 8 languages)",),
        ("of its source’s family (points)",),
    ]
    assert [row.numbers[0] for row in table.rows] == [
        ("0.40", "0.20 to 0.60"),
        ("−2.0", "−3.0 to −1.0"),
    ]
    assert [row.direction for row in table.rows] == [1, -1]
    assert "similarity" not in _tables(similarity=[boards.similarity(None, None)])


def test_rankings_are_sorted_by_families_and_end_with_their_agreement():
    by_task = boards.ranking("task", none=1.0, a=2.0, b=3.0)
    by_family = boards.ranking("family", p=0.0001, w=0.9, none=3.0, a=1.0, b=2.0)
    table = _tables(hierarchy=[by_task, by_family])["ranking"]
    assert table.numbers == ("by task (3)", "by family (3)")
    assert [row.names for row in table.rows] == [("a",), ("b",), ("none",), ("Kendall’s W",)]
    assert table.rows[0].numbers == (("2.0", "2.0 to 2.0"), ("1.0", "1.0 to 1.0"))
    assert table.rows[-1].numbers == (("0.20", "p = 0.3"), ("0.90", "p < 0.001"))

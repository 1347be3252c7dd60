"""Everyday reasoning in the world: labels follow from meaning, and shortcuts tell nothing."""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.data.convert import convert
from xstilts.data.rows import SourceRows
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.tasks.table import TASKS
from xstilts.world import hub_rows
from xstilts.world.drawing import distinct
from xstilts.world.grammar import LANGUAGES, Clause
from xstilts.world.lexicon import REACTIONS, category, concepts
from xstilts.world.meanings import STATES, Teller, held_out, split_of
from xstilts.world.reasoning import (
    Problem,
    cause_or_effect,
    ending,
    feelings,
    kind_of_thing,
    reasons,
    rendered,
    stem,
)

seeds = st.integers(min_value=0, max_value=10**6)
MAKERS = (cause_or_effect, feelings, reasons, ending, kind_of_thing)
# task, config of the language in the hub, split that serves training and split that is tested
SETS = {
    "siqa": ("default", "train", "validation"),
    "copa": ("copa", "train", "validation"),
    "xcopa": ("tr", "validation", "test"),
    "cosmos_qa": ("default", "train", "validation"),
    "x_csqa": ("X-CSQA-en", "validation", "validation"),
    "xstory_cloze": ("en", "train", "eval"),
}


def _state(clause: Clause) -> str:
    """The state that a clause tells of, or that leads to what it tells of."""
    if clause.verb == "is":
        assert clause.complement
        return clause.complement
    return next(state for state, reaction in REACTIONS.items() if reaction == clause.verb)


@given(seeds)
def test_the_right_cause_or_effect_belongs_to_the_premise(seed):
    item = cause_or_effect(Teller(seed))
    premise = item.told[-1]
    fits = [_state(choice) == _state(premise) for choice in item.choices]
    assert fits.index(True) == item.label
    assert sum(fits) == 1
    assert all((choice.verb == "is") == (item.asked == "cause") for choice in item.choices)


@given(seeds)
def test_the_right_feeling_is_that_of_the_person_asked_about(seed):
    item = feelings(Teller(seed))
    told = {clause.subject: _state(clause) for clause in item.told[1:]}
    chosen = item.choices[item.label]
    right = told[item.about]
    assert chosen == (right if item.asked == "cause" else REACTIONS[right])
    other = next(state for who, state in told.items() if who != item.about)
    assert (other if item.asked == "cause" else REACTIONS[other]) in item.choices


@given(seeds)
def test_none_of_the_above_is_right_where_the_reason_is_missing(seed):
    item = reasons(Teller(seed))
    done = next(c for c in item.told[1:] if c.subject == item.about)
    shown = [None if choice is None else _state(choice) for choice in item.choices]
    assert len(set(shown)) == 4
    right = _state(done) if _state(done) in shown else None
    assert shown.index(right) == item.label


@given(seeds)
def test_only_the_right_ending_follows_from_the_story(seed):
    item = ending(Teller(seed))
    assert len(item.told) == 4
    follows = [any(_entails(told, end) for told in item.told) for end in item.choices]
    assert follows.index(True) == item.label
    assert sum(follows) == 1


def _entails(told: Clause, end: Clause) -> bool:
    if told.subject != end.subject:
        return False
    if end.object is None:
        return told.verb == "is" and REACTIONS[_state(told)] == end.verb
    thing = told.object is not None and concepts()[told.object.head].kind
    return told.verb == end.verb and thing == end.object.head


@given(seeds)
def test_the_right_kind_is_the_category_of_the_thing(seed):
    item = kind_of_thing(Teller(seed))
    thing = item.told[0].object.head
    kinds = [name if item.asked == "kind" else category(name) for name in item.choices]
    assert kinds.index(category(thing)) == item.label
    assert len(set(kinds)) == 5
    shown = concepts()[thing].form("en") in stem("en", item).replace("?", "").split()
    assert shown == (item.asked == "kind")


@given(seeds, st.sampled_from(MAKERS), st.sampled_from(sorted(LANGUAGES)))
def test_choices_differ_in_every_language(seed, make, language):
    item: Problem = make(Teller(seed))
    texts = [rendered(language, choice) for choice in item.choices if choice is not None]
    assert all(text.strip() for text in texts)
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("make", MAKERS)
def test_every_place_is_right_equally_often(make):
    teller = Teller(3)
    items = [make(teller) for _ in range(1200)]
    count = len(items[0].choices)
    for place in range(count):
        share = sum(item.label == place for item in items) / len(items)
        assert share == pytest.approx(1 / count, abs=0.05)


def test_what_explains_one_problem_is_wrong_in_another_equally_often():
    teller = Teller(5)
    right, shown = dict.fromkeys(STATES, 0), dict.fromkeys(STATES, 0)
    for _ in range(4000):
        item = reasons(teller)
        for place, choice in enumerate(item.choices):
            if choice is not None:
                shown[_state(choice)] += 1
                right[_state(choice)] += place == item.label
    for state in STATES:
        assert right[state] / shown[state] == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("make", MAKERS)
def test_splits_are_disjoint_in_meaning(make):
    meanings = {}
    for split in ("train", "dev", "test"):
        draw = partial(make, Teller(1))  # the same draws: only the meaning parts them
        found = [item.meaning() for item in distinct(draw, split, 60)]
        assert len(set(found)) == 60
        assert {split_of(meaning) for meaning in found} == {split}
        meanings[split] = set(found)
    assert not meanings["train"] & meanings["test"]


def _canonical(name: str, config: str, split: str, size: int) -> list[dict[str, Any]]:
    task = TASKS[name]
    rows, labels = hub_rows(task.source.hub, config, split, size, 0)
    source = SourceRows(
        rows=rows, numbers=range(size), where="w", labels=labels, columns=tuple(rows[0])
    )
    return convert(source, task, "en").rows


@pytest.mark.parametrize("name", sorted(SETS))
def test_no_shortcut_is_far_from_chance(name):
    config, train, test = SETS[name]
    size = 900 if train == test else 600
    fitted, tested = _canonical(name, config, train, size), _canonical(name, config, test, size)
    if train == test:  # slices of one split, as the record cuts it
        fitted, tested = fitted[:450], tested[450:]
    chance = 100 / TASKS[name].choices
    found = shortcuts(TASKS[name], fitted, {"en": tested})
    assert set(found) >= {"longest-choice", "word-overlap", "choice-only", "majority"}
    for baseline, scores in found.items():
        assert abs(scores["en"] - chance) < 7, baseline


@pytest.mark.parametrize(
    ("hub", "configs", "split"),
    [
        ("cambridgeltl/xcopa", sorted(LANGUAGES), "test"),
        ("juletxara/xstory_cloze", sorted(LANGUAGES), "eval"),
        ("INK-USC/xcsr", [f"X-CSQA-{code}" for code in sorted(LANGUAGES)], "validation"),
        ("INK-USC/xcsr", ["X-CSQA-jap", "X-CSQA-ja"], "validation"),
    ],
)
def test_rows_are_parallel_in_all_languages_of_the_world(hub, configs, split):
    labels = {"label", "answerKey", "answer_right_ending"}
    found = [hub_rows(hub, config, split, 25, 2)[0] for config in configs]
    [column] = labels & set(found[0][0])
    assert all([r[column] for r in rows] == [r[column] for r in found[0]] for rows in found)
    if "X-CSQA-jap" not in configs:
        assert len({str(rows[0]) for rows in found}) == len(configs) == 10


@pytest.mark.parametrize("name", ["siqa", "copa", "xcopa", "cosmos_qa"])
def test_columns_and_types_are_those_of_the_hub(name, shared):
    config, train, _ = SETS[name]
    file = shared / "hub" / TASKS[name].source.hub / config / f"{train}.parquet"
    real = pq.read_schema(file).remove_metadata()
    made = pa.Table.from_pylist(hub_rows(TASKS[name].source.hub, config, train, 3, 0)[0]).schema
    assert {f.name: _kind(f.type) for f in made} == {f.name: _kind(f.type) for f in real}


def _kind(type_: pa.DataType) -> str:
    return "int" if pa.types.is_integer(type_) else str(type_)


@pytest.mark.parametrize(
    ("hub", "config", "split", "test"),
    [
        ("aps/super_glue", "copa", "train", False),
        ("cambridgeltl/xcopa", "en", "test", True),
        ("juletxara/xstory_cloze", "en", "train", False),
        ("juletxara/xstory_cloze", "en", "eval", True),
    ],
)
def test_feelings_that_are_tested_do_not_occur_in_training(hub, config, split, test):
    columns = ("choice1", "choice2", "sentence_quiz1", "sentence_quiz2")
    rows = hub_rows(hub, config, split, 200, 0)[0]
    said = {
        word for row in rows for name in columns for word in row.get(name, "").strip(".").split()
    }
    for state, reaction in REACTIONS.items():
        if {concepts()[name].form("en") for name in (state, reaction)} & said:
            assert held_out(state) == test


def test_training_rows_of_copa_are_no_test_rows_of_xcopa():
    def premises(hub: str, config: str, split: str) -> set[str]:
        return {row["premise"] for row in hub_rows(hub, config, split, 400, 0)[0]}

    train = premises("aps/super_glue", "copa", "train")
    assert not train & premises("cambridgeltl/xcopa", "en", "test")

"""UAS and LAS as the CoNLL 2018 script defines them, the file of trees, and the shortcuts."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_trees import RELATIONS, tree_rows, tree_task

from xstilts.evaluation import conllu
from xstilts.evaluation.metrics import aggregate
from xstilts.evaluation.official import problems, read_predictions, write_predictions
from xstilts.evaluation.score import read_items, score, write_items
from xstilts.evaluation.shortcuts import shortcuts
from xstilts.tasks.table import TASKS
from xstilts.tasks.trees import best_tree

TASK = tree_task()


def _guess(rows, seed):
    """Trees of random arcs."""
    rng = np.random.default_rng(seed)
    trees = []
    for row in rows:
        size = len(row["tokens"])
        heads = best_tree(rng.normal(size=(size, size + 1)))
        trees.append([(h, RELATIONS[rng.integers(1, 6)] if h else "root") for h in heads])
    return trees


def _gold(rows):
    return [
        [(h, RELATIONS[r]) for h, r in zip(row["heads"], row["relations"], strict=True)]
        for row in rows
    ]


def test_a_hand_counted_example():
    row = {"id": "1", "tokens": ["a", "b", "c", "."], "heads": [2, 0, 2, 2]}
    row["relations"] = [RELATIONS.index(name) for name in ("nsubj", "root", "obj", "advmod")]
    found = [(2, "nsubj:pass"), (0, "root"), (1, "obj"), (2, "amod")]
    result = score(TASK, "en", [found], [row])
    # a: right, a subtype does not count; b: right; c: wrong head; the full stop counts too
    assert result.metrics == {"las": 50.0, "uas": 75.0}
    assert result.value == 50.0
    assert result.items == [{"id": "1", "correct": 0.5, "heads": 3, "arcs": 2, "words": 4}]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_scores_are_shares_of_words_over_the_whole_test_set(seed, count):
    rows = tree_rows(count, seed)
    found = _guess(rows, seed)
    result = score(TASK, "en", found, rows)
    arcs = list(zip(chain(*found), chain(*_gold(rows)), strict=True))
    assert result.metrics["uas"] == pytest.approx(100 * np.mean([a[0] == b[0] for a, b in arcs]))
    assert result.metrics["las"] == pytest.approx(100 * np.mean([a == b for a, b in arcs]))
    assert score(TASK, "en", _gold(rows), rows).value == 100.0
    counts = np.random.default_rng(seed).multinomial(count, np.ones(count) / count)
    again = [i for i, times in enumerate(counts) for _ in range(times)]
    drawn = score(TASK, "en", [found[i] for i in again], [rows[i] for i in again])
    assert aggregate("las", result.items, counts) == pytest.approx(drawn.value)


def test_items_survive_their_file(tmp_path):
    items = score(TASK, "en", _guess(tree_rows(4), 0), tree_rows(4)).items
    write_items(tmp_path / "items.parquet", {"en": items})
    assert read_items(tmp_path / "items.parquet") == {"en": items}


def test_too_few_heads_are_named():
    rows = tree_rows(2)
    with pytest.raises(ValueError, match="sentence 1: 1 predicted heads"):
        score(TASK, "en", [_gold(rows)[0], [(0, "root")]], rows)
    with pytest.raises(ValueError, match="sentence 1: 1 predicted heads"):
        conllu.write_trees("trees", [_gold(rows)[0], [(0, "root")]], rows)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_trees_survive_their_file(seed, count):
    rows = tree_rows(count, seed)
    text = conllu.write_trees("trees", _guess(rows, seed), rows)
    assert conllu.read_trees(text) == _guess(rows, seed)
    assert list(conllu.problems(text, rows)) == []
    assert text.count("\n\n") == count


def test_the_file_is_conllu():
    row = {"id": "s1", "tokens": ["20 000", "men", "#"], "heads": [2, 0, 2], "relations": [1, 0, 5]}
    assert conllu.write_trees("trees", _gold([row]), [row]) == (
        "# sent_id = s1\n"
        "1\t20 000\t_\t_\t_\t_\t2\tdet\t_\t_\n"
        "2\tmen\t_\t_\t_\t_\t0\troot\t_\t_\n"
        "3\t#\t_\t_\t_\t_\t2\tadvmod\t_\t_\n"
        "\n"
    )


def test_a_submission_of_trees_is_checked(tmp_path):
    task, rows = TASKS["udparse"], tree_rows(3)
    trees = _gold(rows)
    path = write_predictions(tmp_path / "udparse", task, "en", trees, rows)
    assert path.name == "test-en.conllu"
    assert read_predictions(tmp_path / "udparse", task, "en", rows) == trees
    assert problems(tmp_path, {"udparse": ["en"]}, lambda *_: rows) == []
    assert "3 sentences for 2" in problems(tmp_path, {"udparse": ["en"]}, lambda *_: rows[:2])[0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\t0\troot", "\t1\troot", "0 roots instead of 1"),
        ("1\t", "7\t", "no line of ten columns that starts with 1"),
        ("\t0\troot", "\tx\troot", "has the head 'x'"),
        ("\t0\troot", "\t99\troot", "has the head '99'"),
        ("\t_\t_\n\n", "\t_\t_\n", "does not end with a blank line"),
    ],
)
def test_damage_to_the_file_is_found(old, new, said):
    rows = tree_rows(1)
    text = conllu.write_trees("trees", _gold(rows), rows).replace(old, new, 1)
    assert any(said in problem for problem in conllu.problems(text, rows))


def _chain(words, step):
    """Every word hangs on its neighbour before (-1) or behind (1) it."""
    size = len(words)
    heads = list(range(size)) if step < 0 else [*range(2, size + 1), 0]
    relations = [2 if head else 0 for head in heads]
    return {"id": "0", "tokens": words, "heads": heads, "relations": relations}


@pytest.mark.parametrize(("step", "name"), [(-1, "previous-word"), (1, "next-word")])
def test_chains_are_found_by_the_shortcut_that_looks_there(step, name):
    train = [_chain(list("abcdef"), step), _chain(list("fedcba"), step)]
    test = [_chain(list("xyz"), step)]
    found = shortcuts(TASK, train, {"sw": test})
    assert found[name]["sw"] == 100.0
    other = {"previous-word", "next-word"} - {name}
    assert found[other.pop()]["sw"] < 50


def test_word_memory_knows_words_of_training_only():
    train = [{"id": "0", "tokens": ["a", "b"], "heads": [2, 0], "relations": [2, 0]}] * 3
    same = [{"id": "0", "tokens": ["a", "b"], "heads": [2, 0], "relations": [2, 0]}]
    other = [{"id": "0", "tokens": ["x", "y"], "heads": [2, 0], "relations": [2, 0]}]
    found = shortcuts(TASK, train, {"en": same, "de": other})
    assert found["word-memory"] == {"en": 100.0, "de": 50.0}
    assert found["word-memory-and-place"] == {"en": 100.0, "de": 100.0}

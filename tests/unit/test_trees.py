"""The best tree is a tree, has one root, and no other tree has a higher score."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.tasks.trees import best_tree, find_cycle


def _reaches_the_root(heads: list[int]) -> bool:
    """Whether every word gets to 0 by at most as many steps as there are words."""
    for word in range(1, len(heads) + 1):
        for _ in heads:
            word = heads[word - 1] if word else 0
        if word:
            return False
    return True


def _trees(words: int) -> list[list[int]]:
    """All trees of so many words with one root, by trying everything."""
    tried = (list(heads) for heads in product(range(words + 1), repeat=words))
    return [heads for heads in tried if heads.count(0) == 1 and _reaches_the_root(heads)]


TREES = {words: _trees(words) for words in range(1, 6)}


def _total(scores: np.ndarray, heads: list[int]) -> float:
    return float(sum(scores[word, head] for word, head in enumerate(heads)))


def _scores(seed: int, words: int, *, round_to: int | None = None) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(0, 5, (words, words + 1))
    return scores if round_to is None else np.round(scores, round_to)


def test_there_are_as_many_trees_as_cayley_says():
    # n words: n choices of the root, times n^(n - 2) trees over the words
    assert [len(TREES[n]) for n in range(1, 6)] == [1, 2, 9, 64, 625]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([None, 0]))
def test_no_tree_with_one_root_beats_the_one_found(seed, words, round_to):
    scores = _scores(seed, words, round_to=round_to)  # rounded ones have ties
    found = best_tree(scores)
    assert found in TREES[words]
    best = max(_total(scores, heads) for heads in TREES[words])
    assert _total(scores, found) == pytest.approx(best)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([0.0, 30.0, 1e4]))
def test_long_sentences_are_trees_with_one_root_even_when_all_words_want_to_be_it(
    seed, words, pull
):
    scores = _scores(seed, words)
    scores[:, 0] += pull
    heads = best_tree(scores)
    assert heads.count(0) == 1
    assert _reaches_the_root(heads)


def test_a_tree_that_every_word_wants_is_taken():
    heads = [2, 0, 5, 5, 2]
    assert best_tree(np.eye(6)[heads]) == heads


def test_what_stands_for_a_word_as_its_own_head_is_not_read():
    scores = _scores(1, 6)
    before = best_tree(scores)
    scores[np.arange(6), np.arange(1, 7)] = np.nan
    assert best_tree(scores) == before


def test_single_word_is_the_root():
    assert best_tree(np.zeros((1, 2))) == [0]


def test_scores_that_are_no_numbers_are_refused():
    scores = _scores(1, 3)
    scores[0, 2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        best_tree(scores)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 8).flatmap(lambda n: st.lists(st.integers(0, n), min_size=n, max_size=n)))
def test_a_cycle_is_found_exactly_where_a_word_does_not_reach_the_root(heads):
    cycle = find_cycle([0, *heads])
    assert bool(cycle) != _reaches_the_root(heads)
    following = [*cycle[1:], *cycle[:1]]
    assert [heads[word - 1] for word in cycle] == following

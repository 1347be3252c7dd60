"""Nearest neighbours and ranking measures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from xstilts.evaluation import retrieval
from xstilts.evaluation.retrieval import (
    average_precision,
    mean_reciprocal_rank,
    nearest,
    normalised,
    tatoeba_predictions,
)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "facts" / "metric_vectors.json").read_text(encoding="utf-8"))


def test_tatoeba_matches_the_official_vectors(vectors: dict[str, Any]) -> None:
    case = vectors["tatoeba"]
    found = tatoeba_predictions(np.array(case["src"]), np.array(case["trg_queries"]))
    assert found == case["pred"]


def test_average_precision_matches_the_official_vectors(vectors: dict[str, Any]) -> None:
    assert vectors["lareqa_ap"]
    for case in vectors["lareqa_ap"]:
        found = average_precision(case["targets"], case["ranked"], case["k"])
        assert found == pytest.approx(case["ap"])


def test_reciprocal_rank_matches_the_official_vectors(vectors: dict[str, Any]) -> None:
    assert vectors["mewslix_mrr"]
    for case in vectors["mewslix_mrr"]:
        assert mean_reciprocal_rank(case["gold"], case["pred"]) == pytest.approx(case["mrr"])


@given(st.lists(st.integers(0, 30), unique=True), st.integers(0, 30))
def test_with_one_target_average_precision_is_the_reciprocal_rank(
    ranked: list[int], target: int
) -> None:
    names = [str(i) for i in ranked]
    expected = mean_reciprocal_rank({"q": [str(target)]}, {"q": names})
    assert average_precision([str(target)], names) == pytest.approx(expected)


def test_english_sentences_are_the_queries() -> None:
    foreign = np.array([[1.0, 0.0], [0.0, 1.0]])
    english = np.array([[0.1, 2.0], [0.2, 3.0], [5.0, 0.0]])
    assert tatoeba_predictions(foreign, english) == [1, 1, 0]


def test_norms_do_not_matter_and_zero_vectors_are_allowed() -> None:
    points = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert normalised(points) == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0]]))
    assert points[0, 0] == 3.0


@pytest.mark.parametrize("block_elements", [1, 7, 1 << 20])
@pytest.mark.parametrize("wrap", [np.asarray, csr_matrix])
def test_blocks_and_sparse_vectors_change_nothing(
    monkeypatch: pytest.MonkeyPatch, block_elements: int, wrap: Any
) -> None:
    rng = np.random.default_rng(0)
    queries, index = normalised(rng.normal(size=(9, 4))), normalised(rng.normal(size=(5, 4)))
    monkeypatch.setattr(retrieval, "_BLOCK_ELEMENTS", block_elements)
    found = nearest(wrap(queries), wrap(index))
    assert found.tolist() == (queries @ index.T).argmax(axis=1).tolist()

"""Mining of translation pairs."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.evaluation import retrieval
from xstilts.evaluation.mining import (
    best_threshold,
    candidates,
    extract,
    gold_pairs,
    mine,
    mine_indices,
)
from xstilts.evaluation.retrieval import normalised


@pytest.fixture(scope="module")
def bucc(shared: Path) -> dict[str, Any]:
    vectors = json.loads((shared / "facts" / "metric_vectors.json").read_text(encoding="utf-8"))
    return vectors["bucc"]


def _rows(foreign: list[str], english: list[str], pairs: dict[str, str]) -> list[dict[str, str]]:
    """Mining rows with ids s0.. and t0..; `pairs` maps foreign ids to English ones."""
    partner = pairs | {english_id: foreign_id for foreign_id, english_id in pairs.items()}
    sides = (("foreign", "s", foreign), ("english", "t", english))
    return [
        {"id": f"{letter}{i}", "side": side, "text": text, "pair": partner.get(f"{letter}{i}", "")}
        for side, letter, texts in sides
        for i, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def official(bucc: dict[str, Any]) -> tuple[list[dict[str, str]], np.ndarray]:
    sizes = len(bucc["src"]), len(bucc["trg"])
    texts = [[f"{side} {i}" for i in range(n)] for side, n in zip("fe", sizes, strict=True)]
    pairs = dict(line.split("\t") for line in bucc["gold"])
    return _rows(*texts, pairs), np.array(bucc["src"] + bucc["trg"])


def test_candidates_match_the_official_vectors(
    bucc: dict[str, Any], official: tuple[list[dict[str, str]], np.ndarray]
) -> None:
    rows, vectors = official
    found = candidates(rows, normalised(vectors))
    assert [list(pair) for _, *pair in found] == [pair for _, *pair in bucc["candidates"]]
    assert [s for s, *_ in found] == pytest.approx([s for s, *_ in bucc["candidates"]], rel=1e-5)


def test_threshold_and_pairs_match_the_official_vectors(
    bucc: dict[str, Any], official: tuple[list[dict[str, str]], np.ndarray]
) -> None:
    rows, vectors = official
    pairs, threshold = mine(rows, vectors, rows, vectors)
    assert threshold == pytest.approx(bucc["best_threshold"], rel=1e-5)
    assert [f"{a}\t{b}" for a, b in pairs] == bucc["extracted"]
    assert gold_pairs(rows) == {tuple(line.split("\t")) for line in bucc["gold"]}


@pytest.mark.parametrize("block_elements", [1, 40])
def test_blocks_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
    block_elements: int,
    official: tuple[list[dict[str, str]], np.ndarray],
) -> None:
    rows, vectors = official
    whole = candidates(rows, normalised(vectors))
    monkeypatch.setattr(retrieval, "_BLOCK_ELEMENTS", block_elements)
    blockwise = candidates(rows, normalised(vectors))
    assert [pair for _, *pair in blockwise] == [pair for _, *pair in whole]
    assert [s for s, *_ in blockwise] == pytest.approx([s for s, *_ in whole])


def test_noisy_translations_are_found_in_any_order() -> None:
    rng = np.random.default_rng(1)
    english = rng.normal(size=(200, 16))
    order = rng.permutation(200)
    foreign = english[order] + 0.1 * rng.normal(size=(200, 16))
    mined = mine_indices(normalised(foreign), normalised(english))
    assert {(a, b) for _, a, b in mined} >= {(i, int(j)) for i, j in enumerate(order)}
    assert [s for s, *_ in mined] == sorted((s for s, *_ in mined), reverse=True)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000))
def test_every_sentence_is_in_one_pair_at_most(sources: int, targets: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mined = mine_indices(
        normalised(rng.normal(size=(sources, 4))), normalised(rng.normal(size=(targets, 4)))
    )
    assert len({a for _, a, _ in mined}) == len({b for _, _, b in mined}) == len(mined)
    assert all(score > 0 for score, *_ in mined)


def test_repeated_sentences_are_mined_once_and_have_no_id() -> None:
    rows = _rows(["gleich", "gleich ", "anders"], ["same", "other"], {"s2": "t1"})
    vectors = normalised(np.array([[1, 0], [1, 0], [0, 1], [1, 0.1], [0.1, 1]]))
    assert [pair for _, *pair in candidates(rows, vectors)] == [["s2", "t1"]]


def test_a_side_without_sentences_has_no_candidates() -> None:
    rows = _rows(["nur"], [], {})
    assert candidates(rows, np.ones((1, 2))) == []


def test_vectors_without_any_similarity_give_no_pairs() -> None:
    assert mine_indices(np.zeros((2, 3)), np.zeros((2, 3))) == []


@pytest.mark.parametrize(
    ("gold", "threshold"),
    [
        ({("a", "x")}, 2.5),  # between the first score and the second
        ({("a", "x"), ("b", "y")}, 1.5),
        ({("a", "x"), ("b", "y"), ("c", "z")}, 1.0),  # all are taken: the last score
        ({("q", "q")}, 0.0),
        (set(), 0.0),
    ],
)
def test_threshold_by_hand(gold: set[tuple[str, str]], threshold: float) -> None:
    found = [(1.0, "c", "z"), (3.0, "a", "x"), (2.0, "b", "y")]
    assert best_threshold(found, gold) == threshold


@given(st.integers(0, 10_000))
def test_no_other_threshold_has_a_better_f1(seed: int) -> None:
    rng = random.Random(seed)
    found = [(rng.uniform(0.5, 2), f"s{i}", f"t{i}") for i in range(10)]
    gold = {(f"s{i}", f"t{i}") for i in range(12) if rng.random() < 0.4}

    def f1(threshold: float) -> float:
        pairs = set(extract(found, threshold))
        return 2 * len(pairs & gold) / max(1, len(pairs) + len(gold))

    best = f1(best_threshold(found, gold))
    assert all(best >= f1(score) - 1e-12 for score, *_ in found)

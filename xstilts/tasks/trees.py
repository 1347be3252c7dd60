"""The best dependency tree for given arc scores: Chu-Liu/Edmonds, with exactly one root.

Written out here because scipy has no maximum arborescence, and networkx's, edge by edge in
Python, took 40 times as long on a sentence of 50 words.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Heads = NDArray[np.int64]


def best_tree(scores: NDArray[np.floating]) -> list[int]:
    """Heads of the words in the tree whose arcs have the highest sum of scores.

    `scores[i, j]` is the score of word i + 1 having word j as its head, or the root where j is
    0; what stands for a word as its own head is not read. Of all trees with exactly one word
    below the root the result is the best (of equally good ones, any). Raises `ValueError` for
    scores that are not finite numbers.
    """
    words = len(scores)
    square = np.full((words + 1, words + 1), -np.inf)
    square[1:] = scores
    np.fill_diagonal(square, -np.inf)
    real = square[1:][~np.eye(words, words + 1, k=1, dtype=bool)]
    if not np.isfinite(real).all():
        raise ValueError("arc scores must be finite numbers")
    # Any tree with a second root loses more than the other arcs of any tree can win.
    square[1:, 0] -= 1.0 + words * (real.max() - real.min())
    return [int(head) for head in _arborescence(square)[1:]]


def _arborescence(scores: Scores) -> Heads:
    """Best heads of all nodes below node 0; `scores[dependent, head]`, -inf where impossible."""
    heads = scores.argmax(axis=1)
    heads[0] = 0
    cycle = find_cycle(heads.tolist())
    if not cycle:
        return heads
    inside = np.array(cycle)
    outside = np.setdiff1d(np.arange(len(heads)), inside)
    # The cycle becomes one node. An arc into it replaces the arc that its target had there.
    entering = scores[np.ix_(inside, outside)] - scores[inside, heads[inside]][:, None]
    leaving = scores[np.ix_(outside, inside)]
    small = np.full((len(outside) + 1, len(outside) + 1), -np.inf)
    small[:-1, :-1] = scores[np.ix_(outside, outside)]
    small[-1, :-1], small[:-1, -1] = entering.max(axis=0), leaving.max(axis=1)
    found = _arborescence(small)
    for place, node in enumerate(outside):
        from_cycle = found[place] == len(outside)
        heads[node] = inside[leaving[place].argmax()] if from_cycle else outside[found[place]]
    heads[inside[entering[:, found[-1]].argmax()]] = outside[found[-1]]
    return heads


def find_cycle(heads: list[int]) -> list[int]:
    """The nodes of one cycle, or nothing; `heads[i]` is the head of node i, node 0 the root."""
    state = [0] * len(heads)  # number of the walk that came by; -1: known to reach the root
    state[0] = -1
    for start in range(1, len(heads)):
        walk, node = [], start
        while not state[node]:
            state[node] = start
            walk.append(node)
            node = heads[node]
        if state[node] == start:
            return walk[walk.index(node) :]
        for seen in walk:
            state[seen] = -1
    return []

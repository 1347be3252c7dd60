"""Which examples make up the batch of each step.

A batch has a budget of sub-words, about the nominal batch size times the mean length, and
holds inputs of similar length. Everything follows from the seed; how many processes share the
work changes nothing in it.
"""

from collections.abc import Iterator
from itertools import chain, count
from typing import NamedTuple
from zlib import crc32

import numpy as np

from xstilts.tasks.packing import pack

BUCKET = 50  # batches whose examples are sorted by length together
MIXTURE_CAP = 2**17  # K of Phang et al. 2020, section 3.1


class Batch(NamedTuple):
    """The examples of one optimizer step: indices into the features of one task."""

    task: str
    indices: np.ndarray


def epoch_batches(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int, stream: str = ""
) -> list[np.ndarray]:
    """All examples exactly once, in about `len(lengths) / batch_size` shuffled batches.

    The examples are shuffled, sorted by length within buckets of 50 batches, and cut by
    the token budget. Within a batch they are sorted.
    """
    rng = np.random.default_rng((seed, epoch, crc32(stream.encode())))
    order, budget = rng.permutation(len(lengths)), token_budget(lengths, batch_size)
    batches: list[np.ndarray] = []
    for first in range(0, len(order), BUCKET * batch_size):
        bucket = order[first : first + BUCKET * batch_size]
        ordered = bucket[np.argsort(lengths[bucket], kind="stable")]
        batches.extend(pack(ordered, lengths, budget))
    return [batches[i] for i in rng.permutation(len(batches))]


def token_budget(lengths: np.ndarray, batch_size: int) -> float:
    """Padded sub-words of a batch that holds `batch_size` examples on average.

    The half makes up for the part of an example that no longer fits.
    """
    return (batch_size + 0.5) * float(lengths.mean())


def schedule(
    lengths: dict[str, np.ndarray],
    batch_size: int,
    epochs: float,
    seed: int,
    max_steps: int | None = None,
) -> list[Batch]:
    """The batches of a whole run.

    One task: `epochs` times all its examples. Several: at each step task m is drawn with
    probability min(e_m, K) / sum of those, where e_m is its number of examples and
    K = 2^17, for as many steps as `epochs` of the capped tasks have batches.
    """
    names = list(lengths)
    sizes = np.array([len(lengths[name]) for name in names])
    weights = np.minimum(sizes, MIXTURE_CAP) if len(names) > 1 else sizes
    steps = sum(
        _steps(lengths[name], batch_size, epochs, seed, name) * weight / size
        for name, weight, size in zip(names, weights, sizes, strict=True)
    )
    total = max(1, round(steps))
    total = total if max_steps is None else min(total, max_steps)
    rng = np.random.default_rng((seed, len(names)))
    drawn = rng.choice(len(names), size=total, p=weights / weights.sum())
    streams = [_stream(lengths[name], batch_size, seed, name) for name in names]
    return [Batch(names[task], next(streams[task])) for task in drawn]


def _steps(lengths: np.ndarray, batch_size: int, epochs: float, seed: int, name: str) -> float:
    whole, part = divmod(epochs, 1)
    numbers = range(int(whole) + (part > 0))
    counts = [len(epoch_batches(lengths, batch_size, seed, epoch, name)) for epoch in numbers]
    return sum(counts[: int(whole)]) + part * counts[-1]


def _stream(lengths: np.ndarray, batch_size: int, seed: int, name: str) -> Iterator[np.ndarray]:
    epochs = (epoch_batches(lengths, batch_size, seed, epoch, name) for epoch in count())
    return chain.from_iterable(epochs)


def shares(indices: np.ndarray, parts: int) -> list[np.ndarray]:
    """A batch dealt out to `parts` micro-batches of nearly equal size and lengths.

    With fewer examples than parts, the last parts are empty.
    """
    return [indices[part::parts] for part in range(parts)]

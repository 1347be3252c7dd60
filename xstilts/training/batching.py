"""Which examples make up the batch of each step.

A batch has a budget of sub-words, about the nominal batch size times the mean length, and
holds inputs of similar length. Everything follows from the seed; how many processes share the
work changes nothing in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple
from zlib import crc32

import numpy as np

from xstilts.tasks.packing import pack

BUCKET = 50  # batches whose examples are sorted by length together
MIXTURE_CAP = 2**17  # K of Phang et al. 2020, section 3.1


@dataclass(frozen=True)
class Part:
    """One task of a run, as its batches see it."""

    lengths: np.ndarray  # sub-words of each feature
    batch_size: int  # features of one batch, on average
    examples: int  # rows that the features were made from: a long row has several


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


def mixture(examples: Mapping[str, int]) -> dict[str, float]:
    """The chance of each task, given their numbers of examples, to make the next batch.

    min(e_m, K) / sum of those, with K = 2^17 (Phang et al. 2020, section 3.1).
    """
    sizes = np.minimum(list(examples.values()), MIXTURE_CAP)
    return dict(zip(examples, (sizes / sizes.sum()).tolist(), strict=True))


def schedule(
    parts: Mapping[str, Part], epochs: float, seed: int, max_steps: int | None = None
) -> list[Batch]:
    """The batches of a whole run, each of one task and of that task's size.

    One task: `epochs` times all its examples. Several: at each step a task is drawn by its
    chance in `mixture`, for as many steps as `epochs` of the capped tasks have batches.
    """
    names = list(parts)
    chances = mixture({name: part.examples for name, part in parts.items()})
    cap = MIXTURE_CAP if len(names) > 1 else None
    steps = sum(_steps(part, epochs, seed, name, cap) for name, part in parts.items())
    total = max(1, round(steps))
    total = total if max_steps is None else min(total, max_steps)
    rng = np.random.default_rng((seed, len(names)))
    drawn = rng.choice(len(names), size=total, p=list(chances.values()))
    streams = [_stream(part, seed, name) for name, part in parts.items()]
    return [Batch(names[task], next(streams[task])) for task in drawn]


def _steps(part: Part, epochs: float, seed: int, name: str, cap: int | None) -> float:
    """Batches of `epochs`, of which at most `cap` examples each count."""
    whole, part_of_one = divmod(epochs, 1)
    numbers = range(int(whole) + (part_of_one > 0))
    counts = [
        len(epoch_batches(part.lengths, part.batch_size, seed, epoch, name)) for epoch in numbers
    ]
    counted = min(part.examples, cap or part.examples)
    return (sum(counts[: int(whole)]) + part_of_one * counts[-1]) * counted / part.examples


def _stream(part: Part, seed: int, name: str) -> Iterator[np.ndarray]:
    epochs = (epoch_batches(part.lengths, part.batch_size, seed, epoch, name) for epoch in count())
    return chain.from_iterable(epochs)


def shares(indices: np.ndarray, parts: int) -> list[np.ndarray]:
    """A batch dealt out to `parts` micro-batches of nearly equal size and lengths.

    With fewer examples than parts, the last parts are empty.
    """
    return [indices[part::parts] for part in range(parts)]


def largest_share(parts: Mapping[str, Part], batches: list[Batch], into: int) -> float:
    """Padded sub-words of the largest micro-batch, when every batch is dealt out to `into`."""
    sizes = (
        int(np.ceil(len(indices) / into)) * parts[task].lengths[indices].max()
        for task, indices in batches
    )
    return float(max(sizes))

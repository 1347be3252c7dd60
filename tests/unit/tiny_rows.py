"""Canonical rows of every format, with a rule that a small model can learn."""

import itertools
import random
from typing import Any

from tiny_models import WORDS

ANIMALS, COLOURS = ("cat", "dog", "bird", "fish"), ("red", "green", "blue")
Rows = list[dict[str, Any]]


def _sentence(rng: random.Random, size: int) -> list[str]:
    return [rng.choice(WORDS) for _ in range(size)]


def pair_rows(count: int, seed: int = 0) -> Rows:
    """Label 1 when the second text is about the animal of the first."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        animal, other = rng.sample(ANIMALS, 2)
        label = i % 2
        first = ["the", animal, *rng.choices(("sees", "likes", "big", "old"), k=rng.randint(1, 6))]
        rows.append(
            {
                "id": str(i),
                "text_a": " ".join(first),
                "text_b": f"the {animal if label else other}",
                "label": label,
            }
        )
    return rows


def tag_rows(count: int, seed: int = 0) -> Rows:
    """Every `house` is B-LOC and every `garden` I-LOC."""
    rng, rows = random.Random(seed), []
    tags = {"house": 1, "garden": 2}
    for i in range(count):
        tokens = _sentence(rng, rng.randint(3, 12))
        rows.append({"id": str(i), "tokens": tokens, "tags": [tags.get(t, 0) for t in tokens]})
    return rows


def span_rows(count: int, seed: int = 0) -> Rows:
    """The answer is the colour, with `big` before it when the question says so."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        before = rng.choices(("the", "cat", "sees", "likes", "old"), k=rng.randint(1, 20))
        colour = rng.choice(COLOURS)
        context = " ".join([*before, "big", colour, "house"])
        answer = f"big {colour}" if i % 2 else colour
        question = "what big" if i % 2 else "what"
        start = context.index(answer)
        rows.append(
            {
                "id": str(i),
                "context": context,
                "question": question,
                "answers": [{"text": answer, "start": start}],
            }
        )
    return rows


def choice_rows(count: int, seed: int = 0) -> Rows:
    """The right choice names the prompt's animal."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        animals = rng.sample(ANIMALS, 3)
        label = i % 3
        rows.append(
            {
                "id": str(i),
                "prompt": f"who sees the {animals[label]}",
                "choices": [f"the {animal}" for animal in animals],
                "label": label,
            }
        )
    return rows


def text_rows(count: int, seed: int = 0) -> Rows:
    """Sentences with one word order and few words."""
    rng, rows = random.Random(seed), []
    for i in range(count):
        animal, colour = rng.choice(ANIMALS), rng.choice(COLOURS)
        rows.append({"id": str(i), "text": f"the {colour} {animal} sees the old house" * 2})
    return rows


def answer_rows(count: int, seed: int = 0) -> Rows:
    """A context of three sentences; the question repeats the words of one."""
    rng, rows = random.Random(seed), []
    kinds = (ANIMALS, COLOURS, ("big", "old"), ("house", "garden"), ("sees", "likes"))
    for i in range(count):
        words = [[rng.choice(kind) for kind in kinds] for _ in range(3)]
        told = [f"the {a} {b} {c} {d} {e}." for a, b, c, d, e in words]
        starts = [sum(len(t) + 1 for t in told[:n]) for n in range(3)]
        asked = i % 3
        rows.append(
            {
                "id": str(i),
                "context": " ".join(told),
                "question": "who " + " ".join(words[asked]),
                "answers": [{"text": words[asked][0], "start": starts[asked] + 4}],
                "sentences": [
                    {"start": s, "end": s + len(t)} for s, t in zip(starts, told, strict=True)
                ],
            }
        )
    return rows


def entity_rows(count: int, seed: int = 0) -> Rows:
    """Sentences about an animal whose description repeats their words; 48 entities per parity."""
    rng, rows = random.Random(seed), []
    kinds = (ANIMALS, COLOURS, ("big", "old"), ("house", "garden"), ("sees", "likes"))
    combinations = list(itertools.product(*kinds))[seed % 2 :: 2]
    for i in range(count):
        number = rng.randrange(len(combinations))
        animal, *others = combinations[number]
        rows.append(
            {
                "id": str(i),
                "left": "the",
                "mention": animal,
                "right": " ".join(others),
                "entity": f"Q{2 * number + seed % 2}",
                "description": f"{' '.join(reversed(others))} {animal}",
            }
        )
    return rows

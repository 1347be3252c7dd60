"""Sentences with dependency trees whose rule a small model can learn, and a task for them."""

import random
from typing import Any

from tiny_models import a_task
from tiny_rows import ANIMALS, COLOURS

from xstilts.tasks.record import Task

RELATIONS = ("root", "det", "nsubj", "obj", "amod", "advmod")


def tree_task(**hparams: Any) -> Task:
    return a_task("trees", "parsing", "las", labels=RELATIONS, hparams=hparams)


def tree_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """`the red cat sees the big dog not`: verbs govern nouns, and those what stands before them."""
    rng = random.Random(seed)
    return [{"id": str(i), **_sentence(rng)} for i in range(count)]


def _sentence(rng: random.Random) -> dict[str, Any]:
    subject, thing = (_phrase(rng) for _ in range(2))
    verb = len(subject) + 1
    words = [(word, verb if head == 0 else head, role or "nsubj") for word, head, role in subject]
    words.append((rng.choice(("sees", "likes")), 0, "root"))
    words += [(word, verb + head if head else verb, role or "obj") for word, head, role in thing]
    if rng.random() < 0.5:
        words.append(("not", verb, "advmod"))
    tokens, heads, roles = (list(column) for column in zip(*words, strict=True))
    relations = [RELATIONS.index(role) for role in roles]
    return {"tokens": tokens, "heads": heads, "relations": relations}


def _phrase(rng: random.Random) -> list[tuple[str, int, str]]:
    """Word, head within the phrase (0: its noun's is the verb) and relation."""
    before = [("the", "det")] * rng.randrange(2)
    before += [(word, "amod") for word in rng.sample([*COLOURS, "big", "old"], rng.randrange(3))]
    noun = len(before) + 1
    return [*((word, noun, role) for word, role in before), (rng.choice(ANIMALS), 0, "")]

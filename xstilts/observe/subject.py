"""What a process works on, in environment variables: whatever it starts says the same."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

STUDY, STAGE, WAITED = "XSTILTS_STUDY", "XSTILTS_STAGE", "XSTILTS_WAITED"


@contextmanager
def about(study: str, stage: str, waited: float | None = None) -> Iterator[None]:
    """Work on a stage of a study; `waited` are the seconds that the stage was ready and not run.

    Where it is not given, what the process was started with stays. An error ends the block, and not
    the subject: the record of it is about the same.
    """
    own = {STUDY: study, STAGE: stage}
    if waited is not None:
        own[WAITED] = f"{waited:.0f}"
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    yield
    for name, text in before.items():
        if text is None:
            del os.environ[name]
        else:
            os.environ[name] = text


def subject() -> dict[str, str]:
    """The `study` and the `stage` that this process works on, as far as it was told."""
    found = {"study": os.environ.get(STUDY), "stage": os.environ.get(STAGE)}
    return {name: text for name, text in found.items() if text}


def rank() -> int:
    """The number of this process among those of one training; 0 also outside of any."""
    return int(os.environ.get("RANK", "0"))


def waited() -> float | None:
    """Seconds that the stage was ready to run before a pod began with it, where that is known."""
    text = os.environ.get(WAITED)
    return float(text) if text else None

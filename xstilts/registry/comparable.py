"""Whether two runs can be compared at all: what stands in the way, all of it at once."""

from collections.abc import Iterator

from xstilts.publish.words.wording import listed
from xstilts.registry.entrant import Entrant, Languages

ENOUGH = 0.5  # of the champion's items in a language: of fewer the rest could hide a fall
SHOWN = 3  # missing cells
WORLD = "world"


def unfit(challenger: Entrant) -> str | None:
    """Why a run can be champion of nothing, as a sentence; None if it can."""
    if challenger.board["best"] is not None:
        return None
    gaps = [
        f"{own['target']} of {own['model']}, {own['recipe']} (seed {own['seed']})"
        for own in challenger.board["missing"]
    ]
    more = [f"{len(gaps) - SHOWN} more"] if len(gaps) > SHOWN else []
    verb = "is" if len(gaps) == 1 else "are"
    return f"None of its runs has an average: {listed(gaps[:SHOWN] + more)} {verb} missing."


def obstacles(challenger: Entrant, champion: Entrant) -> Iterator[str]:
    """Sentences: what the challenger lacks of what the champion was scored on."""
    ours, theirs = challenger.board, champion.board
    if ours["benchmark"] != theirs["benchmark"]:
        yield f"Its benchmark is {ours['benchmark']}, the champion's {theirs['benchmark']}."
    if (ours["source"] == WORLD) != (theirs["source"] == WORLD):
        yield f"Its data are from the {ours['source']}, the champion's from the {theirs['source']}."
    lost = [task for task in champion.items if task not in challenger.items]
    if lost:
        yield f"It has no scores on {listed(lost)}, which the champion has."
    for task in champion.items:
        if task in challenger.items:
            yield from _task_obstacles(task, challenger, champion)


def common_seeds(task: str, challenger: Entrant, champion: Entrant) -> list[int]:
    """The seeds that both have scores of, in the champion's order."""
    return [seed for seed in champion.items[task] if seed in challenger.items[task]]


def _task_obstacles(task: str, challenger: Entrant, champion: Entrant) -> Iterator[str]:
    metrics = challenger.board["metrics"][task], champion.board["metrics"][task]
    if metrics[0] != metrics[1]:
        yield f"On {task} its metric is {metrics[0]}, the champion's {metrics[1]}."
        return
    seeds = common_seeds(task, challenger, champion)
    if not seeds:
        own, other = (listed(map(str, run.items[task])) for run in (challenger, champion))
        yield f"On {task} it has no seed in common with the champion ({own}; {other})."
        return
    ours, theirs = challenger.items[task][seeds[0]], champion.items[task][seeds[0]]
    lost = [language for language in theirs if language not in ours]
    if lost:
        yield f"On {task} it lacks {listed(lost)}, in which the champion was scored."
    both = [language for language in theirs if language in ours]
    few = [text for language in both if (text := _few(language, ours, theirs))]
    if few:
        yield (
            f"On {task} it has too few items of the champion's test set ({listed(few)}; at least "
            "half are needed)."
        )


def _few(language: str, ours: Languages, theirs: Languages) -> str:
    """How few items are common in a language; '' if there are enough."""
    ids = set(theirs[language].ids)
    common = len(ids.intersection(ours[language].ids))
    return f"{common} of {len(ids)} in {language}" if common < ENOUGH * len(ids) else ""

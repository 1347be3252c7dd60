"""The gate's decision in sentences, with the numbers that it rests on."""

from collections.abc import Iterator
from typing import Any

from xstilts.publish.words.wording import decimals, listed
from xstilts.registry.comparison import Comparison, TaskGain
from xstilts.registry.entrant import Entrant
from xstilts.study.gate import Gate
from xstilts.study.statistics.interval import CONFIDENCE


def average(found: Comparison, gate: Gate) -> str:
    """The gain in the average with its interval, against the margin."""
    own = found.average
    verdict = "clears" if own.low > gate.margin else "does not clear"
    return (
        f"On common items its average is {_moved(own.value)} ({100 * CONFIDENCE:.0f} % interval "
        f"{decimals(own.low)} to {decimals(own.high)}, over {listed(own.levels)}), which {verdict} "
        f"the margin of {gate.margin:g}."
    )


def worst(found: Comparison, gate: Gate) -> str:
    """The tasks that fall too far; if there is none, the one that comes off worst."""
    tasks = sorted(found.tasks.items(), key=lambda item: item[1].value)
    fallen = {task: own.value for task, own in tasks if own.value < -gate.fall}
    if fallen:
        falls = listed(f"{task} falls by {decimals(-value)}" for task, value in fallen.items())
        return f"No task may fall by more than {gate.fall:g} (as measured), but {falls}."
    task, own = tasks[0]
    return (
        f"No task falls by more than {gate.fall:g} (as measured): the worst, {task}, is "
        f"{_moved(own.value)}."
    )


def details(challenger: Entrant, champion: Entrant, found: Comparison) -> Iterator[str]:
    """A sentence on each task, and on what the comparison leaves open."""
    for task, own in found.tasks.items():
        apart = "" if task in champion.averaged else ", in no average"
        yield f"{task}: {_moved(own.value)} ({_measured(own)}{apart})."
    more = [task for task in challenger.items if task not in champion.items]
    if more:
        yield f"Not compared: {listed(more)}, of which the champion has no scores."
    other = [task for task in found.tasks if _test(challenger, task) != _test(champion, task)]
    if other:
        yield (
            f"Test files of {listed(other)} differ from the champion's: their items were joined by "
            "id alone."
        )


def introduced(entrant: Entrant) -> str:
    """Which run this is, and its own average."""
    best = entrant.board["best"]
    run = f"{entrant.study}, run {entrant.run}"
    if best is None:
        return f"{run} (no run has an average)"
    value = decimals(entrant.best["average"]["value"])
    return f"{run}: {best['model']} with recipe {best['recipe']}, average {value}"


def _moved(value: float) -> str:
    if abs(value) < 0.005:
        return "unchanged"
    return f"{decimals(abs(value))} points {'higher' if value > 0 else 'lower'}"


def _measured(own: TaskGain) -> str:
    languages = "one language" if own.languages == 1 else f"{own.languages} languages"
    seeds = f"seed{'s' * (len(own.seeds) > 1)} {listed(map(str, own.seeds))}"
    return f"{own.items} common items in {languages}, {seeds}"


def _test(entrant: Entrant, task: str) -> dict[str, Any]:
    """The digests of a task's test files."""
    files = entrant.board["provenance"]["data"].get(task, {})
    return {name: own["sha256"] for name, own in files.items() if "/test/" in name}

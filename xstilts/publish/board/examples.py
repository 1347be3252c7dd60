"""What the best run and the baseline got wrong, side by side: `examples.json` of the results."""

from collections.abc import Mapping, Sequence
from typing import Any

from xstilts.files import read_json
from xstilts.publish.board.evaluations import Cell

SHOWN = 3  # of a run, per target and language
Run = tuple[str, str, int]  # model, recipe and seed
Record = Mapping[str, Any]


def study_examples(board: Record, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """What `examples.json` lists: of the `best` run, and of its baseline with the same seed.

    At most `SHOWN` wrong items per run, target and language: first those on which both are
    wrong, then the run's own, each in the order of the evaluation. Empty without a best run.
    """
    best = board["best"]
    if best is None:
        return []
    recipes = dict.fromkeys([best["recipe"], board["baseline"]])
    runs = [(best["model"], recipe, best["seed"]) for recipe in recipes]
    found: list[dict[str, Any]] = []
    for target in board["metrics"]:
        wrong = {run: _wrong(run, target, cells) for run in runs}
        for run, own in wrong.items():
            others = [other for other_run, other in wrong.items() if other_run != run]
            found += [
                _identity(run, target) | example
                for language in own
                for example in chosen(own[language], [other.get(language, []) for other in others])
            ]
    return found


def chosen(own: Sequence[Record], others: Sequence[Sequence[Record]]) -> list[dict[str, Any]]:
    """At most `SHOWN` of a run's wrong items, first those that all the `others` have too."""
    shared = [{example["id"] for example in other} for other in others]
    ordered = sorted(own, key=lambda example: not all(example["id"] in ids for ids in shared))
    return [dict(example) for example in ordered[:SHOWN]]


def _wrong(run: Run, target: str, cells: Sequence[Cell]) -> dict[str, list[dict[str, Any]]]:
    """A cell's wrong items by language; none of a cell that is not there."""
    found: dict[str, list[dict[str, Any]]] = {}
    for cell in cells:
        if (cell.model, cell.recipe, cell.seed, cell.target) == (*run, target):
            for example in read_json(cell.examples)["examples"]:
                found.setdefault(example["language"], []).append(example)
    return found


def _identity(run: Run, target: str) -> dict[str, Any]:
    model, recipe, seed = run
    return {"model": model, "recipe": recipe, "seed": seed, "target": target}

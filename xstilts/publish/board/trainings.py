"""The trainings behind a study's cells: what each was, how it went and what it took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.publish.board.evaluations import Cell
from xstilts.tasks.table import task_in

Study = Mapping[str, Any]  # `study` of params.yaml
Record = Mapping[str, Any]
INTERMEDIATE, FINETUNE = "intermediate", "finetune"


@dataclass(frozen=True)
class Training:
    """One training of a model: `record` is its `training.json`.

    `task` is what it was fine-tuned on, or the recipe's name for an intermediate training.
    """

    phase: str
    model: str
    recipe: str
    task: str
    seed: int
    record: Record

    @property
    def key(self) -> str:
        """Its name in `params.yaml`."""
        run = f"{self.model}-{self.recipe}"
        own = f"{run}-{self.task}" if self.phase == FINETUNE else run
        return f"{own}-{self.seed}"

    @property
    def stage(self) -> str:
        """What DVC calls it."""
        return f"{self.phase}@{self.key}"


def trainings(cell: Cell) -> Iterator[dict[str, Any]]:
    """The records of the trainings behind a cell's model, the last one first.

    None for a pretrained model.
    """
    training = cell.training if cell.training and "sources" in cell.training else None
    while training:
        yield training
        training = training["before"]


def all_trainings(study: Study, cells: Sequence[Cell]) -> list[Training]:
    """Every training behind the cells once: intermediate ones, then fine-tuning."""
    found: dict[str, dict[str, Training]] = {INTERMEDIATE: {}, FINETUNE: {}}
    for cell in cells:
        for training in _behind(study, cell):
            found[training.phase].setdefault(training.stage, training)
    return [training for own in found.values() for training in own.values()]


def _behind(study: Study, cell: Cell) -> Iterator[Training]:
    """The fine-tunings of a cell's model, the last one first, then its intermediate training."""
    records = list(trainings(cell))
    run = cell.model, cell.recipe
    for task in cell.tuned_on if records else ():
        yield Training(FINETUNE, *run, task, cell.seed, records.pop(0))
    if study["recipes"][cell.recipe] and records:
        yield Training(INTERMEDIATE, *run, cell.recipe, cell.seed, records[0])


def curves(study: Study, cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """The learning curve of every training that wrote one, as `scores.json` has it.

    `points` are those of `training.json`: a step, the mean loss since the point before it, and
    the score on the English dev set (null between evaluations). `metric` is that score's; null
    where nothing is evaluated, or where tasks of several metrics are averaged.
    """
    return [
        {"model": own.model, "recipe": own.recipe, "phase": own.phase, "task": own.task}
        | {"seed": own.seed, "metric": _metric(own.record, study["benchmark"])}
        | {"best_step": own.record["best_step"], "points": own.record["curve"]}
        for own in all_trainings(study, cells)
        if "curve" in own.record
    ]


def _metric(record: Record, benchmark: str) -> str | None:
    metrics = {
        task_in(name, benchmark).metric for name, own in record["tasks"].items() if own["dev_rows"]
    }
    return metrics.pop() if len(metrics) == 1 else None

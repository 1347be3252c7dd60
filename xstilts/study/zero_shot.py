"""What no study may do: fine-tune or select in another language than English, or on test rows."""

from collections.abc import Iterator

from xstilts.data.splits import base_splits, slices
from xstilts.errors import UserError
from xstilts.study.grid import SOURCE_LANGUAGE, study_task, trained_tasks
from xstilts.study.page import Keys
from xstilts.study.record import Study
from xstilts.tasks.record import SPLITS, Source
from xstilts.tasks.table import task_in

Problem = tuple[Keys, str]  # where in the file, and what is wrong there
_MANY = 10**6  # rows of a split whose number is not known: slices by per cent keep their order


def zero_shot_problems(study: Study) -> Iterator[Problem]:
    """Targets that would be fine-tuned in another language, and test rows that would be seen."""
    for task, targets in trained_tasks(study).items():
        spoken = task_in(task, study.benchmark).languages
        if SOURCE_LANGUAGE not in spoken:
            for target in targets or [task]:
                yield (
                    ("tasks", target, "train_from"),
                    f"{target} cannot be trained from {task}, which is in {', '.join(spoken)}: "
                    "models are fine-tuned and selected in English alone, so that the transfer "
                    "is zero-shot. Take it in a recipe.",
                )
    intermediate = {task for body in study.recipes.values() for task in body.tasks}
    for target in study.targets:
        source = study_task(study, target).source
        if target in intermediate or target in trained_tasks(study):
            for split in seen_in_test(source):
                where: Keys = ("tasks", target, "source", "splits")
                yield (
                    where,
                    f"{split} of {target} ({source.splits[split]}) holds rows of its test "
                    f"({source.splits['test']}): cut them from different rows.",
                )


def seen_in_test(source: Source) -> list[str]:
    """The splits that training reads, `train` and `dev`, which share rows with `test`."""
    if "test" not in source.splits:
        return []
    return [
        split
        for split in SPLITS
        if split in source.splits
        and split != "test"
        and _overlap(source.splits[split], source.splits["test"])
    ]


def _overlap(one: str, other: str) -> bool:
    """Whether two split expressions have rows in common."""
    if not set(base_splits(one)) & set(base_splits(other)):
        return False
    return any(
        base == same and rows.start < others.stop and others.start < rows.stop
        for base, rows in _ranges(one)
        for same, others in _ranges(other)
    )


def _ranges(expression: str) -> list[tuple[str, range]]:
    try:
        return slices(expression, dict.fromkeys(base_splits(expression), _MANY))
    except UserError:  # said elsewhere: the expression cannot be read
        return []

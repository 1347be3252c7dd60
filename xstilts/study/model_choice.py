"""Which models a study can take: those that are there, and can learn what its recipes train."""

from collections.abc import Iterator

from xstilts.models.architecture import ENCODER
from xstilts.models.backbones import BACKBONES, SHIPPED
from xstilts.study.grid import TEXT_FORMAT, study_task, trained_tasks
from xstilts.study.page import Keys
from xstilts.study.record import Study
from xstilts.tasks.table import TASKS
from xstilts.tasks.text_forms import written

Problem = tuple[Keys, str]  # where in the file, and what is wrong there


def model_problems(study: Study) -> Iterator[Problem]:
    """Models that are not there, or cannot be trained on a task of the study."""
    for position, model in enumerate(study.models):
        backbone = BACKBONES[model]
        where: Keys = ("models", position)
        if backbone.kind == "shipped" and not study.from_scratch and not (SHIPPED / model).is_dir():
            yield (
                where,
                f"{model} is not shipped with this version: pretrain it (some 25 minutes on one "
                "core) with --from-scratch, or from_scratch: true.",
            )
        if backbone.reading.interface == "text" and (unwritten := _unwritten(study)):
            yield (
                where,
                f"{model} writes its answers, but {', '.join(unwritten)} cannot be put into "
                f"texts; use {model.removesuffix('-text')}, or leave them out.",
            )
        if backbone.reading.architecture != ENCODER:
            yield from ((where, text) for text in _masked_problems(study, model))


def _masked_problems(study: Study, model: str) -> Iterator[str]:
    """Recipes with masked words, which only an encoder learns to guess."""
    for recipe, body in study.recipes.items():
        if masked := [task for task in body.tasks if TASKS[task].format == TEXT_FORMAT]:
            yield (
                f"{model} is no encoder, and only encoders can guess the words that "
                f"{' and '.join(masked)} of the recipe {recipe} masks: leave {model} out, or give "
                "it a study without that recipe."
            )


def _unwritten(study: Study) -> list[str]:
    """Tasks that are trained on in this study but cannot be put into texts.

    Text itself, whose words are masked, is a problem of every model that is no encoder.
    """
    trained = [task for body in study.recipes.values() for task in body.tasks]
    trained += trained_tasks(study)
    tasks = {task: study_task(study, task) for task in trained}
    return [t for t, task in tasks.items() if task.format != TEXT_FORMAT and not written(task)]

"""Settings of training runs that do not go together, or that have no effect on any run."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from xstilts.study.grid import finetune_settings, recipe_settings, trained_tasks
from xstilts.study.page import Keys
from xstilts.study.record import Study
from xstilts.study.settings import LORA
from xstilts.training.memory import contradiction

Problem = tuple[Keys, str]  # where in the file, and what is wrong there


class _Run(NamedTuple):
    """The settings of one training run, and those that the file has for it, nearest first."""

    settings: Mapping[str, Any]
    places: dict[Keys, Mapping[str, Any]]

    def where(self, name: str) -> Keys:
        """Where the file says a setting that the run has."""
        return next((*keys, name) for keys, own in self.places.items() if name in own)


def contradiction_problems(study: Study) -> Iterator[Problem]:
    """What contradicts itself in the settings of the runs: each once, where the file says it."""
    runs = list(_runs(study))
    found: dict[str, Keys] = {}
    for run in runs:
        settings = run.settings
        if problem := contradiction(settings.get("zero_stage"), settings.get("offload")):
            found.setdefault(problem, run.where("offload"))
    for name in LORA[1:]:
        having = [run for run in runs if name in run.settings]
        if having and not any(run.settings.get("lora_rank") for run in having):
            text = f"{name} has no effect without lora_rank: set it, e.g. lora_rank: 8."
            found[text] = having[0].where(name)
    yield from ((where, text) for text, where in found.items())


def _runs(study: Study) -> Iterator[_Run]:
    for recipe, body in study.recipes.items():
        own: dict[Keys, Mapping[str, Any]] = {("recipes", recipe): body.settings}
        for task, values in recipe_settings(study, recipe).items():
            yield _Run(values, own | _places(study, task, "intermediate"))
    for task in trained_tasks(study):
        for target, values in finetune_settings(study, task).items():
            yield _Run(values, _places(study, target, "finetune"))


def _places(study: Study, task: str, phase: str) -> dict[Keys, Mapping[str, Any]]:
    return {
        ("tasks", task): study.choice(task).settings,
        (phase,): getattr(study, phase),
        ("training",): study.training,
    }

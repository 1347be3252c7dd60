"""What a study asks: the head of its `params.yaml`, and whether its grid can answer."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from xstilts.study.comparisons import GAINS
from xstilts.study.gate import USUAL
from xstilts.study.page import Keys
from xstilts.study.record import ENGLISH_ALONE, Study

_RANKED = 3  # the fewest recipes whose order says something

Problem = tuple[Keys, str]  # where in the file, and what is wrong there


def header(study: Study) -> dict[str, Any]:
    """`study` of `params.yaml`: what is compared. What not every study has is there if given."""
    spoken = {name: own.languages for name, own in study.recipes.items()}
    optional = {
        # of recipes that are not in English
        "languages": {name: own for name, own in spoken.items() if own != ENGLISH_ALONE},
        "asks": study.asks if study.asks != GAINS else None,
        "groups": study.groups,
        "comparisons": study.comparisons,
        "gate": asdict(study.gate) if study.gate != USUAL else None,
    }
    return {
        "name": study.name,
        "question": study.question,
        "benchmark": study.benchmark,
        "baseline": study.baseline,
        "source": {"kind": study.source} | ({"path": study.mirror} if study.mirror else {}),
        "models": study.models,
        "recipes": {name: recipe.tasks for name, recipe in study.recipes.items()},
        "targets": study.targets,
        "seeds": study.seeds,
        "controls": study.controls,
    } | {name: value for name, value in optional.items() if value}


def question_problems(study: Study) -> Iterator[Problem]:
    """Questions that need more models or recipes than the study has."""
    if study.asks == "models" and len(study.models) < 2:
        yield (
            ("asks",),
            f"the study asks to compare models, but has {len(study.models)}: name at least two.",
        )
    if study.asks == "ranking" and len(study.recipes) < _RANKED:
        yield (
            ("asks",),
            f"the study asks for a ranking of its recipes, but has {len(study.recipes)}: name at "
            f"least {_RANKED}.",
        )

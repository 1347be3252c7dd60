"""Everything that can be wrong with a run, found before any of it starts."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.plan.placement import Placement, processes_problems, read_json, read_placement
from components.plan.registry import check_image
from components.plan.studies import read_study
from xstilts.errors import UserError
from xstilts.store import check, conditional
from xstilts.store.location import Location, parse
from xstilts.study.resolve import resolve


@dataclass(frozen=True)
class Asked:
    """What a run was started with, as texts; an empty one was not given."""

    study: str
    seeds: str
    models: str
    s3_url: str
    s3_endpoint: str
    s3_region: str
    gpus: str
    gpu_type: str
    tolerations: str
    node_selector: str
    images: str
    run_id: str


@dataclass
class Findings:
    """What was found: with no problem, `params` and `store` are there."""

    placement: Placement
    params: dict[str, Any] | None = None
    store: Location | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(asked: Asked, studies: Path) -> Findings:
    """Check everything but the disk, and gather all problems; nothing is written anywhere."""
    problems: list[str] = []
    found = Findings(
        read_placement(asked.gpus, asked.gpu_type, asked.tolerations, asked.node_selector, problems)
    )
    try:
        found.params = resolve(read_study(asked.study, asked.seeds, asked.models, studies))
        problems += processes_problems(found.params, found.placement)
    except UserError as error:
        problems[:0] = error.problems
    found.problems += problems
    _examine_store(asked, found)
    _examine_images(asked.images, found)
    return found


def _examine_store(asked: Asked, found: Findings) -> None:
    try:
        found.store = parse(asked.s3_url, endpoint=asked.s3_endpoint, region=asked.s3_region)
        problems = check.problems(found.store, write=True)
        if not problems:
            conditional.probe(found.store)  # or the run could not be published in the end
    except UserError as error:
        problems = error.problems
    found.problems += problems


def _examine_images(text: str, found: Findings) -> None:
    references: Sequence[object] = read_json("images", text, list, found.problems)
    for reference in dict.fromkeys(map(str, references)):
        problem, note = check_image(reference)
        found.problems += [problem] if problem else []
        found.notes += [note] if note else []


def disk_problems(folder: Path, stage: str, needed: float) -> list[str]:
    """What is wrong with the free space of `folder`, where pods work; `needed` in bytes."""
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return []
    return [
        f"the disk is too full: {folder} has {free / 1e9:.2f} GB free, and {stage} needs about "
        f"{needed / 1e9:.2f} GB; give the pods' scratch volume more space, or free some."
    ]

"""Everything that can be wrong with a run, found before any of it starts."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.finish.notify import CHOICES
from components.plan.data import listed, read_data
from components.plan.nodes import examine_nodes
from components.plan.placement import (
    Placement,
    processes_problems,
    read_count,
    read_json,
    read_placement,
)
from components.plan.pools import Chosen, chosen
from components.plan.registry import check_image
from components.plan.studies import read_study
from xstilts.errors import UserError
from xstilts.registry.champion import read_history
from xstilts.registry.place import checked
from xstilts.store import check, conditional
from xstilts.store.location import Location, parse
from xstilts.store.tracked import Revisions
from xstilts.study.page import unknown
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
    s3_secret: str
    pool: str
    pools: str
    gpus: str
    gpu_type: str
    tolerations: str
    node_selector: str
    nodes: str
    images: str
    data: str
    champion: str
    notify: str
    run_id: str


@dataclass
class Findings:
    """What was found: with no problem, `params` and `store` are there."""

    chosen: Chosen
    placement: Placement
    nodes: int = 1
    champion: str = ""
    data: Revisions = field(default_factory=dict)
    params: dict[str, Any] | None = None
    store: Location | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(asked: Asked, studies: Path) -> Findings:
    """Check everything but the disk, and gather all problems; nothing is written anywhere."""
    problems: list[str] = []
    notes: list[str] = []
    given = Chosen(
        gpus=asked.gpus,
        gpu_type=asked.gpu_type,
        tolerations=asked.tolerations,
        node_selector=asked.node_selector,
    )
    nodes = chosen(given, asked.pool, asked.pools, problems, notes)
    texts = (nodes.gpus, nodes.gpu_type, nodes.tolerations, nodes.node_selector)
    count = read_count("nodes", asked.nodes, problems)
    placement = read_placement(*texts, problems)
    revisions = read_data(asked.data, problems)
    found = Findings(nodes, placement, count, asked.champion, revisions, notes=notes)
    wrong = _examine_store(asked, found)
    with listed(revisions, None if wrong else found.store, wrong) as data:
        try:
            study = read_study(asked.study, asked.seeds, asked.models, studies, data)
            found.params = resolve(study, data.at or Path)
            problems += processes_problems(found.params, found.placement, count)
        except UserError as error:
            problems[:0] = error.problems
    found.problems += [*problems, *wrong]
    examine_nodes(count, asked.s3_secret, not wrong, found.problems, found.notes)
    _examine_images(asked.images, found)
    _examine_champion(found)
    if asked.notify and asked.notify not in CHOICES:
        found.problems.append(unknown("notify", asked.notify, CHOICES))
    return found


def _examine_store(asked: Asked, found: Findings) -> list[str]:
    """What is wrong with the store; it is set as soon as it has an address."""
    try:
        found.store = parse(asked.s3_url, endpoint=asked.s3_endpoint, region=asked.s3_region)
        problems = check.problems(found.store, write=True)
        if not problems:
            conditional.probe(found.store)  # or the run could not be published in the end
    except UserError as error:
        problems = list(error.problems)
    return problems


def _examine_images(text: str, found: Findings) -> None:
    references: Sequence[object] = read_json("images", text, list, found.problems)
    for reference in dict.fromkeys(map(str, references)):
        problem, note = check_image(reference)
        found.problems += [problem] if problem else []
        found.notes += [note] if note else []


def _examine_champion(found: Findings) -> None:
    """Whether the run can challenge the champion in the end; its record must be readable."""
    if not found.champion:
        return
    try:
        if found.store and not found.problems:
            read_history(found.store, found.champion)
        else:
            checked(found.champion)
    except UserError as error:
        found.problems += error.problems


def disk_problems(folder: Path, stage: str, needed: float) -> list[str]:
    """What is wrong with the free space of `folder`, where pods work; `needed` in bytes."""
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return []
    return [
        f"the disk is too full: {folder} has {free / 1e9:.2f} GB free, and {stage} needs about "
        f"{needed / 1e9:.2f} GB; give the pods' scratch volume more space, or free some."
    ]

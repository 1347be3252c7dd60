"""What a run may ask of a cluster, and what an overlay has, for tests of the doctor."""

import copy
from typing import Any

from overlays import resources

from components.plan.studies import read_study
from pipelines.compile import STUDIES
from pipelines.doctor.demand import Demand
from pipelines.doctor.objects import Objects, by_kind
from pipelines.pools import read_pools
from xstilts.study.resolve import resolve

POOLS = read_pools()
TEXT = """\
name: quick
question: Does it help?
source: hub
models: [xlm-roberta-base]
recipes: {none: [], mnli: [mnli]}
baseline: none
targets: [xnli, tydiqa]
seeds: [0]
"""


def objects_of_eks() -> Objects:
    """The objects of the overlay, as if a cluster had them; a test may change them."""
    return Objects("xstilts", by_kind(copy.deepcopy(resources("eks")), "xstilts"), False)


def demand(pool: str = "l4", text: str = "", **values: Any) -> Demand:
    """A run in a pool of ours, of the study `text` if there is one."""
    params = resolve(read_study(text, "", "", STUDIES)) if text else {}
    return Demand("", POOLS[pool], params, **values)


def told(check: Any, objects: Objects, wanted: Demand) -> list[tuple[str, str]]:
    """State and text of what a check finds."""
    return [(own.state, own.text) for own in check(objects, wanted)]

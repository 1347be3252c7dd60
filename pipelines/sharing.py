"""Whether the processes of a study's trainings find a GPU each on the nodes of a run."""

from components.plan.data import Data
from components.plan.placement import Placement, processes_problems
from components.plan.studies import read_study
from pipelines.compile import STUDIES
from xstilts.errors import UserError
from xstilts.store.tracked import Revisions
from xstilts.study.resolve import resolve


def sharing_problems(
    study: str, seeds: str, models: str, data: Revisions, gpus: int, nodes: int = 1
) -> list[str]:
    """Trainings that do not fit `nodes` nodes with so many GPUs each, 0 for none.

    Nothing is said of a study that is wrong: whoever reads it tells.
    """
    try:
        params = resolve(read_study(study, seeds, models, STUDIES, Data(data)))
    except UserError:
        return []
    return processes_problems(params, Placement(gpus, "", ()), nodes)

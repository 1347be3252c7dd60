"""What a pod has before it: the run's folder in the store, the study, and a place to work."""

from dataclasses import dataclass, field
from pathlib import Path

from components import workspace
from xstilts.store import fragments
from xstilts.store.location import Location
from xstilts.store.tracked import Revisions
from xstilts.study.params import read_params
from xstilts.study.plan import Params, Stage, stages


@dataclass(frozen=True)
class Desk:
    """`root` is a workspace for DVC; `plan` holds all stages of the study by name.

    `data` are the revisions of the folders that DVC tracks, where stages read any.
    """

    run: Location
    store: Location
    root: Path
    params: Params
    plan: dict[str, Stage]
    data: Revisions = field(default_factory=dict)


def open_desk(run: Location, scratch: Path) -> Desk:
    """Lay out the run at `run` in a new folder below `scratch`.

    Raises `UserError` if `run` is no run's folder, has no plan, or the store cannot be read.
    """
    store = fragments.store_of(run)
    data = fragments.read_data(run)
    root = workspace.prepare(scratch / "workspace", fragments.read_params(run), store, data)
    params = read_params(root / "params.yaml")
    return Desk(run, store, root, params, {stage.name: stage for stage in stages(params)}, data)

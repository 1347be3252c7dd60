"""The trainings of a study for TensorBoard: losses, rates, norms and dev scores by step.

Each training keeps them as `steps.csv` and `evals.csv`, which DVC draws. TensorBoard reads files
of its own, whose times and host names differ from run to run: they are no output of a stage.
"""

import csv
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from xstilts.errors import UserError
from xstilts.files import replaced_folder
from xstilts.study.params import NAME, read_params
from xstilts.study.plan import Stage, stages

_TRAINED = ("intermediate", "finetune")
# File, column, and what TensorBoard calls it
_CURVES = (
    ("steps.csv", "loss", "loss"),
    ("steps.csv", "lr", "learning rate"),
    ("steps.csv", "grad_norm", "gradient norm"),
    ("evals.csv", "score", "dev score"),
)


def write_curves(folder: Path) -> int:
    """Write the trainings of the study in params.yaml to `folder`, which must be new or empty.

    Raises `UserError` if it is not, if no training of the study is here, or without tensorboardX.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty: name a new folder.")
    if importlib.util.find_spec("tensorboardX") is None:
        raise UserError("tensorboardX is not installed: pip install 'xstilts[tensorboard]'.")
    params = read_params(Path(NAME))
    plan = [stage for stage in stages(params) if stage.phase in _TRAINED]
    here = [stage for stage in plan if Path(stage.output, "steps.csv").is_file()]
    if not here:
        raise UserError(
            f"no training of the study {params['study']['name']} is here: run it, or bring its "
            "models back with `dvc checkout`."
        )
    with replaced_folder(folder) as temporary:
        for stage in here:
            _write(temporary / stage.phase / stage.key, stage)
    print(f"{folder} holds {len(here)} of {len(plan)} trainings: tensorboard --logdir {folder}")
    return 0


def _write(folder: Path, stage: Stage) -> None:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for file, column, tag in _CURVES:
            for step, value, moment in _points(Path(stage.output, file), column):
                writer.add_scalar(tag, value, step, moment)


def _points(path: Path, column: str) -> Iterator[tuple[int, float, float]]:
    """Step, value and Unix time of each row; the last one is as old as the file."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        return
    start = path.stat().st_mtime - float(rows[-1]["seconds"])
    for row in rows:
        yield int(row["step"]), float(row[column]), start + float(row["seconds"])

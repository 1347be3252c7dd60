"""A finetune entry of `params.yaml` and everything it reads."""

from pathlib import Path
from typing import Any

from tiny_models import pair_task, tiny_backbone
from tiny_rows import pair_rows

from xstilts.data.canonical import write
from xstilts.files import write_json

SOURCES = {"pairs/train/en.arrow": {"source": "world", "rows": 40}}


def tiny_entry(folder: Path, **changes: Any) -> dict[str, Any]:
    task = pair_task(max_length=12)
    write(pair_rows(40), task, folder / "data" / "pairs" / "train" / "en.arrow")
    write(pair_rows(20, seed=1), task, folder / "data" / "pairs" / "dev" / "en.arrow")
    write(pair_rows(20, seed=2), task, folder / "data" / "pairs" / "train" / "de.arrow")
    write_json(folder / "data" / "provenance.json", {"files": SOURCES})
    training = {"learning_rate": 1e-3, "epochs": 2, "batch_size": 8, "eval_limit": 10, "evals": 2}
    return {
        "init": str(tiny_backbone(folder / "backbone")),
        "data": str(folder / "data"),
        "task": task.to_dict(),
        "training": training,
        "seed": 1,
    } | changes

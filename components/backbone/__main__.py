"""`python -m components.backbone MODEL`: get or make a pretrained model."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def work(entry: dict[str, Any], folder: Path) -> None:
    """Do the work of one stage; what it needs is imported only now."""
    from xstilts.models.backbones import materialise

    materialise(entry, folder)


if __name__ == "__main__":
    run_stage("backbone", work)

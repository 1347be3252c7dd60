"""`python -m components.intermediate KEY`: train on a recipe's tasks."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def work(entry: dict[str, Any], folder: Path) -> None:
    """Do the work of one stage; what it needs is imported only now."""
    from xstilts.training.run import run_training

    run_training(entry, folder)


if __name__ == "__main__":
    run_stage("intermediate", work)

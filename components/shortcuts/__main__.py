"""`python -m components.shortcuts TASK`: score what needs no understanding."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def work(entry: dict[str, Any], folder: Path) -> None:
    """Do the work of one stage; what it needs is imported only now."""
    from xstilts.evaluation.run_shortcuts import evaluate_shortcuts

    evaluate_shortcuts(entry, folder)


if __name__ == "__main__":
    run_stage("shortcuts", work)

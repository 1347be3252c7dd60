"""`python -m components.evaluate KEY`: score a model on the test sets of one target."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def work(entry: dict[str, Any], folder: Path) -> None:
    """Do the work of one stage; what it needs is imported only now."""
    from xstilts.evaluation.run import evaluate

    evaluate(entry, folder)


if __name__ == "__main__":
    run_stage("evaluate", work)

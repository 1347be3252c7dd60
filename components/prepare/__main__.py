"""`python -m components.prepare NAME`: from a source to canonical Arrow files."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def work(entry: dict[str, Any], folder: Path) -> None:
    """Do the work of one stage; what it needs is imported only now."""
    from xstilts.data.prepare import prepare

    prepare(entry, folder)


if __name__ == "__main__":
    run_stage("prepare", work)

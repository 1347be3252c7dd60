"""`python -m components.publish`: from all evaluations to scoreboard, report and submission."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def work(params: dict[str, Any], folder: Path) -> None:
    """Publish the study of `params`; what that needs is imported only now."""
    from xstilts.publish.run import publish

    publish(params, Path("evaluations", params["study"]["name"]), folder)


if __name__ == "__main__":
    run_stage("publish", work)

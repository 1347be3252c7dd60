"""`python -m components.publish`: from all evaluations to scoreboard, report and submission."""

from pathlib import Path
from typing import Any

from components.stage import run_stage


def main() -> None:
    """Run the publish stage."""
    from xstilts.publish.run import publish

    def work(params: dict[str, Any], folder: Path) -> None:
        publish(params, Path("evaluations", params["study"]["name"]), folder)

    run_stage("publish", work)


if __name__ == "__main__":
    main()

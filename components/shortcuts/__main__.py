"""`python -m components.shortcuts TASK`: score what needs no understanding."""

from components.stage import run_stage


def main() -> None:
    """Run the stage that the command line names."""
    from xstilts.evaluation.run_shortcuts import evaluate_shortcuts

    run_stage("shortcuts", evaluate_shortcuts)


if __name__ == "__main__":
    main()

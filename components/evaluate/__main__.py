"""`python -m components.evaluate KEY`: score a model on the test sets of one target."""

from components.stage import run_stage


def main() -> None:
    """Run the stage that the command line names."""
    from xstilts.evaluation.run import evaluate

    run_stage("evaluate", evaluate)


if __name__ == "__main__":
    main()

"""`python -m components.intermediate KEY`: train on a recipe's tasks."""

from components.stage import run_stage


def main() -> None:
    """Run the stage that the command line names."""
    from xstilts.training.run import run_training

    run_stage("intermediate", run_training)


if __name__ == "__main__":
    main()

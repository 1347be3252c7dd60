"""`python -m components.finetune KEY`: train a model on a target's English training data."""

from components.stage import run_stage


def main() -> None:
    """Run the stage that the command line names."""
    from xstilts.training.run import run_training

    run_stage("finetune", run_training)


if __name__ == "__main__":
    main()

"""`python -m components.backbone MODEL`: get or make a pretrained model."""

from components.stage import run_stage


def main() -> None:
    """Run the stage that the command line names."""
    from xstilts.models.backbones import materialise

    run_stage("backbone", materialise)


if __name__ == "__main__":
    main()

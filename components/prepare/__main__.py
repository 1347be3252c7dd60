"""`python -m components.prepare NAME`: from a source to canonical Arrow files."""

from components.stage import run_stage


def main() -> None:
    """Run the stage that the command line names."""
    from xstilts.data.prepare import prepare

    run_stage("prepare", prepare)


if __name__ == "__main__":
    main()

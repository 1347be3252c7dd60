"""The command `xstilts`. Whatever is slow to import is imported by the command that needs it."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xstilts import __version__
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError

Commands = Any  # what `add_subparsers` returns has no public type


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code (2 for a mistake of the user's)."""
    options = _parser().parse_args(arguments)
    try:
        root = _root()
        if getattr(options, "mirror", None) and not Path(options.mirror).is_absolute():
            options.mirror = os.path.relpath(options.mirror, root)
        os.chdir(root)
        code: int = options.command(options)
    except UserError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return USER_ERROR_EXIT_CODE
    except KeyboardInterrupt:
        return 130
    return code


def _root() -> Path:
    """The project's folder: the nearest one above that holds dvc.yaml and the studies."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "dvc.yaml").is_file() and (folder / "pipelines/studies").is_dir():
            return folder
    raise UserError(f"{Path.cwd()} is in no clone of xstilts: no dvc.yaml in it or above it.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts", description="Intermediate-task training studies on XTREME."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = _add(commands, "run", _run, "run a study until all its stages are up to date")
    run.add_argument("--jobs", type=_jobs, metavar="N", help="stages side by side (default: cores)")
    plan = _add(commands, "plan", _plan, "show a study's stages, and which have to run")
    study = commands.add_parser("study", help="the studies of this project")
    actions = study.add_subparsers(required=True, metavar="ACTION")
    _add(actions, "list", _study_list, "list the studies")
    show = _add(actions, "show", _study_show, "show what a study compares")
    use = _add(actions, "use", _study_use, "write a study to params.yaml")
    _add(commands, "doctor", _doctor, "check what a study needs on this machine")
    for command in (run, plan, show, use):
        _add_study(command)
    return parser


def _add(
    commands: Commands, name: str, function: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=function)
    return parser


def _add_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study", nargs="?", help="name of a study (default: the one in params.yaml)"
    )
    parser.add_argument(
        "--mirror", metavar="FOLDER", help="take the data from a folder laid out like the hub"
    )
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="pretrain the shipped backbones again instead of using them",
    )


def _jobs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of stages; give 1 or more")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.run_study(options.study, options.mirror, options.from_scratch, options.jobs)


def _plan(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.show_plan(options.study, options.mirror, options.from_scratch)


def _study_list(_options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.list_studies()


def _study_show(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.show_study(options.study, options.mirror, options.from_scratch)


def _study_use(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.use_study(options.study, options.mirror, options.from_scratch)


def _doctor(_options: argparse.Namespace) -> int:
    from xstilts.study.doctor import report

    return report()


if __name__ == "__main__":
    sys.exit(main())

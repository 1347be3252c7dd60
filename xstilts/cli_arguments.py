"""What the parts of the command line have in common."""

import argparse
from collections.abc import Callable
from typing import Any

from xstilts.errors import UserError

Commands = Any  # what `add_subparsers` returns has no public type


def add_command(
    commands: Commands, name: str, function: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    """Add a command that calls `function` with its options; `text` is its help."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=function)
    return parser


def add_actions(commands: Commands, name: str, text: str) -> Commands:
    """Add a command that has commands of its own."""
    parser = commands.add_parser(name, help=text, description=text)
    return parser.add_subparsers(required=True, metavar="ACTION")


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Add `--profile`, which `named` takes together with a study."""
    parser.add_argument(
        "--profile", metavar="NAME", help="one of its profiles: the study STUDY-NAME"
    )


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add a study, and what decides how it is resolved."""
    parser.add_argument(
        "study", nargs="?", help="name of a study (default: the one in params.yaml)"
    )
    add_profile(parser)
    parser.add_argument(
        "--mirror", metavar="FOLDER", help="take the data from a folder laid out like the hub"
    )
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="pretrain the shipped backbones again instead of using them",
    )


def named(options: argparse.Namespace) -> str | None:
    """The study that is asked for; `--profile mini` of `phang2020` is `phang2020-mini`."""
    if options.profile and not options.study:
        raise UserError(f"--profile {options.profile} needs the name of its study.")
    study: str | None = options.study
    return f"{study}-{options.profile}" if options.profile else study


def count(kind: str) -> Callable[[str], int]:
    """A type of argument: a whole number of `kind`, 1 or more."""

    def read(text: str) -> int:
        if not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text!r} is no number of {kind}; give 1 or more")
        return int(text)

    return read

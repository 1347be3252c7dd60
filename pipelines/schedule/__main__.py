"""`xstilts schedule`: the schedules of `k8s/schedules` on Kubeflow, and what they mean."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines import api
from pipelines.schedule.actions import CLOCK, apply, delete, explain, pause, show
from pipelines.schedule.trigger import trigger
from pipelines.target import ENDPOINTS, EXPERIMENT, add_store_options
from xstilts.errors import UserError, complain

_DEFAULT_CLOCK = "UTC"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 2 for mistakes of the user's, each on its line."""
    options = _parser().parse_args(arguments)
    action: Callable[[argparse.Namespace], int] = options.action
    try:
        return action(options)
    except UserError as error:
        return complain(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts schedule",
        description="Runs that Kubeflow starts by itself, as the files in k8s/schedules say.",
        epilog=f"A token for the endpoint is taken from {api.TOKEN}.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    texts = {
        explain: "what schedules do, and when next; needs no cluster",
        apply: "make the cluster's schedules what the files say",
        show: "the cluster's schedules, and how they differ from the files",
        trigger: "apply a schedule and start a run of it now, once for the same data and code",
        pause: "start no more runs, until the schedule is applied again",
        delete: "remove schedules from the cluster",
    }
    for function, text in texts.items():
        name = "list" if function is show else function.__name__
        action = actions.add_parser(name, help=text, description=text)
        action.set_defaults(action=function)
        if function in (pause, delete):
            action.add_argument("names", nargs="+", metavar="NAME")
        else:
            if function is trigger:
                action.add_argument("name", metavar="NAME")
                action.add_argument(
                    "--wait", action="store_true", help="first wait for a run of it that goes on"
                )
            action.add_argument(
                "files", nargs="*", type=Path, metavar="FILE", help="default: all in k8s/schedules"
            )
        if function is not explain:
            _add_server(action)
        if function in (apply, show, trigger):
            _add_run(action)
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("Kubeflow")
    server.add_argument("--endpoint", metavar="URL", help=f"default: {ENDPOINTS[0]}")
    server.add_argument("--namespace", metavar="NAME", help="where each user has one")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--experiment", default=EXPERIMENT, help="default: %(default)s")
    parser.add_argument(
        "--clock",
        metavar="ZONE",
        default=os.environ.get(CLOCK) or _DEFAULT_CLOCK,
        help=f"the time zone that Kubeflow reads cron in (default: {CLOCK}, or {_DEFAULT_CLOCK})",
    )
    add_store_options(parser)


if __name__ == "__main__":
    sys.exit(main())

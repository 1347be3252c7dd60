"""`xstilts doctor --overlay NAME`, or `--cluster`: what runs there will lack, before any starts.

An overlay's files and a cluster's API give the same kinds of objects, so the checks are the same;
each takes the objects and what a run demands, and gives findings.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from components.finish.notify import CHOICES
from components.images import LOCK
from pipelines.doctor.cluster import read_cluster
from pipelines.doctor.demand import Demand
from pipelines.doctor.files import read_demands, read_images
from pipelines.doctor.kubeflow import kubeflow
from pipelines.doctor.kueue import queue
from pipelines.doctor.names import account, runtime, secrets
from pipelines.doctor.objects import Objects
from pipelines.doctor.overlay import read_overlay
from pipelines.doctor.quota import limits, quotas
from pipelines.doctor.study import study
from pipelines.graph import PARALLELISM
from pipelines.pools import POOLS
from pipelines.target import ENDPOINTS
from xstilts.cli_arguments import count
from xstilts.errors import UserError, complain
from xstilts.study.findings import Finding, show

Check = Callable[[Objects, Demand], Iterator[Finding]]
ROOM: tuple[Check, ...] = (queue, quotas, limits)
NAMES: tuple[Check, ...] = (secrets, account, runtime)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print all findings; 2 if one is a problem, or nothing could be looked at."""
    options = _parser().parse_args(arguments)
    try:
        return show(examine(options))
    except UserError as error:
        return complain(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts doctor",
        description="Look for what runs on a cluster will lack. Checked are the schedules, or "
        "what --study, --pool and --nodes say. Without --overlay and --cluster: this machine.",
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="SCHEDULE", help="default: all in k8s/schedules"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--overlay", metavar="NAME", help="what k8s/overlays/NAME would make")
    where.add_argument("--cluster", action="store_true", help="kubectl's cluster as it is")
    parser.add_argument("--namespace", default="", metavar="NAME", help="that of the runs")
    parser.add_argument("--endpoint", metavar="URL", help=f"Kubeflow's (default: {ENDPOINTS[0]})")
    run = parser.add_argument_group("a run, as `xstilts submit` would start it")
    run.add_argument("--study", default="", metavar="NAME")
    run.add_argument("--pool", default="", metavar="NAME", help="default: the first one")
    run.add_argument("--nodes", type=count("nodes"), default=1, metavar="N",
                     help="that train one model together")  # fmt: skip
    run.add_argument("--parallelism", type=count("trainings"), default=PARALLELISM, metavar="N",
                     help="trainings side by side (default: %(default)s)")  # fmt: skip
    run.add_argument("--seeds", default="", metavar="0,1,2")
    run.add_argument("--models", default="", metavar="NAME,NAME")
    run.add_argument("--champion", default="", metavar="NAME")
    run.add_argument("--notify", choices=CHOICES, default="")
    for name in ("--s3-secret", "--notify-secret", "--service-account"):
        run.add_argument(name, default="", metavar="NAME")
    files = parser.add_argument_group("files")
    files.add_argument("--pools", type=Path, default=POOLS, metavar="FILE")
    files.add_argument("--images", type=Path, default=LOCK, metavar="FILE")
    return parser


def examine(options: argparse.Namespace) -> list[Finding]:
    """All findings. Raises `UserError` if there is no such overlay, or no cluster answers."""
    found: list[Finding] = []
    demands = read_demands(options, found)
    if options.overlay:
        objects, where = read_overlay(options.overlay, options.namespace)
    else:
        names = {name for own in demands for name in (own.s3_secret, own.notify_secret)}
        objects, where = read_cluster(options.namespace, names)
        found += kubeflow(options.endpoint, objects.namespace, demands)
    found += _together(
        (demand.source, finding)
        for demand in demands
        for finding in (*read_images(demand, options.images), *_checked(objects, demand))
    )
    return [where, *found]


def _checked(objects: Objects, demand: Demand) -> Iterator[Finding]:
    """What the checks find; without a pool, those of what the run names."""
    if demand.is_placed:
        yield from study(demand)
    for check in (*ROOM, *NAMES) if demand.is_placed else NAMES:
        yield from check(objects, demand)


def _together(found: Iterable[tuple[str, Finding]]) -> list[Finding]:
    """What several sources have in common once, with the names of all of them."""
    sources: dict[Finding, list[str]] = {}
    for source, finding in found:
        own = sources.setdefault(finding, [])
        own += [source] if source and source not in own else []
    return [
        replace(finding, name=f"{finding.name} ({', '.join(names)})" if names else finding.name)
        for finding, names in sources.items()
    ]


if __name__ == "__main__":
    sys.exit(main())

"""`xstilts schedule trigger NAME`: a run of a schedule now, for new data, once."""

import argparse
import time

from pipelines import api
from pipelines.data import short
from pipelines.schedule import recurring as kubeflow
from pipelines.schedule import triggered
from pipelines.schedule.actions import examine, read_all, version_for, wanted_of
from pipelines.schedule.file import Schedule
from pipelines.schedule.recurring import Server, Wanted
from pipelines.schedule.triggered import Started
from xstilts.errors import UserError, raise_if_any

POLL = 30.0  # seconds between two looks at a run that is waited for


def trigger(options: argparse.Namespace) -> int:
    """Apply a schedule, and start a run of it now, unless the same was started before."""
    problems: list[str] = []
    server, schedules = read_all(options, problems)
    found = [schedule for schedule in schedules if schedule.name == options.name]
    if not found and not problems:
        known = ", ".join(schedule.name for schedule in schedules) or "none"
        problems.append(f"no file has the schedule {options.name}; they have {known}.")
    raise_if_any(problems)
    (schedule,) = found
    examine(server)
    experiment = api.experiment(server.endpoint, options.experiment, server.namespace)
    run = _run(server, schedule, experiment, options.wait)
    print(f"{schedule.name}: {'started' if run.new else 'was started before'}: {run.name}"
          f"{f' ({short(schedule.data)})' if schedule.data else ''}")  # fmt: skip
    print(f"Run: {server.endpoint.run(run.id)}", flush=True)
    return 0


def _run(server: Server, schedule: Schedule, experiment: str, wait: bool) -> Started:
    """The run that was started before, or a new one, which no other of the schedule overlaps."""
    wanted = wanted_of(server, schedule, experiment)
    version = version_for(server, schedule)
    name = triggered.title(wanted, version)
    told = ""
    while not (run := triggered.earlier(server, name)):
        other = triggered.hindrance(server, schedule.name)
        if not other:
            return _start(server, wanted, version, name)
        _wait(server, schedule, other, wait, told)
        told = other
    return run


def _start(server: Server, wanted: Wanted, version: kubeflow.Newest, name: str) -> Started:
    done = kubeflow.put(server, wanted)  # runs that are due later read the same data
    print(f"{wanted.name}: {done}", flush=True)
    return triggered.start(server, wanted, version, name)


def _wait(server: Server, schedule: Schedule, run: str, wait: bool, told: str) -> None:
    """Wait a while for a run that goes on, which is told once; or raise `UserError`."""
    address = server.endpoint.run(run)
    if not wait:
        raise UserError(
            f"{schedule.name}: its run {address} goes on, and two at a time would do the same "
            "work: trigger it again when that has ended, or with --wait."
        )
    if run != told:
        print(f"{schedule.name}: waits for its run {address}", flush=True)
    time.sleep(POLL)

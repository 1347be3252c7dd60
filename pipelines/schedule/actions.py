"""What `xstilts schedule` does: explain, apply, list, pause, delete."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import api
from pipelines.data import lacking, short
from pipelines.graph import pipeline_name
from pipelines.schedule import recurring as kubeflow
from pipelines.schedule import times as cron_times
from pipelines.schedule.cron import words
from pipelines.schedule.file import Schedule, read_schedules, zone_named
from pipelines.schedule.recurring import Server, Wanted
from pipelines.schedule.triggered import TRIGGERED
from pipelines.target import read_endpoint, read_store
from xstilts.errors import UserError, raise_if_any

CLOCK = "XSTILTS_KFP_TIME_ZONE"
_SHOWN = 5  # runs that `explain` lists
_TIME = "%a %Y-%m-%d %H:%M %Z"


def explain(options: argparse.Namespace) -> int:
    """Print what schedules do, and when next; asks no server."""
    now = datetime.now(UTC)
    for schedule in read_schedules(options.files):
        told = {"champion": "challenges the champion", "notify": "notifies:"}
        more = [f"{text} {schedule.parameters[name]}" for name, text in told.items()
                if schedule.parameters.get(name)]  # fmt: skip
        print(f"{schedule.name}: {schedule.parameters['study']} on {schedule.pool.name}, "
              f"{words(schedule.cron)} ({schedule.zone.key})")  # fmt: skip
        if schedule.data:
            more.append(f"reads {short(schedule.data)}")
        for line in more:
            print(f"  {line}")
        for moment in cron_times.first(schedule.cron, schedule.zone, now, _SHOWN):
            print(f"  {moment:{_TIME}}")
        for line in cron_times.upsets(schedule.cron, schedule.zone, now)[:_SHOWN]:
            print(f"  note: {line}")
    return 0


def apply(options: argparse.Namespace) -> int:
    """Make the server's schedules what the files say. One that fails does not stop the others."""
    problems: list[str] = []
    server, schedules = read_all(options, problems)
    raise_if_any(problems)
    examine(server)
    experiment = api.experiment(server.endpoint, options.experiment, server.namespace)
    now = datetime.now(UTC)
    for schedule in schedules:
        try:
            done = kubeflow.put(server, wanted_of(server, schedule, experiment))
        except UserError as error:
            problems += error.problems
            continue
        (next_run,) = cron_times.first(schedule.cron, schedule.zone, now, 1)
        print(f"{schedule.name}: {done}; next run {next_run:{_TIME}}", flush=True)
        for line in cron_times.upsets(schedule.cron, schedule.zone, now)[:1]:
            print(f"  note: {line}")
    raise_if_any(problems)
    return 0


def show(options: argparse.Namespace) -> int:
    """List the server's schedules, and how they differ from the files."""
    problems: list[str] = []
    server, schedules = read_all(options, problems)
    raise_if_any(problems)
    examine(server)
    experiment = api.find_experiment(server.endpoint, options.experiment, server.namespace)
    known: dict[str, kubeflow.Recurring] = {}
    for own in kubeflow.recurring(server):
        known[own.name] = own  # the newest comes last
    files = {schedule.name: schedule for schedule in schedules}
    for name in sorted(known.keys() | files.keys()):
        if name not in known:
            print(f"{name}: not applied")
            continue
        own, schedule = known[name], files.get(name)
        difference = _difference(server, own, schedule, experiment)
        state = ["enabled" if own.enabled else "paused", *filter(None, [difference])]
        print(f"{name}: {', '.join(state)}; {own.cron}")
        _show_last(server, own, None if difference else schedule)
    return 0


def pause(options: argparse.Namespace) -> int:
    """Start no more runs of schedules, until they are applied again."""
    return _each(options, kubeflow.pause, "paused; apply it again to go on")


def delete(options: argparse.Namespace) -> int:
    """Remove schedules from the server."""
    return _each(options, kubeflow.delete, "deleted")


def _server(options: argparse.Namespace, problems: list[str]) -> Server:
    return Server(read_endpoint(options.endpoint, problems), options.namespace)


def read_all(options: argparse.Namespace, problems: list[str]) -> tuple[Server, list[Schedule]]:
    """The server and the schedules, with their store; mistakes go to `problems`."""
    server = _server(options, problems)
    try:
        schedules = read_schedules(options.files)
        clock = zone_named(options.clock)
    except UserError as error:
        problems += error.problems
        return server, []
    found = []
    for schedule in schedules:
        problems += _clock_problems(schedule, clock)
        given = {name: schedule.parameters.get(name) or getattr(options, name)
                 for name in ("s3_url", "s3_endpoint", "s3_region")}  # fmt: skip
        wrong: list[str] = []
        store = read_store(given, wrong)
        problems += [problem for problem in wrong if problem not in problems]
        problems += [f"{schedule.file}: {text}" for text in lacking(schedule.data, store)]
        found.append(replace(schedule, parameters={**schedule.parameters, **store}))
    return server, found


def _clock_problems(schedule: Schedule, clock: ZoneInfo) -> list[str]:
    """KFP has one time zone for all schedules, and takes none with a schedule."""
    if cron_times.same_clock(schedule.zone, clock, datetime.now(UTC)):
        return []
    return [
        f"{schedule.file}: time_zone is {schedule.zone.key}, but Kubeflow reads all schedules in "
        f"{clock.key}. Write this one in {clock.key}; or set CRON_SCHEDULE_TIMEZONE of Kubeflow's "
        f"scheduled-workflow controller to {schedule.zone.key}, and give --clock or {CLOCK}."
    ]


def examine(server: Server) -> None:
    """Note what the server does not say. Raises `UserError` if it cannot run the pipeline."""
    if not api.examine(server.endpoint, server.namespace):
        oldest = ".".join(map(str, api.OLDEST))
        print(f"note: the server does not say its version; {oldest} is needed.", file=sys.stderr)


def version_for(server: Server, schedule: Schedule) -> kubeflow.Newest:
    """The version of the pipeline that a schedule runs; `UserError` if it cannot run it."""
    name = pipeline_name(schedule.pool.device)
    version = kubeflow.pipeline(server, name)
    raise_if_any(
        f"{schedule.file}: the newest version of the pipeline {name} at {server.endpoint.url} has "
        f"no parameter {parameter}: upload what this clone compiles."
        for parameter in schedule.parameters
        if parameter not in version.parameters
    )
    return version


def wanted_of(server: Server, schedule: Schedule, experiment: str) -> Wanted:
    """The recurring run that a schedule is. Raises `UserError` if the pipeline cannot run it."""
    pipeline = version_for(server, schedule).pipeline
    body: dict[str, Any] = {
        "display_name": schedule.name,
        "pipeline_version_reference": {"pipeline_id": pipeline},  # of which the newest version runs
        "runtime_config": {"parameters": dict(schedule.parameters)},
        "trigger": {"cron_schedule": {"cron": schedule.cron.kubeflow}},
        "mode": "ENABLE",
        "max_concurrency": "1",
        "no_catchup": True,
        "experiment_id": experiment,
    }
    if schedule.service_account:
        body["service_account"] = schedule.service_account
    content = json.dumps([schedule.zone.key, body], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()
    text = (
        f"{schedule.parameters['study']} on {schedule.pool.name}, {words(schedule.cron)} "
        f"({schedule.zone.key}). {kubeflow.mark(digest)}"
    )
    return Wanted(schedule.name, digest, body | {"description": text})


def _difference(
    server: Server, own: kubeflow.Recurring, schedule: Schedule | None, experiment: str
) -> str:
    """How what the server has differs from the file, '' if it does not."""
    if schedule is None:
        return "in no file"
    try:
        same = wanted_of(server, schedule, experiment).digest == own.digest
    except UserError as error:
        return f"which cannot go on: {error.problems[0]}"
    return "" if same else "changed since it was applied"


def _show_last(server: Server, own: kubeflow.Recurring, schedule: Schedule | None) -> None:
    """The last run, and a note if it was due at a time that `schedule` does not have."""
    run = kubeflow.last_run(server, own)
    if run is None:
        return
    print(f"  last run: {run.get('state')}, {server.endpoint.run(str(run['run_id']))}")
    by_hand = str(run.get("description", "")).startswith(TRIGGERED)
    if schedule is None or by_hand or not run.get("scheduled_at"):
        return
    due = datetime.fromisoformat(run["scheduled_at"])
    if due.timestamp() > 0 and not cron_times.fires(schedule.cron, schedule.zone, due):
        print(f"  note: that was due at {due.astimezone(schedule.zone):{_TIME}}, when it should "
              "not be: Kubeflow reads cron in another time zone than --clock says.")  # fmt: skip


def _each(options: argparse.Namespace, function: Callable[[Server, str], None], done: str) -> int:
    problems: list[str] = []
    server = _server(options, problems)
    raise_if_any(problems)
    examine(server)
    for name in options.names:
        try:
            function(server, name)
            print(f"{name}: {done}", flush=True)
        except UserError as error:
            problems += error.problems
    raise_if_any(problems)
    return 0

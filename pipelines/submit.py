"""`xstilts submit`: start a run of a study on Kubeflow, and follow it if asked to."""

import argparse
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from components.finish.notify import CHOICES
from components.plan.placement import read_json, read_placement
from components.plan.studies import study_name
from pipelines import api
from pipelines.compile import Build, add_build_options, compile_ir, read_build
from pipelines.data import check_study, lacking
from pipelines.sharing import sharing_problems
from pipelines.target import ENDPOINTS, EXPERIMENT, add_store_options, read_endpoint, read_store
from xstilts.errors import UserError, complain, raise_if_any
from xstilts.registry.place import checked
from xstilts.store.tracked import Revisions

POLL = 5.0  # seconds between two looks at a run
PATIENCE = 12  # looks in a row that may fail while a run is followed
STOPPED = 130
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_TEXTS = ("seeds", "models", "gpus", "gpu_type", "s3_secret", "champion", "notify",
          "notify_secret")  # parameters that are texts  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What to start, and where; all of it has been checked."""

    endpoint: api.Endpoint
    build: Build
    parameters: dict[str, Any]
    run_name: str
    experiment: str
    namespace: str | None
    service_account: str | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a run; 2 for mistakes of the user's, with --wait 1 if the run does not succeed."""
    options = _parser().parse_args(arguments)
    try:
        order = read_order(options)
        run = submit(order)
        address = order.endpoint.run(run)
        print(f"Run: {address}", flush=True)
        if not options.wait:
            return 0
        return _follow(order.endpoint, run, options.timeout)
    except UserError as error:
        return complain(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts submit",
        description="Run a study on Kubeflow. What its store holds already is not run again.",
        epilog=f"A token for the endpoint is taken from {api.TOKEN}.",
    )
    add_build_options(parser, "a study's name")
    parser.add_argument("--file", type=Path, help="the study's YAML, instead of a name")
    what = parser.add_argument_group("what runs")
    what.add_argument("--seeds", metavar="0,1,2", help="instead of the study's own")
    what.add_argument("--models", metavar="NAME,NAME", help="instead of the study's own")
    where = parser.add_argument_group("on which nodes, instead of what the pool says")
    where.add_argument("--gpus", metavar="N", help="GPUs of each training pod")
    where.add_argument("--gpu-type", metavar="RESOURCE", help="of the GPUs")
    where.add_argument("--tolerations", metavar="JSON", help="list, for training pods")
    where.add_argument("--node-selector", metavar="JSON", help="mapping, for training pods")
    store = add_store_options(parser)
    store.add_argument("--s3-secret", metavar="NAME", help="its keys (default: xstilts-s3)")
    after = parser.add_argument_group("in the end")
    after.add_argument("--champion", metavar="NAME", help="challenge the champion of that name")
    after.add_argument("--notify", choices=CHOICES, help="tell the webhook (default: never)")
    after.add_argument("--notify-secret", metavar="NAME", help="its url (default: xstilts-notify)")
    server = parser.add_argument_group("Kubeflow")
    server.add_argument("--endpoint", metavar="URL", help=f"default: {ENDPOINTS[0]}")
    server.add_argument("--namespace", metavar="NAME", help="where each user has one")
    server.add_argument("--service-account", metavar="NAME", help="of the run's pods")
    server.add_argument("--experiment", default=EXPERIMENT, help="default: %(default)s")
    server.add_argument("--run-name", metavar="TEXT", help="default: study and time")
    server.add_argument("--wait", action="store_true", help="follow the run to its end")
    server.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="of --wait")
    return parser


def read_order(options: argparse.Namespace) -> Order:
    """Check the command line. Raises `UserError` with everything that is wrong in it."""
    problems: list[str] = []
    endpoint = read_endpoint(options.endpoint, problems)
    build = read_build(options, problems)
    study, data = _study(options, problems)
    store = read_store(vars(options), problems)
    problems += lacking(data, store)
    parameters = {"study": study, **store, **_placement(options, build, problems)}
    if data:
        parameters["data"] = dict(data)
    problems += _sharing(options, build, study, data)
    texts = {name: getattr(options, name) for name in _TEXTS}
    parameters |= {name: text for name, text in texts.items() if text is not None}
    for name in ("s3_secret", "notify_secret", "service_account", "namespace"):
        value = getattr(options, name)
        if value is not None and not _NAME.fullmatch(value):
            problems.append(f"--{name.replace('_', '-')} {value!r} is no name for Kubernetes.")
    if options.champion is not None:
        try:
            checked(options.champion)
        except UserError as error:
            problems += error.problems
    if options.timeout is not None and not options.wait:
        problems.append("--timeout goes with --wait only.")
    raise_if_any(problems)
    started = f"{study_name(study)} {datetime.now():%Y-%m-%d %H:%M}"
    return Order(
        endpoint=endpoint,
        build=build,
        parameters=parameters,
        run_name=options.run_name or started,
        experiment=options.experiment,
        namespace=options.namespace,
        service_account=options.service_account,
    )


def submit(order: Order) -> str:
    """Start the run; returns its id."""
    version = api.examine(order.endpoint, order.namespace)
    if not version:
        oldest = ".".join(map(str, api.OLDEST))
        print(f"note: the server does not say its version; {oldest} is needed.", file=sys.stderr)
    specification, platform = compile_ir(order.build)
    body = {
        "display_name": order.run_name,
        "experiment_id": api.experiment(order.endpoint, order.experiment, order.namespace),
        "pipeline_spec": {"pipeline_spec": specification, "platform_spec": platform},
        "runtime_config": {"parameters": order.parameters},
    }
    if order.service_account:
        body["service_account"] = order.service_account
    return api.start(order.endpoint, body)


def _study(options: argparse.Namespace, problems: list[str]) -> tuple[str, Revisions]:
    """The study as the pipeline gets it: a name, or YAML; and the data that it reads."""
    study = str(options.study)
    if options.file is not None:
        if study:
            problems.append(f"a study is named ({study}) and given by --file: leave one out.")
        try:
            study = options.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"--file {options.file} cannot be read: {error}.")
            return "", {}
    try:
        return study, check_study(study, options.seeds or "", options.models or "")
    except UserError as error:
        problems += error.problems
        return study, {}


def _placement(options: argparse.Namespace, build: Build, problems: list[str]) -> dict[str, Any]:
    """Pool, tolerations and node selector, as values; number and type of GPUs are checked, too."""
    found = read_placement(
        options.gpus or "",
        options.gpu_type or "",
        options.tolerations or "",
        options.node_selector or "",
        problems,
    )
    if build.device == "cpu" and found.gpus:
        problems.append(f"--gpus {found.gpus} goes with the device cuda only.")
    values: dict[str, Any] = {"pool": options.pool} if options.pool else {}
    for name, kind in (("tolerations", list), ("node_selector", dict)):
        if text := getattr(options, name):
            values[name] = read_json(name, text, kind, [])  # what is wrong was found above
    return values


def _sharing(options: argparse.Namespace, build: Build, study: str, data: Revisions) -> list[str]:
    """Trainings whose processes do not find their GPUs on the nodes."""
    if not build.pools:  # what is wrong with them was found above
        return []
    given = read_placement(options.gpus or "", "", "", "", [])
    gpus = given.gpus if options.gpus else build.pools[0].gpus
    return sharing_problems(
        study, options.seeds or "", options.models or "", data, gpus, build.nodes
    )


def _follow(endpoint: api.Endpoint, run: str, timeout: float | None) -> int:
    try:
        return follow(endpoint, run, timeout)
    except KeyboardInterrupt:
        print(f"No longer followed; the run goes on: {endpoint.run(run)}", file=sys.stderr)
        return STOPPED


def follow(endpoint: api.Endpoint, run: str, timeout: float | None) -> int:
    """Print the states of a run until it ends; 0 if it succeeds, else 1.

    Raises `UserError` if the server cannot be asked any more; the run goes on then.
    """
    started, shown, failures = time.monotonic(), "", 0
    while True:
        try:
            found = api.read_run(endpoint, run)
            failures = 0
        except api.Unreachable:
            failures += 1
            if failures > PATIENCE:
                raise
            found = {}
        state = str(found.get("state") or shown)
        if state != shown:
            print(f"{datetime.now():%H:%M:%S} {state}", flush=True)
            shown = state
        if state in api.ENDED:
            for line in _failures(found):
                print(line, file=sys.stderr)
            return int(state != "SUCCEEDED")
        if timeout is not None and time.monotonic() - started > timeout:
            print(f"{state or 'unknown'} after {timeout:.0f} s; the run goes on.", file=sys.stderr)
            return 1
        time.sleep(POLL)


def _failures(run: dict[str, Any]) -> list[str]:
    """What the server says of what failed."""
    tasks = (run.get("run_details") or {}).get("task_details") or []
    names = dict.fromkeys(
        str(task.get("display_name")) for task in tasks if task.get("state") == "FAILED"
    )
    lines = [f"failed: {', '.join(names)}"] if names else []
    message = (run.get("error") or {}).get("message")
    return [*lines, str(message)] if message else lines


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())

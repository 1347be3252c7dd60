"""The first pod of a run: check everything, look up what is finished, and plan the rest."""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from components import workspace
from components.outputs import write_outputs
from components.plan.checks import Asked, Findings, disk_problems, examine
from components.plan.device import device_notes, device_of
from components.plan.studies import study_name
from components.plan.summary import markdown, memory_notes, plan_json, states
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, raise_if_any
from xstilts.observe.logs import LOG, configure, say
from xstilts.observe.subject import about
from xstilts.store import fragments, lookup, objects
from xstilts.store.location import Location
from xstilts.store.tracked import Revisions
from xstilts.study.estimate import estimate
from xstilts.study.fanout import pods
from xstilts.study.params import params_text
from xstilts.study.plan import Stage, stages

WORK = Path()  # where pods work: the current folder
_LEAST_DISK = 50e6  # bytes, for the plan itself
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan the run of the command line; 2 for mistakes of the user's, each on its line."""
    options = vars(_parser().parse_args(arguments))
    outputs = options.pop("outputs")
    try:
        configure()
        asked = Asked(**options)
        with about(study_name(asked.study) or "unnamed", "plan"):
            found = examine(asked, workspace.home() / "pipelines" / "studies")
            _check_run(asked.run_id, found)
            _plan(asked.run_id, found, outputs)
    except UserError as error:
        for problem in error.problems:
            LOG.error("%s", problem)
        return USER_ERROR_EXIT_CODE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.plan",
        description="Check a run and write its plan to the store. An empty text is not given.",
    )
    for field in fields(Asked):
        required = field.name in ("study", "s3_url", "run_id")
        parser.add_argument(f"--{field.name.replace('_', '-')}", default="", required=required)
    parser.add_argument("--outputs", metavar="JSON", help="KFP's executor input: write outputs")
    return parser


def _check_run(run: str, found: Findings) -> None:
    if not _RUN.fullmatch(run):
        found.problems.append(f"the run's id {run!r} may hold letters, digits, dots and hyphens.")


def _plan(run: str, found: Findings, outputs: str | None) -> None:
    """Plan what was found to be right; raises `UserError` with all problems if it is not."""
    if found.params is None or found.store is None:
        raise UserError([*found.problems, *disk_problems(WORK.resolve(), "the plan", _LEAST_DISK)])
    plan, device = stages(found.params), device_of(found.placement)
    whole = estimate(found.params, plan, pods(plan, ()), device, found.placement.gpus, found.nodes)
    raise_if_any([*found.problems, *disk_problems(WORK.resolve(), whole.disk_stage, whole.disk)])
    known = _known(found.params, plan, found.store, found.data)
    to_run = pods(plan, known)
    cost = estimate(found.params, plan, to_run, device, found.placement.gpus, found.nodes)
    notes = [*device_notes(found.placement), *memory_notes(cost), *found.notes]
    study = found.params["study"]["name"]
    folder = fragments.run_folder(found.store, study, run)
    text = markdown(f"Plan of {study}, run {run}", states(plan, known), to_run, cost, notes)
    say(text)
    content = plan_json(plan, known, to_run, cost, notes) | {"champion": found.champion}
    fragments.write_data(folder, found.data)
    _write(folder, found.params, known, content)
    say(f"Run: {folder}")
    if outputs:
        write_outputs(
            outputs,
            parameters={"run": str(folder), **to_run.outputs(), **found.chosen.outputs()},
            files={"summary": text},
        )


def _known(
    params: dict[str, Any], plan: list[Stage], store: Location, data: Revisions
) -> dict[str, Any]:
    """Lock entries of what the store holds; publish runs anyhow, so that it is of this run."""
    with tempfile.TemporaryDirectory(prefix="xstilts-plan-", dir=WORK) as scratch:
        folder = Path(scratch).resolve() / "workspace"
        root = workspace.prepare(folder, params_text(params), store, data)
        known = lookup.known(root, plan, store)
    return {name: entry for name, entry in known.items() if name != "publish"}


def _write(
    run: Location, params: dict[str, Any], known: dict[str, Any], content: dict[str, Any]
) -> None:
    """Write the run's folder; plan.json comes last, so that it says that all is there."""
    objects.write(run, params_text(params).encode(), fragments.PARAMS, content_type="text/yaml")
    objects.together(lambda item: fragments.write(run, *item), known.items())
    text = json.dumps(content, indent=1)
    objects.write(run, text.encode(), fragments.PLAN, content_type="application/json")


if __name__ == "__main__":
    sys.exit(main())

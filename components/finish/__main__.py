"""The exit handler of a run: say what ran, what is missing and why, however the run ended."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from components.finish.notify import CHOICES, NEVER, notify
from components.plan.studies import study_name
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.observe.logs import LOG, configure, say
from xstilts.observe.subject import about
from xstilts.store import fragments, objects
from xstilts.store.location import Location, parse

COMPLETE, INCOMPLETE, NOT_PLANNED = "complete", "incomplete", "not planned"
UNKNOWN = "unknown"
_SHOWN = 20  # names of missing stages in the log; status.json has all
_LINES = 5  # of an error


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the run's status.json, and tell people; 2 only if the store cannot be used."""
    options = _parser().parse_args(arguments)
    name = study_name(options.study)
    try:
        configure()
        with about(name or "unnamed", "finish"):
            _finish(options, name)
    except UserError as error:
        for problem in error.problems:
            LOG.error("%s", problem)
        head = f"Study {name}, run {options.run_id}: {UNKNOWN}. The store cannot be used."
        _tell(options.notify, False, [head, *error.problems])
        return USER_ERROR_EXIT_CODE
    return 0


def _finish(options: argparse.Namespace, name: str | None) -> None:
    if name is None:
        told = [f"Run {options.run_id}: {NOT_PLANNED}; the study has no name."]
        say(*told)
        _tell(options.notify, False, told)
        return
    store = parse(options.s3_url, endpoint=options.s3_endpoint, region=options.s3_region)
    run = fragments.run_folder(store, name, options.run_id)
    status = read_status(run)
    told = lines(name, options.run_id, status)
    say("\n".join(told), state=status["state"], seconds=status["seconds"])
    _write(run, status)
    if outcome := _tell(options.notify, status["state"] == COMPLETE, told):
        _write(run, status | {"notification": outcome})


def _write(run: Location, status: Mapping[str, Any]) -> None:
    text = json.dumps(status, indent=1)
    objects.write(run, text.encode(), "status.json", content_type="application/json")


def _tell(when: str, ended_well: bool, told: list[str]) -> str:
    """Send the message if it is asked for; returns what came of it, which is in the log, too."""
    outcome = notify(when, ended_well, told)
    if outcome:
        say(f"Notification {outcome}.")
    return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m components.finish",
        description="Write what became of a run to its folder in the store.",
    )
    parser.add_argument("--study", required=True, help="the study's name, or its YAML")
    parser.add_argument("--s3-url", required=True)
    parser.add_argument("--s3-endpoint", default="")
    parser.add_argument("--s3-region", default="")
    parser.add_argument("--run-id", required=True)
    words = ", ".join(CHOICES)
    parser.add_argument("--notify", default=NEVER, help=f"when to tell the webhook: {words}")
    return parser


def read_status(run: Location) -> dict[str, Any]:
    """What became of a run, from its folder in the store."""
    text = objects.read(run, fragments.PLAN)
    if text is None:
        nothing: dict[str, Any] = {"counts": {}, "missing": [], "failed": {}, "seconds": 0}
        return {"state": NOT_PLANNED, **nothing, "champion": None}
    finished = {name.removesuffix(".yaml") for name in objects.names(run, "lock")}
    return status_of(json.loads(text), finished, fragments.read_receipts(run))


def status_of(
    plan: Mapping[str, Any],
    finished: set[str],
    receipts: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The content of status.json; `finished` are the stages that have a lock fragment.

    `seconds` are those since the plan was written; `failed` maps a stage to its error, and
    has only stages that did not finish in a later try. `champion` is what the gate decided, None
    if the run challenges none.
    """
    planned: Mapping[str, str] = plan["stages"]
    missing = [name for name in planned if name not in finished]
    outcomes = Counter(
        "store" if state == "store" or _outcome(receipts, name) == "store" else "ran"
        for name, state in planned.items()
        if name in finished
    )
    failed = {
        name: str(receipts[name].get("error") or "it ended without saying why")
        for name in missing
        if _outcome(receipts, name) == "failed"
    }
    since = datetime.now(UTC) - datetime.fromisoformat(plan["written"])
    return {
        "state": INCOMPLETE if missing else COMPLETE,
        "counts": {**outcomes, "missing": len(missing), "failed": len(failed)},
        "missing": missing,
        "failed": failed,
        "seconds": round(since.total_seconds()),
        "champion": _champion(plan, receipts),
    }


def _champion(
    plan: Mapping[str, Any], receipts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    if not plan.get("champion"):
        return None
    undecided = {
        "name": plan["champion"],
        "promoted": False,
        "reason": "The run was not published, so nothing was decided.",
        "against": None,
    }
    decided: dict[str, Any] = receipts.get("publish", {}).get("champion") or undecided
    return decided


def _outcome(receipts: Mapping[str, Mapping[str, Any]], stage: str) -> str | None:
    return receipts[stage].get("outcome") if stage in receipts else None


def lines(study: str, run: str, status: Mapping[str, Any]) -> list[str]:
    """The status for people."""
    counts = status["counts"]
    head = f"Study {study}, run {run}: {status['state']}"
    if not counts:
        return [f"{head}. The plan did not end well; its log says why."]
    found = [
        f"{head}. {counts.get('ran', 0)} stages ran, {counts.get('store', 0)} were in the store, "
        f"{counts['missing']} are missing ({status['seconds']} s since the plan)."
    ]
    found += [f"missing: {name}" for name in status["missing"][:_SHOWN]]
    if len(status["missing"]) > _SHOWN:
        found.append(f"missing: {len(status['missing']) - _SHOWN} more, see status.json")
    for name, error in status["failed"].items():
        first, *rest = error.strip().splitlines()[-_LINES:]
        found += [f"{name} failed: {first}", *(f"    {line}" for line in rest)]
    if champion := status["champion"]:
        became = "became the champion" if champion["promoted"] else "did not become the champion"
        found.append(f"It {became} {champion['name']}. {champion['reason']}")
    if status["missing"]:
        found.append("Start the pipeline again with the same study: what is finished is kept.")
    return found


if __name__ == "__main__":
    sys.exit(main())

"""`xstilts-stage STAGE…`: what a container does to bring stages of a study up to date.

For each stage: fetch the lock fragments of the stages it depends on, look the result up in
the store, and only if it is not there pull those dependencies, have DVC run the stage, and
push what it wrote. The stage's own fragment comes last: it says that all of this is done.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from components import dvc_steps
from components.desk import Desk, open_desk
from components.outputs import write_outputs
from components.shown import shown
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, raise_if_any
from xstilts.process import age
from xstilts.store import fragments, lookup
from xstilts.store.location import parse
from xstilts.study.plan import Stage

RAN, STORED, FAILED = "ran", "store", "failed"


@dataclass
class Visit:
    """What this pod does for one stage; `seconds` by step."""

    stage: Stage
    outcome: str = FAILED
    error: str = ""
    entry: lookup.Entry = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - started, 3)

    def line(self) -> str:
        """The receipt as a line for people."""
        if self.outcome == STORED:
            return f"{self.stage.name} was in the store"
        return f"{self.stage.name} {self.outcome} in {sum(self.seconds.values()):.0f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring stages up to date; returns the exit code (2 for a mistake of the user's)."""
    options = _parser().parse_args(arguments)
    try:
        with _stoppable(), tempfile.TemporaryDirectory(prefix="xstilts-", dir=".") as scratch:
            desk = open_desk(parse(options.run), Path(scratch))
            visits = _visits(desk, _chosen(desk, options.stages))
            if options.outputs:
                write_outputs(options.outputs, **_outputs(desk, visits))
    except UserError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return USER_ERROR_EXIT_CODE
    except dvc_steps.StageFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts-stage",
        description="Bring stages of a planned run up to date, from the store and back to it.",
    )
    parser.add_argument("stages", help="names of stages, such as 'finetune@mini-none-xnli-0'")
    parser.add_argument("--run", required=True, metavar="ADDRESS", help="the run's folder, s3://…")
    parser.add_argument("--outputs", metavar="JSON", help="KFP's executor input: write outputs")
    return parser


def _outputs(desk: Desk, visits: Sequence[Visit]) -> dict[str, Any]:
    receipt = "; ".join(visit.line() for visit in visits) or "nothing to do"
    return shown(desk, [(visit.stage.phase, visit.entry) for visit in visits], receipt)


def _chosen(desk: Desk, names: str) -> list[Stage]:
    raise_if_any(
        f"the study {desk.params['study']['name']} has no stage {name!r}; see {desk.run}/plan.json."
        for name in names.split()
        if name not in desk.plan
    )
    return [desk.plan[name] for name in names.split()]


def _visits(desk: Desk, chosen: Sequence[Stage]) -> list[Visit]:
    """Deal with one stage after the other; an error ends it."""
    visits: list[Visit] = []
    start = round(age(), 3)
    for stage in chosen:
        visits.append(_visit(desk, stage, start))
        start = 0.0
    return visits


def _visit(desk: Desk, stage: Stage, start: float) -> Visit:
    """Bring one stage up to date and leave a receipt; `start`: seconds before we came to it."""
    visit = Visit(stage, seconds={"start": start})
    try:
        visit.entry = _result(desk, visit)
        with visit.timed("record"):
            if stage.phase == "publish":
                from components.announce import announce  # a second that other stages do not need

                announce(desk, stage, visit.entry)
            fragments.write(desk.run, stage.name, visit.entry)
    except BaseException as error:  # whatever it is, the run's folder should tell of it
        visit.outcome, visit.error = FAILED, str(error) or repr(error)
        try:
            _leave_receipt(desk, visit)
        except UserError as second:
            print(f"warning: the store has no receipt of this: {second}", file=sys.stderr)
        raise
    _leave_receipt(desk, visit)
    return visit


def _leave_receipt(desk: Desk, visit: Visit) -> None:
    print(visit.line(), flush=True)
    receipt = {name: getattr(visit, name) for name in ("outcome", "error", "seconds")}
    fragments.write_receipt(desk.run, visit.stage.name, receipt)


def _result(desk: Desk, visit: Visit) -> lookup.Entry:
    """The stage's lock entry: from the store, or by running it."""
    stage = visit.stage
    with visit.timed("look up"):
        inputs = fragments.read_all(desk.run, stage.deps)
        _check_inputs(desk, stage, inputs)
        entry = lookup.find(desk.root, stage, inputs, desk.store)
    if entry is not None:
        visit.outcome = STORED
        return entry
    with visit.timed("pull"):
        dvc_steps.pull(desk, inputs)
    with visit.timed("work"):
        dvc_steps.run(desk, stage)
    with visit.timed("push"):
        entry = dvc_steps.push(desk, stage)
    visit.outcome = RAN
    return entry


def _check_inputs(desk: Desk, stage: Stage, inputs: lookup.Entries) -> None:
    """A pod never runs an upstream stage: what is missing is an error."""
    raise_if_any(
        f"{stage.name} needs the output of {name}, which has not finished in this run "
        f"({desk.run.url}): run {name} first."
        for name in stage.deps
        if name not in inputs
    )
    raise_if_any(
        f"{stage.name} needs the output of {name}, which the store has lost: {desk.store.url} "
        f"lacks {entry['outs'][0]['path']} ({entry['outs'][0]['md5']}). Start a new run: its "
        "plan finds what is missing and makes it again."
        for name, entry in inputs.items()
        if not lookup.has_outputs(desk.store, entry)
    )


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let signals unwind the stack: the stage's processes end and the scratch folder goes."""

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {n: signal.signal(n, leave) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())

"""`xstilts-stage STAGE…`: what a container does to bring stages of a study up to date.

For each stage: fetch the lock fragments of the stages it depends on, look the result up in
the store, and only if it is not there pull those dependencies, have DVC run the stage, and
push what it wrote. The stage's own fragment comes last: it says that all of this is done.

Where several nodes train together, all of them get this command. The first does the above; the
others only help it (see components/node.py), and write nothing.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from components import dvc_steps, node
from components.desk import Desk, open_desk
from components.outputs import write_outputs
from components.shown import shown
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, raise_if_any
from xstilts.observe.logs import LOG, configure, say
from xstilts.observe.subject import about
from xstilts.process import age
from xstilts.store import fragments, lookup
from xstilts.store.location import parse
from xstilts.study.plan import Stage

RAN, STORED, FAILED = "ran", "store", "failed"


@dataclass
class Visit:
    """What this pod does for one stage; `seconds` by step, without those it was `waited` for."""

    stage: Stage
    waited: float | None = None
    outcome: str = FAILED
    error: str = ""
    entry: lookup.Entry = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    champion: dict[str, Any] | None = None  # what the gate decided, if it was asked

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


Make = Callable[[Desk, Visit, lookup.Entries], lookup.Entry]


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring stages up to date; returns the exit code (2 for a mistake of the user's)."""
    options = _parser().parse_args(arguments)
    return serve(options, partial(visit_all, make=_here) if node.is_first() else node.help_all)


def serve(
    options: argparse.Namespace, deal: Callable[[Desk, Sequence[Stage]], Sequence[Visit]]
) -> int:
    """Have `deal` deal with the stages of a command line, and hand on what Kubeflow shows.

    `options` holds what `add_stage_options` adds; returns the exit code.
    """
    try:
        configure()
        with _stoppable(), tempfile.TemporaryDirectory(prefix="xstilts-", dir=".") as scratch:
            desk = open_desk(parse(options.run), Path(scratch))
            visits = deal(desk, _chosen(desk, options.stages))
            if options.outputs:
                write_outputs(options.outputs, **_outputs(desk, visits))
    except UserError as error:
        for problem in error.problems:
            LOG.error("%s", problem)
        return USER_ERROR_EXIT_CODE
    except dvc_steps.StageFailed as error:
        LOG.error("%s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts-stage",
        description="Bring stages of a planned run up to date, from the store and back to it.",
    )
    add_stage_options(parser)
    return parser


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which stages of which run, and what KFP wants to be told."""
    parser.add_argument("stages", help="names of stages, such as 'finetune@mini-none-xnli-0'")
    parser.add_argument("--run", required=True, metavar="ADDRESS", help="the run's folder, s3://…")
    parser.add_argument("--outputs", metavar="JSON", help="KFP's executor input: write outputs")


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


def visit_all(desk: Desk, chosen: Sequence[Stage], make: Make) -> list[Visit]:
    """Bring one stage after the other up to date, by `make` where the store has no result."""
    visits: list[Visit] = []
    for stage in chosen:
        start = 0.0 if visits else round(age(), 3)  # before we came to it
        visit = Visit(stage, seconds={"start": start})
        if not visits:
            visit.waited = _waited(desk, stage)
        with about(desk.params["study"]["name"], stage.name, visit.waited):
            _bring_up_to_date(desk, visit, make)
        visits.append(visit)
    return visits


def _waited(desk: Desk, stage: Stage) -> float:
    """Seconds from when the stage could have begun, by the store's clock, until we did."""
    ready = fragments.ready(desk.run, stage.name, stage.deps)
    return max(0.0, round(time.time() - age() - ready, 3))


def _bring_up_to_date(desk: Desk, visit: Visit, make: Make) -> None:
    """Deal with a stage and leave a receipt."""
    stage = visit.stage
    try:
        visit.entry = _result(desk, visit, make)
        with visit.timed("record"):
            if stage.phase == "publish":
                from components.announce import announce  # a second that other stages do not need

                visit.champion = announce(desk, stage, visit.entry)
            fragments.write(desk.run, stage.name, visit.entry)
    except BaseException as error:  # whatever it is, the run's folder should tell of it
        visit.outcome, visit.error = FAILED, str(error) or repr(error)
        try:
            _leave_receipt(desk, visit)
        except UserError as second:
            LOG.warning("the store has no receipt of this: %s", second)
        raise
    _leave_receipt(desk, visit)


def _leave_receipt(desk: Desk, visit: Visit) -> None:
    seconds = sum(visit.seconds.values())
    say(visit.line(), outcome=visit.outcome, seconds=round(seconds, 3), waited=visit.waited)
    receipt = {name: getattr(visit, name) for name in ("outcome", "error", "seconds", "waited")}
    if visit.champion:
        receipt["champion"] = visit.champion
    fragments.write_receipt(desk.run, visit.stage.name, receipt)


def _result(desk: Desk, visit: Visit, make: Make) -> lookup.Entry:
    """The stage's lock entry: from the store, or by making its result."""
    with visit.timed("look up"):
        inputs, entry = dvc_steps.look_up(desk, visit.stage)
    if entry is not None:
        visit.outcome = STORED
        return entry
    entry = make(desk, visit, inputs)
    visit.outcome = RAN
    return entry


def _here(desk: Desk, visit: Visit, inputs: lookup.Entries) -> lookup.Entry:
    """Run a stage in this pod; returns its lock entry."""
    with visit.timed("pull"):
        dvc_steps.pull(desk, inputs, dvc_steps.tracked_inputs(desk, visit.stage))
    with visit.timed("work"):
        dvc_steps.run(desk, visit.stage)
    with visit.timed("push"):
        return dvc_steps.push(desk, visit.stage)


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

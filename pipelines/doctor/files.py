"""What is wrong with the files that runs are made of: schedules, pools, studies, images.lock."""

import argparse
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from components.images import pinned, read_lock
from components.plan.data import Data
from components.plan.studies import read_study
from pipelines.compile import STUDIES
from pipelines.data import check_study
from pipelines.doctor.demand import Demand, of_schedule
from pipelines.placement import STEPS, flavours
from pipelines.pools import Pool, ordered, read_pools
from pipelines.schedule import file as schedule_file
from pipelines.schedule.file import Schedule, read_schedule, read_schedules
from pipelines.target import read_store
from xstilts.errors import UserError
from xstilts.registry.place import checked
from xstilts.study.findings import NOTE, PROBLEM, Finding
from xstilts.study.page import read_page
from xstilts.study.resolve import resolve

_TEXTS = ("seeds", "models", "champion", "notify", "s3_secret", "notify_secret")


def read_demands(options: argparse.Namespace, found: list[Finding]) -> list[Demand]:
    """What the schedules and the command line ask for; what is wrong with them goes to `found`.

    The command line asks for a run if it names a study, a pool or nodes; schedules are looked at
    if some are named, or no study is.
    """
    demands: list[Demand] = []
    if options.files or not options.study:
        demands += _scheduled(options.files, found)
    if options.study or options.pool or options.nodes > 1:
        demands.append(_asked(options, found))
    return demands


def _scheduled(paths: list[Path], found: list[Finding]) -> Iterator[Demand]:
    """What the schedules ask for; of one that is wrong, as much as can be told."""
    with _noted("schedule", found):
        read_schedules(paths)
    for path in paths or sorted(schedule_file.FOLDER.glob("*.yaml")):
        try:
            schedule = read_schedule(path)
        except UserError:  # it is in `found`
            yield from _rest(path)
        else:
            found += _store(schedule)
            yield of_schedule(schedule, _study(schedule.parameters))


def _rest(path: Path) -> Iterator[Demand]:
    """What a schedule with mistakes asks for, apart from these."""
    values: Any = None
    with contextlib.suppress(UserError):
        values = read_page(path).value
    if not isinstance(values, dict):
        return
    more = values.get("parameters")
    every = values | (more if isinstance(more, dict) else {})
    texts = {name: value for name, value in every.items() if isinstance(value, str)}
    pool: Pool | None = None
    if "pool" in texts:
        with contextlib.suppress(UserError):
            pool = ordered(read_pools(), texts["pool"])[0]
    parameters = {name: texts[name] for name in _TEXTS if name in texts}
    account = texts.get("service_account", "")
    yield Demand(texts.get("name", path.stem), pool or STEPS, {}, parameters, account,
                 is_placed=pool is not None)  # fmt: skip


def _asked(options: argparse.Namespace, found: list[Finding]) -> Demand:
    """The run of the command line, as much of it as is right."""
    parameters = {name: value for name in _TEXTS if (value := getattr(options, name))}
    params: dict[str, Any] = {}
    pool: Pool | None = None
    with _noted("run", found):
        pool = ordered(read_pools(options.pools), options.pool)[0]
    if options.study:
        with _noted("run", found):
            params = _study(parameters | {"study": options.study})
    if options.champion:
        with _noted("run", found):
            checked(options.champion)
    return Demand("", pool or STEPS, params, parameters, options.service_account,
                  options.nodes, options.parallelism, is_placed=pool is not None)  # fmt: skip


def _study(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The study of a run's parameters, resolved."""
    seeds, models = (str(parameters.get(name, "")) for name in ("seeds", "models"))
    data = Data(check_study(parameters["study"], seeds, models))
    return resolve(read_study(parameters["study"], seeds, models, STUDIES, data))


def _store(schedule: Schedule) -> Iterator[Finding]:
    """What is wrong with the store; without a parameter, it is that of the clone that applies."""
    problems: list[str] = []
    read_store(schedule.parameters, problems)
    own = NOTE if "s3_url" not in schedule.parameters else PROBLEM
    for problem in problems:
        yield Finding(f"store ({schedule.name})", problem, state=own)


def read_images(demand: Demand, lock: Path) -> Iterable[Finding]:
    """Whether the lock pins every image that the run's pipeline needs."""
    found: list[Finding] = []
    with _noted("images", found):
        known = read_lock(lock)
        for flavour in flavours(demand.pool.device):
            with _noted("images", found):
                found.append(Finding("images", f"{flavour}: {pinned(known, flavour)}"))
    return found


@contextlib.contextmanager
def _noted(name: str, found: list[Finding]) -> Iterator[None]:
    """Put the problems of a `UserError`, each of which says what to change, into `found`."""
    try:
        yield
    except UserError as error:
        found += [Finding(name, problem, state=PROBLEM) for problem in error.problems]

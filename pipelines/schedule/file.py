"""Schedules as files (`k8s/schedules/*.yaml`): which study runs when, where, and who is told."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from components.finish.notify import CHOICES
from components.plan.placement import read_placement
from pipelines.compile import ROOT
from pipelines.data import check_study
from pipelines.pools import Pool, ordered, read_pools
from pipelines.schedule import cron as crons
from pipelines.sharing import sharing_problems
from xstilts.errors import UserError, raise_if_any
from xstilts.registry.place import checked
from xstilts.store.tracked import Revisions
from xstilts.study.page import Keys, Page, read_page
from xstilts.study.reading import check_keys, mapping, one_of, text

FOLDER = ROOT / "k8s" / "schedules"
_REQUIRED = ("name", "study", "cron", "time_zone", "pool")
_OPTIONAL = ("profile", "parameters", "champion", "notify", "service_account")
_TEXTS = ("seeds", "models", "gpus", "gpu_type", "s3_url", "s3_endpoint", "s3_region",
          "s3_secret", "notify_secret")  # fmt: skip
_OTHERS: dict[str, type] = {"tolerations": list, "node_selector": dict}
_WRITTEN: dict[type, str] = {str: "a text: write it in quotes", list: "a list", dict: "a mapping"}
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")
_ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Schedule:
    """A schedule that was found to be right; `parameters` are those of the pipeline."""

    file: str
    name: str
    cron: crons.Cron
    zone: ZoneInfo
    pool: Pool
    parameters: Mapping[str, Any]
    service_account: str = ""

    @property
    def data(self) -> Revisions:
        """The revisions of the folders that the study reads, as this clone has them."""
        found: Revisions = self.parameters.get("data", {})
        return found


def read_schedules(paths: Sequence[Path]) -> list[Schedule]:
    """The schedules of files, one in each; of `k8s/schedules` if there are no paths.

    Raises `UserError` with everything that is wrong in all of them, each with its line.
    """
    problems: list[str] = []
    found = []
    for path in paths or sorted(FOLDER.glob("*.yaml")):
        try:
            found.append(read_schedule(path))
        except UserError as error:
            problems += error.problems
    names: dict[str, str] = {}
    for schedule in found:
        if (other := names.setdefault(schedule.name, schedule.file)) != schedule.file:
            problems.append(f"{schedule.file}: {other} has the name {schedule.name}, too.")
    raise_if_any(problems)
    return found


def read_schedule(path: Path) -> Schedule:
    """The schedule of one file. Raises `UserError` with everything that is wrong in it."""
    page = read_page(path)
    if not isinstance(page.value, dict):
        raise UserError(f"{path}: must be a mapping with {', '.join(_REQUIRED)}.")
    values = page.value
    check_keys(page, (), values, (*_REQUIRED, *_OPTIONAL))
    for name in _REQUIRED:
        if name not in values:
            page.problem((), f"the schedule has no {name}.")
    name = _matching(page, "name", _NAME)
    cron, zone, pool = _cron(page), _zone(page), _pool(page)
    parameters = _parameters(page, pool)
    account = _matching(page, "service_account", _ACCOUNT)
    raise_if_any(page.problems)
    # What is None here was a problem above
    assert cron
    assert zone
    assert pool
    return Schedule(str(path), name, cron, zone, pool, parameters, account)


def zone_named(name: str) -> ZoneInfo:
    """A time zone. Raises `UserError` if there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(
            f"unknown time zone {name!r}: use a name such as Europe/Berlin or UTC (they come with "
            "the package tzdata of the system)."
        ) from error


def _text(page: Page, name: str) -> str:
    return text(page, (name,), page.value.get(name))


def _matching(page: Page, name: str, pattern: re.Pattern[str]) -> str:
    found = _text(page, name)
    if found and not pattern.fullmatch(found):
        allowed = f"must match {pattern.pattern}"
        page.problem((name,), f"{name} {found!r} is no name for Kubernetes: it {allowed}.")
    return found


def _cron(page: Page) -> crons.Cron | None:
    written = _text(page, "cron")
    if not written:
        return None
    found, problems = crons.parse(written)
    for problem in problems:
        page.problem(("cron",), problem)
    return found


def _zone(page: Page) -> ZoneInfo | None:
    name = _text(page, "time_zone")
    try:
        return zone_named(name) if name else None
    except UserError as error:
        _note(page, ("time_zone",), error)
        return None


def _pool(page: Page) -> Pool | None:
    name = _text(page, "pool")
    try:
        return ordered(read_pools(), name)[0] if name else None
    except UserError as error:
        _note(page, ("pool",), error)
        return None


def _parameters(page: Page, pool: Pool | None) -> dict[str, Any]:
    """What the pipeline gets: the schedule's fields, and `parameters`."""
    given = mapping(page, ("parameters",), page.value.get("parameters"))
    check_keys(page, ("parameters",), given, (*_TEXTS, *_OTHERS))
    for name, value in given.items():
        kind = _OTHERS.get(name, str)
        if not isinstance(value, kind):
            page.problem(("parameters", name), f"{name} must be {_WRITTEN[kind]}, not {value!r}.")
    if not page.problems:
        _check_placement(page, given, pool)
    name, revisions = _study(page, given)
    if name and pool and not page.problems:
        texts = (str(given.get("seeds", "")), str(given.get("models", "")))
        gpus = int(given.get("gpus") or pool.gpus)
        for problem in sharing_problems(name, *texts, revisions, gpus):
            page.problem(("study",), problem)
    found = {"study": name, "pool": pool.name if pool else "", **given}
    if revisions:
        found["data"] = dict(revisions)
    if "notify" in page.value:
        found["notify"] = one_of(page, ("notify",), page.value["notify"], CHOICES)
    if "champion" in page.value:
        found["champion"] = _champion(page)
    return found


def _study(page: Page, given: Mapping[str, Any]) -> tuple[str, Revisions]:
    """The study's name, with its profile, and its data; what is wrong with it is noted."""
    study, profile = _text(page, "study"), _text(page, "profile")
    name = f"{study}-{profile}" if profile else study
    if not study:
        return "", {}
    try:
        return name, check_study(name, str(given.get("seeds", "")), str(given.get("models", "")))
    except UserError as error:
        _note(page, ("study",), error)
        return name, {}


def _champion(page: Page) -> str:
    name = _text(page, "champion")
    try:
        return checked(name) if name else ""
    except UserError as error:
        _note(page, ("champion",), error)
        return ""


def _check_placement(page: Page, given: Mapping[str, Any], pool: Pool | None) -> None:
    problems: list[str] = []
    if pool and pool.device == "cpu" and given.get("gpus"):
        problems.append(f"gpus goes with a pool for the device cuda; {pool.name} has none.")
    tolerations, labels = (
        json.dumps(given[name]) if name in given else ""
        for name in ("tolerations", "node_selector")
    )
    read_placement(given.get("gpus", ""), given.get("gpu_type", ""), tolerations, labels, problems)
    for problem in problems:
        page.problem(("parameters",), problem)


def _note(page: Page, keys: Keys, error: UserError) -> None:
    for problem in error.problems:
        page.problem(keys, problem)

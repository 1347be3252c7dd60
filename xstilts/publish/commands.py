"""What `xstilts publish` does, in the project's folder."""

from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from xstilts.errors import UserError, raise_if_any
from xstilts.publish.board.evaluations import FILES
from xstilts.publish.page.index import write_index
from xstilts.publish.run import publish
from xstilts.store import check, fragments, remote, tracked
from xstilts.store.commands import configured_store
from xstilts.store.location import Location, parse
from xstilts.store.publication import look_up, publish_results, wrong_names
from xstilts.store.push import push
from xstilts.store.tracked import Revisions
from xstilts.study.commands import select
from xstilts.study.params import NAME, read_params
from xstilts.study.plan import Params, Stage, stages
from xstilts.study.run import exclusive, run
from xstilts.study.state import LOCK, changes, remove_left_over

ROOT = Path()
RESULTS = Path("results")
PARTIAL = "-partial"
STORE = "store"  # in place of a URL: the clone's


@dataclass(frozen=True)
class Destination:
    """Where to publish to, if anywhere: `to` is a URL or the word `store`."""

    to: str | None = None
    endpoint: str | None = None
    region: str | None = None
    s3_profile: str | None = None
    run: str | None = None
    champion: str | None = None
    dry_run: bool = False


def publish_study(
    name: str | None,
    mirror: str | None,
    from_scratch: bool,
    allow_partial: bool,
    destination: Destination,
) -> int:
    """Write `results/<study>` again from its evaluations, then publish that to a store.

    Whole results are written by DVC's publish stage, so that `dvc.lock` stays right; partial ones
    lie beside them and are no stage's. Returns the exit code of the stage, or of the gate.
    """
    location = _location(destination)
    console = Console(highlight=False, soft_wrap=True)
    with exclusive(ROOT):
        params = select(name, mirror, from_scratch, console)
        plan = stages(params)
        folder = Path(plan[-1].output)
        if missing := _missing(plan):
            if not allow_partial:
                raise UserError(_lacking(params["study"]["name"], plan, missing))
            evaluations, folder = Path("evaluations", folder.name), _beside(folder)
            publish(params, evaluations, folder, ROOT, allow_partial=True)
        elif code := _renew(plan, console):
            return code
        write_index(RESULTS)
        console.print(f"Report: {(folder / 'index.html').resolve()}")
        if location is None:
            return 0
        return _send(location, folder, plan, destination, console)


def _location(asked: Destination) -> Location | None:
    """The store to publish to, after a check of it; None to publish here alone."""
    if asked.to is None:
        options = ("endpoint", "region", "s3_profile", "run", "champion", "dry_run")
        given = [f"--{name.replace('_', '-')}" for name in options if getattr(asked, name)]
        raise_if_any(f"{option} needs a store: name it with --to." for option in given)
        return None
    if asked.to == STORE:
        if asked.endpoint or asked.region or asked.s3_profile:
            raise UserError(
                "The clone's store has its own endpoint, region and profile: leave the options "
                "out, or give the store's URL instead of the word 'store'."
            )
        location = configured_store()
    else:
        location = parse(
            asked.to, endpoint=asked.endpoint, region=asked.region, profile=asked.s3_profile
        )
    raise_if_any(_wrong_asked(asked))
    raise_if_any(check.problems(location, write=not asked.dry_run))
    return location


def _wrong_asked(asked: Destination) -> list[str]:
    from xstilts.registry.place import checked

    problems = wrong_names("study", asked.run) if asked.run else []
    try:
        checked(asked.champion or "none")
    except UserError as error:
        problems += error.problems
    return problems


def _missing(plan: list[Stage]) -> list[str]:
    """The stages whose output publishing reads and does not find, whole."""
    needed = {"evaluate": FILES, "shortcuts": ("scores.json",)}
    return [
        stage.name
        for stage in plan
        if not all((ROOT / stage.output / file).exists() for file in needed.get(stage.phase, ()))
    ]


def _lacking(study: str, plan: list[Stage], missing: list[str]) -> str:
    return (
        f"{len(missing)} of {len(plan[-1].deps)} evaluations of {study} are missing: "
        f"{', '.join(missing)}. Run the study (xstilts run {study}), or publish what is there "
        "beside it with --allow-partial."
    )


def _beside(folder: Path) -> Path:
    return folder.with_name(folder.name + PARTIAL)


def _renew(plan: list[Stage], console: Console) -> int:
    """Have DVC run the publish stage if anything that it reads has changed; the exit code."""
    last = plan[-1]
    remove_left_over(ROOT, plan)
    changed = changes(ROOT).keys()
    if stale := [stage.name for stage in plan if stage.name in changed and stage != last]:
        console.print(
            f"Published as evaluated; {len(stale)} stages would run again today "
            f"({', '.join(stale[:3])}{', …' if stale[3:] else ''}): see `xstilts plan`."
        )
    return run(ROOT, [replace(last, deps=())], 1, console)  # alone: what it waits for is there


def _send(
    location: Location, folder: Path, plan: list[Stage], asked: Destination, console: Console
) -> int:
    """Publish results to a store, and have them challenge the champion; the exit code."""
    from xstilts.registry.commands import propose, propose_local

    study, extra = folder.name, {fragments.LOCK: _lock(plan, folder)}
    extra[fragments.PARAMS] = (ROOT / NAME).read_bytes()
    if data := _tracked(read_params(ROOT / NAME)):
        extra[fragments.DATA] = fragments.data_text(data)
    if asked.dry_run:
        found = look_up(location, study, asked.run, folder, extra)
        would = "would be published" if found.new else "is there already"
        console.print(f"The run {found.run} of {study} {would} in {location.url}.")
        if asked.champion:
            return propose_local(location, asked.champion, folder, study, found.run)
        return 0
    if location == remote.configured(ROOT):
        push(ROOT)  # what the published lock names, or nobody could restore it
    found = publish_results(location, study, asked.run, folder, extra)
    place = fragments.run_folder(location, study, found.run)
    is_now = "is published" if found.new else "was published before"
    console.print(f"The run {found.run} of {study} {is_now}: {place.url}")
    console.print(f"Index: {location.url}/{fragments.STUDIES}/index.html")
    if asked.champion:
        return propose(location, asked.champion, study, found.run, False)
    return 0


def _tracked(params: Params) -> Revisions:
    """The revisions of the folders that stages read, of those that DVC tracks."""
    folders = {entry["needs"] for entry in params["prepare"].values()}
    found = [tracked.in_clone(ROOT, folder) for folder in sorted(folders)]
    return {name: revision for one in found for name, revision in one.items()}


def _lock(plan: list[Stage], folder: Path) -> bytes:
    """The study's own part of `dvc.lock`; of a partial study the stages that have run."""
    from dvc.utils.serialize import load_yaml

    known = load_yaml(str(ROOT / LOCK))["stages"] if (ROOT / LOCK).exists() else {}
    is_partial = folder.name.endswith(PARTIAL)
    wanted = [stage for stage in plan if not (is_partial and stage == plan[-1])]
    lacking = [stage.name for stage in wanted if stage.name not in known]
    if lacking and not is_partial:
        raise UserError(
            f"{LOCK} says nothing of {', '.join(lacking)}, so that nobody could restore this "
            "study: run it here first (xstilts run)."
        )
    entries = {stage.name: known[stage.name] for stage in wanted if stage.name in known}
    return fragments.lock_text(entries).encode()

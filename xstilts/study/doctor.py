"""`xstilts doctor`: what a study needs on this machine, and what to do where it is missing."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from xstilts.errors import UserError
from xstilts.study.check import find_study
from xstilts.study.commands import ROOT, STUDIES
from xstilts.study.findings import Finding, show
from xstilts.study.params import NAME, read_params
from xstilts.study.resolve import resolve
from xstilts.study.run import cores, exclusive
from xstilts.study.state import LOCK, changes

GIB = 2**30
MEMORY_PER_STAGE = 1.5 * GIB  # a training stage of the miniature encoder, with room to spare
DISK = 5 * GIB  # outputs and cache of the miniature study, with room to spare
SHARED_MEMORY = 64 * 2**20  # what Docker gives
LIBRARIES = ("torch", "transformers", "tokenizers", "datasets", "deepspeed", "dvc")


def report() -> int:
    """Print every finding; returns 0 when all is well, 2 otherwise."""
    return show(finding for check in CHECKS for finding in check())


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    remedy = "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    yield Finding("python", found, remedy)
    inside = sys.prefix != sys.base_prefix
    yield Finding(
        "environment",
        sys.prefix if inside else "no virtual environment",
        "" if inside else "run `make run`, or activate .venv",
    )


def _compiler() -> Iterator[Finding]:
    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    remedy = "" if found else "install a C compiler, e.g. `apt install gcc`"
    yield Finding("C compiler", found or "none on the path", remedy)


def _libraries() -> Iterator[Finding]:
    locked = _locked_versions(ROOT / "constraints.txt")
    for library in LIBRARIES:
        try:
            found = version(library)
        except PackageNotFoundError:
            yield Finding(library, "not installed", "run `make run`, which installs it")
            continue
        wanted = locked.get(library, found)
        same = found.partition("+")[0] == wanted.partition("+")[0]
        remedy = f"the lock says {wanted}: remove .venv and run `make run`"
        yield Finding(library, found, "" if same else remedy)


def _locked_versions(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def _resources() -> Iterator[Finding]:
    available, needed = psutil.virtual_memory().available, cores() * MEMORY_PER_STAGE
    yield Finding(
        "memory",
        f"{available / GIB:.1f} GiB available, {cores()} cores",
        ""
        if available >= needed
        else f"run fewer stages at once: `xstilts run --jobs "
        f"{max(1, int(available / MEMORY_PER_STAGE))}`",
    )
    free = shutil.disk_usage(ROOT).free
    remedy = "" if free >= DISK else "free some, or remove old results: `dvc gc --workspace`"
    yield Finding("disk", f"{free / GIB:.1f} GiB free", remedy)
    shared = Path("/dev/shm")
    if shared.is_dir():
        free = shutil.disk_usage(shared).free
        remedy = "" if free >= SHARED_MEMORY else "give the container more, e.g. --shm-size=1g"
        yield Finding("shared memory", f"{free / 2**20:.0f} MiB free", remedy)


def _threads() -> Iterator[Finding]:
    policy = os.environ.get("OMP_WAIT_POLICY", "not set")
    text = f"OMP_WAIT_POLICY {policy} (`xstilts run` sets it for its stages)"
    yield Finding("threads", text)


def _study() -> Iterator[Finding]:
    try:
        params = read_params(Path(NAME))
        source = params["study"]["source"]
        study = find_study(params["study"]["name"], STUDIES, mirror=source.get("path"))
    except UserError as error:
        yield Finding("study", error.problems[0], "mend the study, or `xstilts study use NAME`")
        return
    name = study.name
    same = resolve(study) == params
    yield Finding(
        NAME,
        f"holds the study {name}" if same else f"differs from the study {name} in {STUDIES}",
        "" if same else f"write it anew: `xstilts study use {name}`",
    )


def _graph() -> Iterator[Finding]:
    try:
        changed = changes(ROOT)
    except UserError as error:
        yield Finding("dvc", error.problems[0], f"see the message; {LOCK} can be deleted")
        return
    yield Finding("dvc", f"{len(changed)} stages to run" if changed else "all stages up to date")


def _writers() -> Iterator[Finding]:
    """Stages that run here although no runner does: they would fight with the next run."""
    try:
        with exclusive(ROOT):
            orphans = [process.pid for process in psutil.process_iter() if _is_stage(process)]
    except UserError as error:
        yield Finding("running", error.problems[0])
        return
    ids = " ".join(map(str, orphans))
    remedy = f"wait for them, or end them: kill {ids}" if orphans else ""
    yield Finding("running", f"stages without a runner: {ids}" if ids else "nothing", remedy)


def _is_stage(process: psutil.Process) -> bool:
    try:
        module = any(part.startswith("components.") for part in process.cmdline())
        return module and Path(process.cwd()) == ROOT.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def _build_locks() -> Iterator[Finding]:
    """A killed build of a torch extension leaves a lock that later runs wait for, silently."""
    default = Path.home() / ".cache" / "torch_extensions"
    folder = Path(os.environ.get("TORCH_EXTENSIONS_DIR", default))
    locks = " ".join(str(path) for path in folder.glob("**/lock"))
    remedy = f"if nothing is being built now: rm {locks}" if locks else ""
    yield Finding("torch extensions", locks or "no lock left behind", remedy)


def _store() -> Iterator[Finding]:
    """Nothing where no store is configured: a laptop can do without."""
    from xstilts.store import check, remote

    try:
        location = remote.configured(ROOT)
        problems = check.problems(location) if location else []
    except UserError as error:
        location, problems = None, error.problems
    if location and not problems:
        yield Finding("store", f"{location} can be listed, written and read")
    for problem in problems:
        yield Finding("store", problem, "then check again: `xstilts store check`")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python, _compiler, _libraries, _resources, _threads, _study, _graph, _writers, _build_locks,
    _store,
)  # fmt: skip

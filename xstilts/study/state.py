"""What DVC says about the stages: which have to run, and what they last wrote."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from xstilts.errors import UserError
from xstilts.files import write_json, write_text
from xstilts.study.lock_file import cut
from xstilts.study.plan import Stage

DVC = "xstilts.study.dvc_command"
LOCK = Path("dvc.lock")
WHOLE_LOCK = "dvc.lock.whole"
_PATIENCE = 2.0  # seconds; DVC does not write its lock file atomically
SCRATCH = Path(".dvc/tmp/xstilts")  # ignored by Git and by DVC


def dvc(*arguments: str) -> list[str]:
    """The command line that runs this environment's DVC, with its `dvc.lock` written quickly."""
    return [sys.executable, "-m", DVC, *arguments]


def environment(threads: int) -> dict[str, str]:
    """The environment of a stage: this Python first on the path, and no idle spinning.

    With the default of OpenMP, waiting threads keep their cores busy and take them from
    the stages that run at the same time.
    """
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "SHELL": "/bin/sh",
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
    }


def changes(root: Path) -> dict[str, list[str]]:
    """Stages that differ from what they last ran with, each with what differs.

    Stages that only depend on one of these are not among them, nor are folders that DVC tracks:
    stages that read what changed in one are named themselves. A damaged `dvc.lock` (DVC
    was killed while it wrote it) is mended first.
    """
    status = _status(root)
    if status.returncode != 0 and LOCK.name in status.stderr:
        _mend_lock(root)
        status = _status(root)
    if status.returncode != 0:
        raise UserError(f"dvc status failed: {status.stderr.strip()}")
    found = json.loads(status.stdout)
    recorded = recorded_outputs(root)
    return {
        name: _reasons(items) if name in recorded else ["never run"]
        for name, items in found.items()
        if not name.endswith(".dvc")
    }


def _mend_lock(root: Path) -> None:
    """Go back to the last whole `dvc.lock`, or to none: DVC's run cache knows the results."""
    broken, whole = root / SCRATCH / "dvc.lock.damaged", root / SCRATCH / WHOLE_LOCK
    broken.parent.mkdir(parents=True, exist_ok=True)
    (root / LOCK).replace(broken)
    if whole.exists():
        whole.replace(root / LOCK)
    print(f"{LOCK} was damaged and is now {broken}; finished results come back from the cache.")


def _status(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        dvc("status", "--json"),
        cwd=root,
        env=environment(threads=1),
        capture_output=True,
        text=True,
        check=False,
    )


def _reasons(items: Iterable[str | Mapping[str, Any]]) -> list[str]:
    """What differs, in a few words each: paths, parameters, the command."""
    found: list[str] = []
    for item in items:
        if isinstance(item, str):
            found.append(item)
            continue
        for paths in item.values():
            for path, state in paths.items():
                found += list(state) if isinstance(state, dict) else [path]
    return found


def recorded_outputs(root: Path) -> dict[str, str]:
    """The hash of what each stage wrote when it last ran, from `dvc.lock`."""
    return {name: _outputs(entry) for name, entry in _read_lock(root).items()}


def recorded_output(root: Path, stage: str) -> str | None:
    """As `recorded_outputs`, for one stage; the rest of the file is not parsed."""
    entries = _read_lock(root, stage)
    return _outputs(entries[stage]) if stage in entries else None


def _outputs(entry: Mapping[str, Any] | None) -> str:
    return " ".join(out.get("md5", "") for out in (entry or {}).get("outs", []))


def _read_lock(root: Path, stage: str | None = None) -> dict[str, Any]:
    """The entries of the lock file, or one of them; again for a while when it is being written.

    A copy of the file is kept for the day when DVC is killed while it writes it.
    """
    path, loader = root / LOCK, getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    deadline = time.monotonic() + _PATIENCE
    while True:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        try:
            lock = yaml.load(cut(text, stage)[1] if stage else text, loader) or {}
        except yaml.YAMLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
            continue
        if text:
            write_text(root / SCRATCH / WHOLE_LOCK, text)
        return lock.get("stages") or {}


def release_dead_locks(root: Path) -> None:
    """Forget which paths killed DVC processes were reading and writing.

    DVC does that itself, but takes a process for alive when it is a zombie, or when its
    number belongs to another process by now; both are usual in containers.
    """
    path = root / ".dvc" / "tmp" / "rwlock"
    if not path.exists():
        return
    try:
        locks = json.loads(path.read_text(encoding="utf-8"))
        writers = {name: own for name, own in locks["write"].items() if _is_dvc(own["pid"])}
        readers = {
            name: [own for own in owners if _is_dvc(own["pid"])]
            for name, owners in locks["read"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        path.unlink()  # half written by a killed DVC; it holds nothing but such locks
        return
    write_json(
        path, {"write": writers, "read": {n: owners for n, owners in readers.items() if owners}}
    )


def _is_dvc(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        named = any(Path(part).name in ("dvc", DVC) for part in process.cmdline())
        return named and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def remove_left_over(root: Path, plan: Iterable[Stage]) -> None:
    """Delete evaluations that are in no plan: of removed recipes, and of killed stages.

    The publish stage depends on the folder of all evaluations, so its key would count them.
    DVC's cache keeps what a stage finished.
    """
    kept = {root / stage.output for stage in plan}
    folders = {path.parent for path in kept if path.parent.parent.name == "evaluations"}
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def run_dvc(root: Path, *arguments: str) -> None:
    """Run a DVC command, its output going to the terminal; raises `UserError` if it fails."""
    code = subprocess.run(dvc(*arguments), cwd=root, env=environment(threads=1)).returncode
    if code != 0:
        raise UserError(f"dvc {' '.join(arguments)} failed (exit code {code}): see its message.")

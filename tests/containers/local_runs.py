"""Runs of `pipelines.local` on the smoke study, and the clones and stores that they need."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from small_project import ROOT

from pipelines.local import engine
from xstilts.store import fragments, objects
from xstilts.store.connection import connect
from xstilts.store.location import Location

STUDY = "smoke"


def start(
    image: str,
    store: Location,
    study: str = STUDY,
    root: Path = ROOT,
    champion: str = "",
    **changes: str,
) -> "subprocess.Popen[str]":
    """The pipeline of a study in containers, from the clone `root`, whose data it reads.

    `changes` are to the environment.
    """
    command = ["pipelines.local", study, "--s3-url", str(store), "--image", image]
    command += ["--champion", champion] if champion else []
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"} | changes,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(
    image: str, store: Location, study: str = STUDY, root: Path = ROOT, **changes: str
) -> tuple[int, str]:
    """Exit code and output of a whole run; see `start`."""
    process = start(image, store, study, root, **changes)
    output = process.communicate(timeout=600)[0]
    return process.returncode, output


def runs(store: Location) -> list[Location]:
    """The folders of all runs in a store, in the order of their plans."""
    top = store.below(fragments.STUDIES, STUDY)
    names = {name.split("/")[0] for name in objects.names(top) if "/" in name}
    return sorted((top.below(name) for name in names), key=lambda run: read(run, "written"))


def read(run: Location, key: str) -> str:
    """A value of the run's plan."""
    plan = json.loads(objects.read(run, "plan.json") or b"{}")
    return str(plan.get(key, ""))


def outcomes(run: Location) -> dict[str, str]:
    """Stage -> outcome, for every stage that a container dealt with."""
    return {stage: body["outcome"] for stage, body in fragments.read_receipts(run).items()}


def status(run: Location) -> dict[str, object]:
    return dict(json.loads(objects.read(run, "status.json") or b"{}"))


def copy_store(source: Location, target: Location, *without: str) -> None:
    """Copy what a store holds of files and results; not the results of the stages `without`."""
    client, names = connect(source), objects.names(source)
    commands = [f"python -m components.{stage.replace('@', ' ')}" for stage in without]

    def copy(name: str) -> None:
        body = objects.read(source, name) or b""
        if name.startswith("runs/") and any(f"{c}\n" in body.decode() for c in commands):
            return
        origin = {"Bucket": source.bucket, "Key": source.key(name)}
        client.copy_object(Bucket=target.bucket, Key=target.key(name), CopySource=origin)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(copy, [n for n in names if not n.startswith(fragments.STUDIES)]))


def broken(store: Location) -> list[str]:
    """Files of a store whose content is not what their name says."""
    found = []
    for name in objects.names(store, "files", "md5"):
        body = objects.read(store, "files", "md5", name) or b""
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        if digest != name.replace("/", "").removesuffix(".dir"):
            found.append(name)
    return found


def at_work(stage: str) -> list[str]:
    """Names of the containers that bring a stage up to date."""
    containers = engine.connect().containers
    found = containers.list(all=True, filters={"label": engine.LABEL}, ignore_removed=True)
    return [container.name for container in found if stage in container.attrs["Config"]["Cmd"]]


def clone(folder: Path) -> Path:
    """A clone of this checkout with the changes that are not committed yet, and nothing else."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    changed = subprocess.run(
        ["git", "ls-files", "--modified", "--deleted", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in changed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
        else:
            (folder / name).unlink()
    return folder


def do(folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> str:
    """The output of a Python module in a clone, which must succeed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(folder)} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout

"""`make release` from beginning to end, with an engine that only keeps books."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import clones
import pytest
import yaml

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None or shutil.which("make") is None,
    reason="kubectl or make is not installed",
)

# Local images and a registry, as files. No two builds are the same, as with a real engine.
ENGINE = """\
#!{python}
import hashlib, json, os, sys
state = json.load(open({state!r})) if os.path.exists({state!r}) else {{"here": {{}}}}
shared = json.load(open({registry!r})) if os.path.exists({registry!r}) else {{}}
words = sys.argv[1:]
if words[0] == "build":
    revision = next(word for word in words if word.startswith("REVISION=")).partition("=")[2]
    digest = "sha256:" + hashlib.sha256(os.urandom(9)).hexdigest()
    state["here"][words[words.index("--tag") + 1]] = [revision, digest]
elif words[:2] == ["image", "inspect"]:
    if words[-1] not in state["here"] and not words[-1].startswith("python:"):
        sys.exit("Error: No such image: " + words[-1])
    if "--format" in words:
        label = "org.opencontainers.image.revision"
        print(json.dumps({{label: state["here"][words[-1]][0]}}))
elif words[0] == "tag":
    state["here"][words[2]] = state["here"][words[1]]
elif words[0] == "push":
    shared[words[1]] = state["here"][words[1]]
    print("digest: " + shared[words[1]][1] + " size: 1")
elif words[0] == "pull":
    if words[-1] not in shared:
        sys.exit("Error response from daemon: manifest for " + words[-1] + " not found")
    print("Digest: " + shared[words[-1]][1])
json.dump(state, open({state!r}, "w"))
json.dump(shared, open({registry!r}, "w"))
"""


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def machine(folder, origin):
    """A machine of its own with a clone of `origin`; the registry is everybody's."""
    clone = folder / "xstilts"
    clones.git(origin, "clone", "--quiet", str(origin), str(clone))
    state, registry = str(folder / "state.json"), str(origin.parent / "registry.json")
    engine = ENGINE.format(python=sys.executable, state=state, registry=registry)
    program(folder / "bin" / "docker", engine)
    program(folder / "bin" / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program(
        folder / "bin" / "xstilts", f'#!/bin/sh\nexec {sys.executable} -P -m xstilts.cli "$@"\n'
    )
    (folder / "installed").touch()
    return clone


def make(clone: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    folder = clone.parent
    return subprocess.run(
        ["make", "release", f"BIN={folder}/bin", f"STAMP={folder}/installed", *words],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone), "DOCKER": str(folder / "bin" / "docker")},
        capture_output=True,
        text=True,
    )


def made(clone, *words):
    done = make(clone, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("origin") / "xstilts"
    folder.mkdir()
    clones.repository(folder)
    for name in ("eks", "gke"):  # one overlay is enough here
        shutil.rmtree(folder / "k8s" / "overlays" / name)
    return folder, clones.commit(folder, "For machines of people")


def test_a_release_can_be_made_again_by_anybody(origin, tmp_path):
    folder, revision = origin
    first = machine(tmp_path / "first", folder)
    printed = made(first, "REGISTRY=registry.example/team")
    assert f"Built xstilts:cuda of {revision}." in printed
    lock = first / "components" / "images.lock"
    found = yaml.safe_load(lock.read_text(encoding="utf-8"))
    assert found["revision"] == revision
    assert found["cuda"].startswith("registry.example/team/xstilts@sha256:")
    assert clones.git(first, "status", "--porcelain") == "M components/images.lock"
    clones.commit(first, "Release")
    # From the commit of the lock, on another machine, which builds other bytes
    second = machine(tmp_path / "second", first)
    shutil.copy(folder.parent / "registry.json", first.parent / "registry.json")
    printed = made(second, "REGISTRY=registry.example/team")
    assert f"xstilts:cpu-{revision} is in the registry already, and stays." in printed
    assert clones.git(second, "status", "--porcelain") == ""
    assert files(second / "release") == files(first / "release")


def test_what_is_wrong_is_said_before_anything_is_built(origin, tmp_path):
    clone = machine(tmp_path / "own", origin[0])
    (clone / "Makefile").write_text((clone / "Makefile").read_text() + "\n", encoding="utf-8")
    done = make(clone, "REGISTRY=registry.example/team", "FLAVOURS=cpu")
    assert "files differ from the commit" in done.stderr
    assert "REGISTRY=host/folder" in make(clone).stderr
    assert not (clone.parent / "state.json").exists()
    assert not (clone / "release").exists()

"""Git repositories made of this working tree, for what reads commits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIGEST = "sha256:" + "0f" * 32
IMAGES = {
    "cpu": f"registry.example/team/xstilts@{DIGEST}",
    "cuda": f"registry.example/team/xstilts@{DIGEST[:-2]}aa",
}


def git(folder: Path, *arguments: str) -> str:
    """Run Git as nobody; returns what it prints."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str) -> str:
    """Commit everything in a repository; returns the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path) -> str:
    """A repository with the working tree in its only commit, which is returned; no image yet."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / "components" / "images.lock").write_text("", encoding="utf-8")
    git(folder, "init", "--initial-branch", "main")
    return commit(folder, "The code")


def write_lock(folder: Path, revision: str, **images: str) -> None:
    """Write the lock as a push of the revision does."""
    lines = [f"{flavour}: {image}\n" for flavour, image in images.items()]
    text = "".join([*lines, f"revision: '{revision}'\n"])
    (folder / "components" / "images.lock").write_text(text, encoding="utf-8")


def release(folder: Path, *words: str, **environment: str) -> "subprocess.Popen[str]":
    """Start `xstilts release` of a clone; it runs beside what follows."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "pipelines.release", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=int(environment.get("UMASK", "022"), 8),
    )


def released(folder: Path, *words: str, **environment: str) -> str:
    """Release a clone; returns what was printed."""
    output, errors = (process := release(folder, *words, **environment)).communicate()
    assert process.returncode == 0, errors
    return output


def refused(folder: Path, *words: str, **environment: str) -> list[str]:
    """What is wrong with a release of a clone, which has to be refused."""
    output, errors = (process := release(folder, *words, **environment)).communicate()
    assert (process.returncode, output) == (2, "")
    return errors.splitlines()

"""Which commit the code is: the newest that changed anything but data and the lock of the images.

The lock names the images that were built from a commit, so it can only be committed after it.
Were that commit a revision of its own, writing down a release would make another one. New data
(a `.dvc` file) need no new images: a run gets their revision as a parameter.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

LOCK = "components/images.lock"
SHORT = 12  # hex digits of a revision in names
_CODE = ("--", ".", f":(exclude){LOCK}", ":(exclude,glob)**/*.dvc")
# Where a file that Git does not know could get into an image or a release
_READ = ("components/", "docker/", "k8s/", "pipelines/", "xstilts/")
_SHOWN = 5  # files in a message


@dataclass(frozen=True)
class Revision:
    """The commit of the code, '' if there is none, and what differs from it.

    `shallow` says that the clone ends at this commit, so that it may only seem to be the one.
    """

    commit: str
    changed: tuple[str, ...] = ()
    shallow: bool = False

    @property
    def short(self) -> str:
        """The commit as names hold it."""
        return self.commit[:SHORT]

    def problems(self) -> list[str]:
        """Why nothing should be named after this revision."""
        if not self.commit:
            return ["the code is in no Git commit: clone the repository, or commit it."]
        found = []
        if self.shallow:
            found.append(
                "this clone is shallow and ends at the newest commit it knows of the code: "
                "complete it with `git fetch --unshallow`."
            )
        if self.changed:
            more = len(self.changed) - _SHOWN
            shown = ", ".join(self.changed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            found.append(f"files differ from the commit {self.short}: {shown}. Commit them first.")
        return found


def code_revision(root: Path) -> Revision:
    """The revision of the clone in `root`; lock and data may be new, changed, or not committed."""
    commit = _git(root, "rev-list", "-1", "HEAD", *_CODE).strip()
    if not commit:
        return Revision("")
    status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all",
                  *_CODE)  # fmt: skip
    entries = [(entry[:2], entry[3:]) for entry in status.split("\0") if entry]
    changed = [path for state, path in entries if state != "??" or path.startswith(_READ)]
    boundary = Path(_git(root, "rev-parse", "--git-path", "shallow").strip())
    ends = (root / boundary).read_text("ascii").split() if (root / boundary).exists() else []
    return Revision(commit, tuple(changed), commit in ends)


def _git(root: Path, *arguments: str) -> str:
    """What a Git command prints; '' where there is no repository, no commit, or no Git."""
    command = ["git", "-C", str(root), *arguments]
    env = os.environ | {"GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""

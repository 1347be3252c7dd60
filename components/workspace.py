"""A folder that DVC can work in: the image's code, a study's parameters, the store as remote."""

import os
import shutil
from pathlib import Path

from xstilts.files import write_text
from xstilts.store import remote, tracked
from xstilts.store.location import Location

# What the stages of dvc.yaml depend on or read; the same files as in a clone
CODE = ("xstilts", "components", "pipelines/studies", "dvc.yaml", ".dvcignore")
_DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false
    no_scm = true
"""


def home() -> Path:
    """The folder with the project's code: `XSTILTS_HOME` in an image, else this checkout."""
    return Path(os.environ.get("XSTILTS_HOME") or Path(__file__).resolve().parents[1])


def prepare(folder: Path, params: str, store: Location, data: tracked.Revisions) -> Path:
    """Make a workspace in the new folder `folder`; `params` is the text of `params.yaml`.

    The code is copied, because DVC writes beside what it reads and an image is read-only. Of the
    folders `data` there is what DVC knows of them, and nothing of what is in them.
    """
    folder.mkdir(parents=True)
    for name in CODE:
        source, target = home() / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    write_text(folder / "params.yaml", params)
    write_text(folder / ".dvc" / "config", _DVC_CONFIG)
    remote.configure(folder, store)
    for name, revision in data.items():
        write_text(folder / f"{name}.dvc", tracked.dvc_text(name, revision))
    return folder

"""Prints what pyproject.toml needs to run and to be watched, one requirement per line.

Standard library only, because it runs where nothing is installed yet. An image gets its
dependencies by this list, so that only a change of the list installs them again.
"""

import tomllib
from pathlib import Path

with (Path(__file__).resolve().parents[1] / "pyproject.toml").open("rb") as stream:
    project = tomllib.load(stream)
needed = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["metrics"]
# The build back-end too: the image's code is installed with it
print(*project["build-system"]["requires"], *needed, sep="\n")

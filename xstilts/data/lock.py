"""Which commit of a data set a study reads: revisions of the hub, resolved once and written down.

The lock lies beside the studies and is kept in Git with them. A study whose source is the hub
takes its commits into `params.yaml`, so that a new commit prepares the data again.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from xstilts.errors import UserError, raise_if_any
from xstilts.files import write_text
from xstilts.tasks.record import Source

NAME = "data.lock"
MAIN = "main"  # the branch that a record without revision means
TIMEOUT = 30.0  # seconds that the hub has for an answer
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HEADER = """\
# Commits of data sets on the hub: data set -> revision asked for -> commit.
# Written by `xstilts data lock`; studies with `source: hub` read these commits.
"""

Commits = dict[str, dict[str, str]]  # hub id -> revision -> commit


def read_lock(folder: Path) -> Commits:
    """The lock of the studies in `folder`; empty if there is none.

    Raises `UserError` for a lock that is damaged or holds something else than commits.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): {_MEND}") from error
    raise_if_any(f"{path}: {problem}; {_MEND}" for problem in _problems(found))
    return dict(found)


_MEND = "delete it, and write it anew with `xstilts data lock`."


def _problems(found: Any) -> list[str]:
    if not isinstance(found, dict):
        return [f"{found!r} is no mapping of data sets"]
    return [
        f"{hub!r}: {revisions!r} does not map revisions to commits (40 hexadecimal digits)"
        for hub, revisions in found.items()
        if not isinstance(revisions, dict)
        or not all(isinstance(v, str) and _COMMIT.fullmatch(v) for v in revisions.values())
    ]


def write_lock(folder: Path, commits: Mapping[str, Mapping[str, str]]) -> Path:
    """Write the lock atomically, in the order of names; returns its path."""
    ordered = {hub: dict(sorted(commits[hub].items())) for hub in sorted(commits)}
    write_text(folder / NAME, _HEADER + yaml.safe_dump(ordered, allow_unicode=True))
    return folder / NAME


def locked_revision(source: Source, commits: Mapping[str, Mapping[str, str]]) -> str | None:
    """The commit that the lock has for a source, or else the revision that it asks for."""
    return commits.get(source.hub, {}).get(source.revision or MAIN, source.revision)


def current_commits(sources: Iterable[Source]) -> Commits:
    """The commit of each source's revision as the hub has it now.

    Sources that name a commit themselves are left out. Raises `UserError` with everything
    that could not be resolved: no such data set or revision, no network.
    """
    wanted = {(source.hub, source.revision or MAIN) for source in sources}
    commits: Commits = {}
    problems: list[str] = []
    unreached: dict[str, list[str]] = {}  # error -> data sets: without a network all have one
    causes: dict[str, str] = {}
    for hub, revision in sorted(wanted):
        if _COMMIT.fullmatch(revision):
            continue
        try:
            commits.setdefault(hub, {})[revision] = _commit(hub, revision)
        except UserError as error:
            problems += error.problems
        except _Unreached as error:
            kind = str(error).partition(":")[0]
            unreached.setdefault(kind, []).append(hub)
            causes.setdefault(kind, str(error))
    problems += [
        f"the hub could not be asked for the commits of {', '.join(dict.fromkeys(hubs))} "
        f"({causes[kind]}): check the network (and HF_ENDPOINT, HF_HUB_OFFLINE) and try again."
        for kind, hubs in unreached.items()
    ]
    raise_if_any(problems)
    return commits


class _Unreached(Exception):
    """The hub gave no answer; says why."""


def _commit(hub: str, revision: str) -> str:
    """One commit; the hub's client has no common class for what can go wrong with a network."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        about = HfApi().dataset_info(hub, revision=revision, timeout=TIMEOUT)
    except RevisionNotFoundError as error:
        raise UserError(
            f"{hub} on the hub has no revision {revision!r}: correct source.revision."
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"the hub has no data set {hub!r}, or hides it from you: correct source.hub, or log "
            "in with `hf auth login` if it is private or gated."
        ) from error
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise _Unreached(f"{type(error).__name__}: {first}") from error
    if not about.sha or not _COMMIT.fullmatch(about.sha):
        raise UserError(f"{hub} on the hub answers with {about.sha!r}, which is no commit.")
    return about.sha

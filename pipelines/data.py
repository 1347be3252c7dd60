"""The data of a run, out of this clone: the revisions of the folders that its study names."""

import sys
from collections.abc import Mapping

from components.plan.data import Data
from components.plan.studies import folders, read_study
from pipelines.compile import ROOT, STUDIES
from xstilts.errors import UserError, raise_if_any
from xstilts.store import tracked
from xstilts.store.location import parse
from xstilts.store.remote import configured
from xstilts.store.tracked import Revisions


def in_clone(text: str, problems: list[str]) -> Revisions:
    """The revisions of the folders that a study (a name or YAML) reads, of those that are tracked.

    What is wrong with them goes to `problems`: a damaged .dvc file, or a folder that is no more
    what its file says.
    """
    found: dict[str, tracked.Revision] = {}
    for folder in folders(text, STUDIES):
        try:
            found |= tracked.in_clone(ROOT, folder)
        except UserError as error:
            problems += error.problems
    problems += [
        f"{path} is not what {path}.dvc says: `dvc add {path}` for a new revision, or `dvc "
        f"checkout {path}.dvc` to go back to that one."
        for path in found
        if tracked.differs(ROOT, path)
    ]
    return found


def check_study(text: str, seeds: str, models: str) -> Revisions:
    """The revisions of the folders that a study reads, after a look at all of it.

    Raises `UserError` with everything that is wrong with the study, with what overrides it, and
    with its folders.
    """
    problems: list[str] = []
    found = in_clone(text, problems)
    try:
        read_study(text, seeds, models, STUDIES, Data(found))
    except UserError as error:
        raise UserError([*error.problems, *problems]) from error
    raise_if_any(problems)
    return found


def lacking(revisions: Revisions, store: Mapping[str, str]) -> list[str]:
    """What to say of the revisions that a store does not hold; `store` as `read_store` gives it.

    A store that cannot be asked from here is none of the user's mistakes: the plan of the run
    asks again, and a note says so.
    """
    if not revisions or not store:
        return []
    own = configured(ROOT)
    place = parse(
        store["s3_url"],
        endpoint=store.get("s3_endpoint"),
        region=store.get("s3_region"),
        profile=own.profile if own else None,
    )
    try:
        return [
            tracked.lacks(place, path, revision["md5"])
            for path, revision in revisions.items()
            if not tracked.held(place, revision["md5"])
        ]
    except UserError as error:
        print(
            f"note: whether the store holds {' and '.join(revisions)} will be seen by the run's "
            f"plan; from here it cannot be asked: {'; '.join(error.problems)}",
            file=sys.stderr,
        )
        return []


def short(revisions: Revisions) -> str:
    """The revisions for people, such as `data-mirror 1a2b3c4d`."""
    return ", ".join(f"{path} {own['md5'][:8]}" for path, own in sorted(revisions.items()))

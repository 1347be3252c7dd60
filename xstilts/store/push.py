"""From a laptop to the store: finished results, so that no other machine runs them again."""

from functools import partial
from pathlib import Path

from xstilts.errors import UserError
from xstilts.store import lookup, objects, remote
from xstilts.study.state import LOCK, run_dvc


def push(root: Path) -> int:
    """Upload what `dvc.lock` describes, then its entries for the run cache; returns how many.

    Files first: an entry in the store means that its files are there. Raises `UserError`
    if no store is configured, nothing has run, or DVC cannot push.
    """
    from dvc.utils.serialize import load_yaml

    location = remote.configured(root)
    if location is None:
        raise UserError("no store is configured here: name one with `xstilts store use S3_URL`.")
    if not (root / LOCK).exists():
        raise UserError(f"there is no {LOCK} yet: run the study first (`xstilts run`).")
    run_dvc(root, "push", "--remote", remote.NAME)
    entries = load_yaml(str(root / LOCK)).get("stages", {})
    objects.together(partial(lookup.record, location), entries.values())
    return len(entries)

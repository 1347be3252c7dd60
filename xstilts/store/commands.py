"""What `xstilts store` does, in the project's folder."""

from pathlib import Path

from xstilts.errors import UserError, raise_if_any
from xstilts.store import check, remote
from xstilts.store.location import Location, parse

ROOT = Path()


def use_store(url: str, endpoint: str | None, region: str | None, profile: str | None) -> int:
    """Check a store and make it this clone's; nothing is written when something is wrong."""
    location = parse(url, endpoint=endpoint, region=region, profile=profile)
    raise_if_any(check.problems(location))
    remote.configure(ROOT, location)
    print(f"DVC's remote {remote.NAME!r} is now {location} (in .dvc/config.local).")
    return 0


def check_store(
    url: str | None, endpoint: str | None, region: str | None, profile: str | None
) -> int:
    """Check the store that is given, or else this clone's."""
    if url is None and (endpoint or region or profile):
        raise UserError("An endpoint, a region or a profile needs the store's URL before it.")
    location = (
        parse(url, endpoint=endpoint, region=region, profile=profile) if url else configured_store()
    )
    raise_if_any(check.problems(location))
    print(f"{location} can be listed, written, read and tidied up.")
    return 0


def push_results() -> int:
    """Upload what this clone has finished, after a check of the store."""
    from xstilts.store.push import push

    raise_if_any(check.problems(configured_store()))
    count = push(ROOT)
    print(f"{count} stages are in the store; no other machine has to run them again.")
    return 0


def restore_run(study: str | None, run: str | None) -> int:
    """Take over parameters and lock of a published run."""
    from xstilts.store.restore import restore
    from xstilts.study.run import exclusive

    raise_if_any(check.problems(configured_store(), write=False))
    with exclusive(ROOT):
        restored = restore(ROOT, study, run)
    print(f"params.yaml and dvc.lock are those of the run {restored}; `dvc pull` brings its files.")
    return 0


def configured_store() -> Location:
    """The store of this clone; raises `UserError` where there is none."""
    location = remote.configured(ROOT)
    if location is None:
        raise UserError(
            "This clone has no store: give it one with "
            "`xstilts store use s3://BUCKET/PREFIX --endpoint URL`."
        )
    return location

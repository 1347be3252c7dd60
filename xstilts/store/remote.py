"""The store as DVC's remote: the settings in `.dvc/config.local`, which Git ignores."""

from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.errors import UserError
from xstilts.store.location import Location, parse

if TYPE_CHECKING:
    from dvc.config import Config

NAME = "store"
_KEYS = {"endpointurl": "endpoint", "region": "region", "profile": "profile"}


def configure(root: Path, location: Location) -> None:
    """Make the store DVC's default remote in this clone; other settings stay as they are.

    Access keys are not written: DVC finds them as boto does. Raises a `UserError` if DVC's
    configuration cannot be read.
    """
    from dvc.config import ConfigError

    config = _config(root)
    try:
        with config.edit("local") as settings:
            remote = settings["remote"].setdefault(NAME, {})
            remote["url"] = location.url
            for key, field in _KEYS.items():
                if value := getattr(location, field):
                    remote[key] = value
                else:
                    remote.pop(key, None)
            settings["core"]["remote"] = NAME
    except ConfigError as error:
        raise UserError(_unreadable(root, error)) from error


def configured(root: Path) -> Location | None:
    """The store of this clone; None if it has none. Raises a `UserError` if it is malformed."""
    remote = _config(root)["remote"].get(NAME)
    if remote is None:
        return None
    fields = {field: remote.get(key) for key, field in _KEYS.items()}
    try:
        return parse(str(remote.get("url", "")), **fields)
    except UserError as error:
        where = (
            f"(the remote {NAME!r} in {root / '.dvc'}: give the store anew, `xstilts store use`)"
        )
        raise UserError(f"{problem} {where}" for problem in error.problems) from error


def _config(root: Path) -> "Config":
    from dvc.config import Config, ConfigError

    if not (root / ".dvc").is_dir():
        raise UserError(f"{root.resolve()} is no DVC project: it has no folder .dvc.")
    try:
        return Config(dvc_dir=str(root / ".dvc"))
    except ConfigError as error:
        raise UserError(_unreadable(root, error)) from error


def _unreadable(root: Path, error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"DVC's settings in {root / '.dvc'} (config, config.local) cannot be used: {reason}"

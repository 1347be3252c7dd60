"""`params.yaml`: the resolved study, read by DVC and by every stage."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from xstilts.errors import UserError
from xstilts.files import write_text

NAME = "params.yaml"
_SHORT = 12  # entries of a mapping on one line
_HEADER = """\
# Written by xstilts from the study {study}. Edit its file in pipelines/studies, not this one:
# `xstilts run` and `xstilts study use` write it anew.
"""


def params_text(params: dict[str, Any]) -> str:
    """The text of the file: the same parameters give the same text."""
    body = yaml.dump(params, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return _HEADER.format(study=params["study"]["name"]) + body


class _Dumper(yaml.SafeDumper):
    """Lists and mappings of plain values on one line, and no anchors for what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """True for everything."""
        del data
        return True

    def represent_list(self, data: list[Any]) -> yaml.Node:
        """A list of plain values as `[a, b]`."""
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=_is_flat(data))

    def represent_dict(self, data: dict[str, Any]) -> yaml.Node:
        """A mapping of plain values as `{a: 1, b: 2}`."""
        flat = _is_flat(data.values()) and len(data) <= _SHORT
        return self.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=flat)


def _is_flat(values: Iterable[Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in values)


_Dumper.add_representer(list, _Dumper.represent_list)
_Dumper.add_representer(dict, _Dumper.represent_dict)


def write_params(path: Path, params: dict[str, Any]) -> bool:
    """Write the file if its text changes; says whether it did."""
    text = params_text(params)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def read_params(path: Path) -> dict[str, Any]:
    """The parameters; raises `UserError` for a file that is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
        params = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError as error:
        raise UserError(
            f"{path} is missing: run this in the project's folder, after `xstilts study use NAME`."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}): write it anew with `xstilts study use NAME`."
        ) from error
    if not isinstance(params, dict) or "study" not in params:
        raise UserError(f"{path} names no study: write it anew with `xstilts study use NAME`.")
    return params

"""DVC's command line (`python -m xstilts.study.dvc_command repro --single-item STAGE`).

Before and after every stage DVC reads its whole lock file, and then writes it anew with
ruamel.yaml's round trip, which keeps comments and is pure Python: with 250 stages that takes
10 s of CPU per stage, most of the time of a miniature study, and it grows with the study. For a
single stage only the stage's own entry is read and written here; the text of all others stays
as it is. DVC has no setting for that (https://github.com/treeverse/dvc/pull/10942, a faster
parser, was closed).

DVC also parses `params.yaml` four times per stage, 0.3 s each. It is parsed once for all stages
here, and kept as JSON with its digest.
"""

import hashlib
import io
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc.cli
import dvc.dvcfile
import dvc.utils.serialize._yaml
from dvc.utils import strictyaml
from dvc.utils.serialize import YAMLFileCorruptedError
from dvc.utils.serialize._yaml import parse_yaml
from ruamel.yaml import YAML

from xstilts.files import read_json, write_json, write_text
from xstilts.study import params
from xstilts.study.lock_file import HEAD, cut
from xstilts.study.state import SCRATCH

SINGLE = "--single-item"
PARSED = "params.json"


def _parsed(text: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = parse_yaml(text, path)
    return found | {"stages": found["stages"] or {}} if "stages" in found else found


def _dumped(data: Any) -> str:
    yaml = YAML(typ="safe", pure=False)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.representer.add_representer(OrderedDict, type(yaml.representer).represent_dict)
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


@contextmanager
def modified_lock(path: Path, stage: str) -> Iterator[Any]:
    """The content of a lock file with one stage's entry alone, written back in the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, own, after = cut(text, stage)
    data = _parsed(own, str(path))
    yield data
    write_text(path, before + (_dumped(data).removeprefix(before and HEAD)) + after)


def use_own_entry_alone(stage: str) -> None:
    """Have DVC read and write this stage's entry of `dvc.lock`; other files are not touched."""
    modify, load = dvc.dvcfile.modify_yaml, dvc.dvcfile.Lockfile._load_yaml

    def modify_yaml(path: str, fs: Any = None) -> Any:
        if Path(path).name != dvc.dvcfile.LOCK_FILE:
            return modify(path, fs=fs)
        return modified_lock(Path(path), stage)

    def load_yaml(self: Any, **options: Any) -> tuple[Any, str]:
        own = cut(Path(self.path).read_text(encoding="utf-8"), stage)[1]
        try:
            data = _parsed(own, self.path)
        except YAMLFileCorruptedError:
            return load(self, **options)  # which says where
        strictyaml.validate(data, self.SCHEMA, text=own, path=os.path.relpath(self.path))
        return data, own

    dvc.dvcfile.modify_yaml = modify_yaml
    dvc.dvcfile.Lockfile._load_yaml = load_yaml


def parse_params_once() -> None:
    """Have DVC read what an earlier stage has parsed of `params.yaml`, if the text is the same."""

    def parse(text: str, path: str, typ: str = "safe") -> Any:
        if Path(path).name != params.NAME or typ != "safe":
            return parse_yaml(text, path, typ)
        return parsed_once(text, path, SCRATCH / PARSED)

    dvc.utils.serialize._yaml.parse_yaml = parse


def parsed_once(text: str, path: str, kept: Path) -> Any:
    """The content of a YAML text, from the file `kept` if it is of this text; else kept there."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = _kept(kept)
    if found.get("of") == digest:
        return found["content"]
    content = parse_yaml(text, path)
    if json.loads(json.dumps(content, default=repr)) == content:  # JSON can say all of it
        write_json(kept, {"of": digest, "content": content})
    return content


def _kept(path: Path) -> dict[str, Any]:
    """What was kept; nothing if there is no such file, or a machine went down while it wrote."""
    try:
        found = read_json(path)
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def main(arguments: Sequence[str]) -> int:
    """Run DVC; returns its exit code."""
    if SINGLE in arguments:
        use_own_entry_alone(arguments[-1])
        parse_params_once()
    code: int = dvc.cli.main(list(arguments))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

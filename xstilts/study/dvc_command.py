"""DVC's command line (`python -m xstilts.study.dvc_command repro --single-item STAGE`).

Before and after every stage DVC reads its whole lock file, and then writes it anew with
ruamel.yaml's round trip, which keeps comments and is pure Python: with 250 stages that takes
10 s of CPU per stage, most of the time of a miniature study, and it grows with the study. For a
single stage only the stage's own entry is read and written here; the text of all others stays
as it is. DVC has no setting for that (https://github.com/treeverse/dvc/pull/10942, a faster
parser, was closed).
"""

import io
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc.cli
import dvc.dvcfile
from dvc.utils import strictyaml
from dvc.utils.serialize import YAMLFileCorruptedError
from dvc.utils.serialize._yaml import parse_yaml
from ruamel.yaml import YAML

from xstilts.files import write_text
from xstilts.study.lock_file import HEAD, cut

SINGLE = "--single-item"


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


def main(arguments: Sequence[str]) -> int:
    """Run DVC; returns its exit code."""
    if SINGLE in arguments:
        use_own_entry_alone(arguments[-1])
    code: int = dvc.cli.main(list(arguments))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

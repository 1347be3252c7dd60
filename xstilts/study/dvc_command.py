"""DVC's command line (`python -m xstilts.study.dvc_command repro ...`) with a quick `dvc.lock`.

After every stage DVC reads and writes its whole lock file with ruamel.yaml's round trip, which
keeps comments and is pure Python: 2.3 s of CPU in a study of 100 stages, and it grows with the
study. The lock file has no comments; the same library's C parser and emitter take a quarter.
DVC has no setting for that (https://github.com/treeverse/dvc/pull/10942 was closed).
"""

import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dvc.cli
import dvc.dvcfile
from dvc.utils.serialize._common import _modify_data
from dvc.utils.serialize._yaml import parse_yaml
from ruamel.yaml import YAML

_thorough = dvc.dvcfile.modify_yaml


def _dump(data: Any, stream: Any) -> None:
    yaml = YAML(typ="safe", pure=False)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.representer.add_representer(OrderedDict, type(yaml.representer).represent_dict)
    yaml.dump(data, stream)


@contextmanager
def modify_yaml(path: str, fs: Any = None) -> Iterator[Any]:
    """In place of `dvc.dvcfile.modify_yaml`: content of a file, written back in the end.

    `dvc.yaml`, which people write, keeps its comments.
    """
    if not str(path).endswith(dvc.dvcfile.LOCK_FILE):
        with _thorough(path, fs=fs) as data:
            yield data
        return
    with _modify_data(path, parse_yaml, _dump, fs=fs) as data:
        yield data


if __name__ == "__main__":
    dvc.dvcfile.modify_yaml = modify_yaml
    sys.exit(dvc.cli.main(sys.argv[1:]))

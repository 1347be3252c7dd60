"""Which results the store already holds: DVC's run cache, read where it lies.

DVC keys a result by command, parameters, hashes of the dependencies and paths of the outputs
(`dvc.stage.cache`). The hashes of what earlier stages wrote stand in their lock entries, so
the keys of a whole study follow one from another without a byte of data being here.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.errors import UserError
from xstilts.store import objects, tracked
from xstilts.store.location import Location
from xstilts.study.plan import Stage

Entry = Mapping[str, Any]  # of one stage, as in dvc.lock
Entries = Mapping[str, Entry]


def known(root: Path, plan: Sequence[Stage], location: Location) -> dict[str, Entry]:
    """Stage name -> lock entry, for every stage of `plan` whose result the store holds.

    `root` is a folder with `dvc.yaml`, `params.yaml` and the code, `plan` ordered as
    `plan.stages` orders it. A stage behind one that is not known is not known either.
    """
    keys_of = _Keys(root, location)
    found: dict[str, Entry] = {}
    waiting = list(plan)
    while ready := [stage for stage in waiting if set(stage.deps) <= found.keys()]:
        keys = [keys_of(stage, {name: found[name] for name in stage.deps}) for stage in ready]
        results = zip(ready, objects.together(partial(_result, location), keys), strict=True)
        found |= {stage.name: entry for stage, entry in results if entry}
        waiting = [stage for stage in waiting if stage not in ready]
    return found


def find(root: Path, stage: Stage, inputs: Entries, location: Location) -> Entry | None:
    """The result of one stage, if the store holds it; `inputs` are entries of its `deps`."""
    return _result(location, _Keys(root, location)(stage, inputs))


def record(location: Location, entry: Entry) -> None:
    """Add a result to the run cache of the store; its outputs must be there already."""
    from dvc.stage.cache import _get_cache_hash
    from dvc.utils.serialize import dumps_yaml

    key = _get_cache_hash(dict(entry), key=True)
    value = _get_cache_hash(dict(entry))
    objects.write(location, dumps_yaml(dict(entry)).encode(), *_run(key), value)


def has_outputs(location: Location, entry: Entry) -> bool:
    """Whether the store holds what a stage wrote.

    DVC uploads the list of a folder's files after the files, so the list stands for them.
    """
    return all(objects.read(location, *_file(out["md5"])) is not None for out in entry["outs"])


def output_file(location: Location, entry: Entry, name: str) -> bytes:
    """One file of the folder that a stage wrote; raises `UserError` if the store lacks it."""
    files = json.loads(objects.read(location, *_file(entry["outs"][0]["md5"])) or b"[]")
    md5 = next((file["md5"] for file in files if file["relpath"] == name), None)
    content = objects.read(location, *_file(md5)) if md5 else None
    if content is None:
        path = f"{entry['outs'][0]['path']}/{name}"
        raise UserError(f"{location.url} lacks {path}: start a new run, which makes it again.")
    return content


class _Keys:
    """The run-cache keys of a workspace's stages.

    DVC would read `params.yaml` once per stage and hash shared code once per dependency; for
    a study of 500 stages that takes minutes. Here each is read once.
    """

    def __init__(self, root: Path, location: Location) -> None:
        from dvc.repo import Repo
        from dvc.stage import PipelineStage
        from dvc.utils.serialize import load_yaml

        with Repo(str(root)) as repo:
            found = repo.index.stages
            self._stages = {own.name: own for own in found if isinstance(own, PipelineStage)}
            self._tracked = {
                os.path.relpath(out.fs_path, repo.root_dir): {"md5": out.hash_info.value}
                for own in found
                if not isinstance(own, PipelineStage)
                for out in own.outs
            }
        self._params = load_yaml(str(root / "params.yaml"))
        self._files: dict[str, dict[str, str]] = {}  # of tracked folders
        self._code: dict[str, Any] = {}  # path -> hash
        self._location = location

    def __call__(self, stage: Stage, inputs: Entries) -> str:
        """The key of the run that would follow on `inputs`, the lock entries of its `deps`."""
        from dvc.stage.cache import _get_cache_hash
        from dvc.stage.serialize import to_single_stage_lockfile

        outputs = {out["path"]: out["md5"] for entry in inputs.values() for out in entry["outs"]}
        for dep in self._stages[stage.name].deps:
            self._fill(dep, outputs)
        lock = to_single_stage_lockfile(self._stages[stage.name])
        key: str = _get_cache_hash(lock, key=True)
        return key

    def _fill(self, dep: Any, outputs: Mapping[str, str]) -> None:
        """Set the hash (or the values) of a dependency as it will be when the stage runs."""
        from dvc.dependency import ParamsDependency
        from dvc_data.hashfile.meta import Meta

        if isinstance(dep, ParamsDependency):
            dep.fill_values({name: self._value(name) for name in dep.params})
        else:
            dep.hash_info = self._hash(dep, outputs)
            dep.meta = Meta(isdir=dep.hash_info.isdir)  # sizes are no part of the key

    def _value(self, name: str) -> Any:
        """A parameter, such as `study` or `finetune.mini-none-xnli-0`."""
        phase, _, key = name.partition(".")
        return self._params[phase][key] if key else self._params[phase]

    def _hash(self, dep: Any, outputs: Mapping[str, str]) -> Any:
        from dvc_data.hashfile.hash_info import HashInfo

        path = dep.def_path
        if path in outputs:
            return HashInfo("md5", outputs[path])
        if parts := {out: md5 for out, md5 in outputs.items() if out.startswith(f"{path}/")}:
            return _folder_hash(path, parts, self._location)
        if folder := tracked.holder(path, self._tracked):
            return self._tracked_hash(folder, path)
        if path not in self._code:
            dep.save()
            self._code[path] = dep.hash_info
        return self._code[path]

    def _tracked_hash(self, folder: str, path: str) -> Any:
        """The hash of a tracked folder, or of what lies in it, which need not be here."""
        from dvc_data.hashfile.hash_info import HashInfo

        md5 = self._tracked[folder]["md5"]
        if path == folder:
            return HashInfo("md5", md5)
        if folder not in self._files:
            self._files[folder] = tracked.files(self._location, folder, md5)
        start = f"{path.removeprefix(f'{folder}/')}/"
        found = [
            {"relpath": name.removeprefix(start), "md5": own}
            for name, own in self._files[folder].items()
            if name.startswith(start)
        ]
        return _tree_hash(found)


def _folder_hash(folder: str, parts: Mapping[str, str], location: Location) -> Any:
    """The hash that DVC gives a folder which holds nothing but the outputs `parts`."""
    lists = objects.together(lambda md5: objects.read(location, *_file(md5)), parts.values())
    files = [
        file | {"relpath": f"{path.removeprefix(folder + '/')}/{file['relpath']}"}
        for path, text in zip(parts, lists, strict=True)
        for file in json.loads(text or b"[]")
    ]
    return _tree_hash(files)


def _tree_hash(files: list[dict[str, str]]) -> Any:
    """The hash that DVC gives a folder of these files (`relpath` and `md5`)."""
    from dvc_data.hashfile.tree import Tree

    tree = Tree.from_list(files, hash_name="md5")
    tree.digest()
    return tree.hash_info


def _result(location: Location, key: str) -> Entry | None:
    """A result of the run `key` whose outputs are there; the first by name when there are more."""
    from dvc.utils.serialize import loads_yaml

    for name in sorted(objects.names(location, *_run(key))):
        text = objects.read(location, *_run(key), name)
        entry: Entry | None = loads_yaml(text.decode()) if text else None
        if entry and has_outputs(location, entry):
            return entry
    return None


def _run(key: str) -> tuple[str, ...]:
    return "runs", key[:2], key


def _file(md5: str) -> tuple[str, ...]:
    return "files", "md5", md5[:2], md5[2:]

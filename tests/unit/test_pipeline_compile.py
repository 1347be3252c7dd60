"""`xstilts compile`: the files it writes, and what it refuses.

tests/golden holds what it writes. After a change that is meant, look at the difference:

    python tests/unit/test_pipeline_compile.py && git diff tests/golden
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from compiled_pipeline import IMAGES

from pipelines import compile as command
from pipelines.revision import Revision

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
REVISION = Revision("0123456789abcdef" * 2 + "01234567")
COMMANDS = {
    "pipeline.cuda.yaml": [],
    "pipeline.cpu.yaml": ["smoke", "--device", "cpu", "--parallelism", "2", "--retries", "1"],
    "pipeline.resources.yaml": ["--format", "resources", "--namespace", "team"],
}


def write(folder, name):
    """Compile as for a golden file; returns what was written."""
    lock = folder / "images.lock"
    lock.write_text(yaml.safe_dump(IMAGES), encoding="utf-8")
    words = [*COMMANDS[name], "--images", str(lock), "--output", str(folder / name)]
    assert command.main(words) == 0
    return (folder / name).read_text(encoding="utf-8")


@pytest.fixture
def _clean(monkeypatch):
    """A checkout whose revision is always the same."""
    monkeypatch.setattr(command, "code_revision", lambda _root: REVISION)


@pytest.mark.usefixtures("_clean")
@pytest.mark.parametrize("name", COMMANDS)
def test_golden(tmp_path, name):
    assert write(tmp_path, name) == (GOLDEN / name).read_text(encoding="utf-8")


def test_bytes_do_not_depend_on_hashes(tmp_path):
    lock = tmp_path / "images.lock"
    lock.write_text(yaml.safe_dump(IMAGES), encoding="utf-8")
    found = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.compile", "--images", str(lock)],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        found.add(done.stdout)
    assert found == {(GOLDEN / "pipeline.cuda.yaml").read_bytes()}


def test_it_is_small(tmp_path):
    text = write(tmp_path, "pipeline.cuda.yaml")
    assert len(text.encode()) < 2**20


def closed(schema):
    """A schema under which a field that it does not name is an error."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if "properties" in schema and "x-kubernetes-preserve-unknown-fields" not in schema:
            schema.setdefault("additionalProperties", False)
    return schema


def test_resources_are_what_kubernetes_takes(shared):
    found = list(yaml.safe_load_all((GOLDEN / "pipeline.resources.yaml").read_text("utf-8")))
    assert [document["kind"] for document in found] == ["Pipeline", "PipelineVersion"]
    for document in found:
        kind = document["kind"].lower()
        path = shared / "crds" / f"pipelines.kubeflow.org_{kind}s.yaml"
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        (version,) = definition["versions"]
        assert document["apiVersion"] == f"{definition['group']}/{version['name']}"
        assert document["kind"] == definition["names"]["kind"]
        metadata = document.pop("metadata")
        assert metadata["namespace"] == "team"
        schema = closed(version["schema"]["openAPIV3Schema"])
        jsonschema.validate(document, schema)
    assert found[1]["spec"]["pipelineName"] == "xstilts"
    assert found[1]["spec"]["displayName"] == "0123456789ab"


def test_a_field_that_kubernetes_does_not_know_would_be_found(shared):
    path = shared / "crds" / "pipelines.kubeflow.org_pipelines.yaml"
    (version,) = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["versions"]
    schema = closed(version["schema"]["openAPIV3Schema"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"spec": {"displayNames": "x"}}, schema)


@pytest.mark.usefixtures("_clean")
def test_a_version_is_named_by_its_revision_and_device(tmp_path):
    lock = tmp_path / "images.lock"
    lock.write_text(yaml.safe_dump(IMAGES), encoding="utf-8")
    path = tmp_path / "resources.yaml"
    words = ["--device", "cpu", "--format", "resources", "--images", str(lock)]
    assert command.main([*words, "--output", str(path)]) == 0
    names = [found["metadata"]["name"] for found in yaml.safe_load_all(path.read_text("utf-8"))]
    assert names == ["xstilts-cpu", "xstilts-cpu-0123456789ab"]


def refused(words, capsys):
    assert command.main(words) == 2
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err.splitlines()


def test_all_problems_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "code_revision", lambda _root: replace(REVISION, changed=("a",)))
    lock = tmp_path / "images.lock"
    lock.write_text("cpu: registry.example/xstilts:1.0\n", encoding="utf-8")
    words = ["mina", "--images", str(lock), "--format", "resources", "--namespace", "A/B"]
    problems = refused(words, capsys)
    assert len(problems) == 5
    assert "is no digest reference" in problems[0]
    assert "names no image for the flavour 'cuda'" in problems[1]
    assert "unknown study 'mina': did you mean mini?" in problems[2]
    assert "--namespace 'A/B' is no name" in problems[3]
    assert "files differ from the commit 0123456789ab: a." in problems[4]


def test_a_namespace_is_for_resources(capsys):
    assert refused(["--dev", "--namespace", "team"], capsys) == [
        "error: --namespace goes with --format resources only."
    ]


def test_a_missing_lock(tmp_path, capsys):
    (problem,) = refused(["--images", str(tmp_path / "none.lock")], capsys)
    assert "none.lock is missing" in problem


def test_images_of_this_machine(tmp_path, capsys):
    lock = tmp_path / "images.lock"
    lock.write_text("cpu: registry.example/xstilts:test\n", encoding="utf-8")
    assert command.main(["--dev", "--images", str(lock)]) == 0
    text = capsys.readouterr().out
    assert "image: registry.example/xstilts:test" in text
    assert "image: xstilts:cuda" in text


def test_a_study_for_which_pods_have_no_data(capsys):
    (problem,) = refused(["real-slices", "--dev"], capsys)
    assert "which a pod does not have" in problem


def test_a_folder_that_cannot_be_written_to(tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    (problem,) = refused(["--dev", "--output", str(tmp_path / "file" / "x.yaml")], capsys)
    assert problem.startswith(f"error: cannot write {tmp_path}/file/x.yaml: ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--parallelism", "0"], "'0' is no number of pods; give 1 or more"),
        (["--retries", "-1"], "'-1' is no number of retries; give 0 or more"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
    ],
)
def test_wrong_numbers(words, expected, capsys):
    with pytest.raises(SystemExit) as raised:
        command.main(words)
    assert raised.value.code == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("name", ["compile", "submit"])
def test_the_command_line_hands_over(name, tmp_path):
    # From any folder of a clone, with all that follows the command, and its exit code
    program = [sys.executable, "-m", "xstilts.cli", name]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*program, "--help"], cwd=ROOT / "tests", env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: xstilts {name}" in done.stdout
    assert "--parallelism" in done.stdout
    done = subprocess.run(
        [*program, "--device", "tpu"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 2
    outside = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert outside.returncode == 2
    assert "is in no clone of xstilts" in outside.stderr


def test_without_kubeflow_s_sdk(monkeypatch, capsys):
    from xstilts import cli

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda _name: None)
    assert cli.main(["compile"]) == 2
    assert "xstilts compile needs Kubeflow's SDK" in capsys.readouterr().err


def test_paths_are_those_of_the_caller(tmp_path):
    lock = tmp_path / "images.lock"
    lock.write_text(yaml.safe_dump(IMAGES), encoding="utf-8")
    words = ["--images", os.path.relpath(lock, ROOT / "tests"), "--output", str(tmp_path / "x")]
    program = [sys.executable, "-m", "xstilts.cli", "compile", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(program, cwd=ROOT / "tests", env=env, check=True)
    assert (tmp_path / "x").read_bytes() == (GOLDEN / "pipeline.cuda.yaml").read_bytes()


def renew():
    """Write the golden files anew."""
    import tempfile

    command.code_revision = lambda _root: REVISION
    with tempfile.TemporaryDirectory() as folder:
        for name in COMMANDS:
            (GOLDEN / name).write_text(write(Path(folder), name), encoding="utf-8")


if __name__ == "__main__":
    renew()

"""The image: what is in it, what is not, and that a stage can work in it without rights."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pip
import pytest

from xstilts import __version__

ROOT = Path(__file__).resolve().parents[2]
CODE = ("xstilts", "components", "pipelines/studies", "dvc.yaml", ".dvc/config", ".dvcignore",
        "pyproject.toml", "constraints.txt", "README.md", "LICENSE")  # fmt: skip
HASHES = """\
import hashlib, json, pathlib
root = pathlib.Path("/opt/xstilts")
files = [path for path in root.rglob("*") if not path.is_dir()]
print(json.dumps({path.relative_to(root).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
                  for path in files}))
"""
WHO = """\
import json, os, pathlib
def writable(folder):
    try:
        (pathlib.Path(folder) / "probe").touch()
    except OSError:
        return False
    return True
folders = ("/", "/opt/xstilts", "/opt/venv/bin", "/etc", "/scratch", "/tmp")
print(json.dumps({"user": os.getuid(), "groups": os.getgroups() + [os.getgid()],
                  "folder": os.getcwd(), "home": os.path.expanduser("~"),
                  "writable": [folder for folder in folders if writable(folder)]}))
"""
TOOLS = "*gcc* *g++* cc c++ cc1* *clang* tcc ld as make nvcc git curl wget"


def docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    engine = subprocess.check_output([ROOT / "docker" / "engine.sh"], text=True).strip()
    return subprocess.run([engine, *arguments], capture_output=True, text=True)


@pytest.fixture(scope="module")
def run(image):
    """Runs a command in the image as strictly as a cluster may; its output."""
    strict = ("--read-only", "--tmpfs=/tmp", "--tmpfs=/scratch", "--cap-drop=ALL",
              "--security-opt=no-new-privileges", "--env=OMP_NUM_THREADS=1")  # fmt: skip

    def start(*command: str, options: tuple[str, ...] = ("--network=none",)) -> str:
        done = docker("run", "--rm", *strict, *options, image, *command)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return start


@pytest.fixture(scope="module")
def settings(image):
    return json.loads(docker("image", "inspect", image).stdout)[0]


def git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True)


def test_code_is_git_s_byte_by_byte_and_nothing_else(run):
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *CODE)
    names = [name for name in listed.split("\0") if name and (ROOT / name).exists()]
    expected = {name: hashlib.md5((ROOT / name).read_bytes()).hexdigest() for name in names}
    assert json.loads(run("python", "-c", HASHES)) == expected
    assert "components/images.lock" in expected


def test_nobody_s_rights_and_only_two_folders_to_write(run, settings):
    found = json.loads(run("python", "-c", WHO))
    assert found["user"] == 10001
    assert set(found["groups"]) == {10001}
    assert found["folder"] == found["home"] == "/scratch"
    assert found["writable"] == ["/scratch", "/tmp"]
    assert settings["Config"]["User"] == "10001:10001"  # a number: a cluster can see it is not root


def test_without_read_only_root_nothing_else_can_be_written_either(image):
    done = docker("run", "--rm", "--network=none", image, "python", "-c", WHO)
    assert json.loads(done.stdout)["writable"] == ["/scratch", "/tmp"], done.stderr


@pytest.mark.parametrize("folder", ["/scratch", "/tmp", "/"])
def test_commands_start_in_any_folder(run, folder):
    options = ("--network=none", f"--workdir={folder}")
    assert run("xstilts", "--version", options=options).strip() == __version__
    for command in (
        ["xstilts", "--help"],
        ["xstilts-stage", "--help"],
        ["python", "-m", "components.plan", "--help"],
    ):
        assert "usage:" in run(*command, options=options)


def test_another_user_of_the_cluster_s_choice_can_start_it(run):
    options = ("--network=none", "--user=12345:0")
    code = "import torch, transformers, deepspeed; print(torch.__version__)"
    assert run("python", "-c", code, options=options)


def test_libraries_fit_together_and_those_of_the_control_side_are_out(run):
    # The image has no pip of its own
    options = ("--network=none", f"--volume={Path(pip.__file__).parent}:/host/pip:ro",
               "--env=PYTHONPATH=/host", "--env=PIP_DISABLE_PIP_VERSION_CHECK=1")  # fmt: skip
    assert "No broken requirements" in run("python", "-m", "pip", "check", options=options)
    listed = json.loads(run("python", "-m", "pip", "list", "--format=json", options=options))
    names = {row["name"].lower() for row in listed}
    assert {"xstilts", "torch", "deepspeed", "dvc", "boto3"} <= names
    assert not {"kfp", "kfp-kubernetes", "docker", "pytest", "ruff", "mypy"} & names


def test_versions_are_those_of_the_lock(run):
    code = (
        "import importlib.metadata as m, re, json;"
        "print(json.dumps({re.sub('[-_.]+', '-', d.name).lower(): d.version"
        " for d in m.distributions()}))"
    )
    found = json.loads(run("python", "-c", code))
    lock = re.findall(r"^([^#\s=]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    locked = {re.sub("[-_.]+", "-", name).lower(): version for name, version in lock}
    unlocked = {name: found[name] for name in found if name not in locked}
    assert set(unlocked) <= {"xstilts", "setuptools"}
    for name in set(found) & set(locked):
        assert found[name].partition("+")[0] == locked[name], name


def test_no_compiler_and_no_tool_that_fetches_code(run):
    names = " -o ".join(f"-name '{name}'" for name in TOOLS.split())
    search = f"find / -xdev -type f -perm /111 '(' {names} ')' 2>/dev/null || true"
    assert run("sh", "-c", search).split() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_deepspeed_trains_at_every_zero_stage(run, processes):
    start = "python" if processes == 1 else f"torchrun --standalone --nproc-per-node={processes}"
    # torchrun's processes find each other by the host's name, which needs a network
    network = "none" if processes == 1 else "bridge"
    output = run(
        "sh",
        "-c",
        f"{start} /tests/zero_worker.py /scratch/out >/dev/null"
        " && tail --quiet --lines=1 /scratch/out/*/steps.csv",
        options=(f"--network={network}", f"--volume={ROOT / 'tests' / 'unit'}:/tests:ro"),
    )
    last = [line.split(",") for line in output.splitlines()]
    assert [row[0] for row in last] == ["12"] * 4
    assert len({round(float(row[1]), 3) for row in last}) == 1  # the stages agree on the loss


def test_labels_say_what_it_is(settings):
    commit = git("rev-list", "-1", "HEAD", "--", ".", ":!components/images.lock").strip()
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in settings["Config"]["Labels"].items()
    }
    assert re.fullmatch(f"{commit}(-dirty)?", labels["revision"])
    assert labels["version"] == __version__
    assert labels["title"] == "xstilts"
    assert labels["licenses"] == "Apache-2.0"
    assert f"XSTILTS_REVISION={labels['revision']}" in settings["Config"]["Env"]


def test_no_trace_of_where_packages_came_from_and_no_secret(image, run, settings):
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", image).stdout
    text = history + json.dumps(settings["Config"])
    for pattern in (r"https?://[^\s/]*@", r"index[-_]url", r"pip\.conf", r"\bPIP_", r"\bAWS_"):
        assert not re.search(pattern, text, re.IGNORECASE), pattern
    left = "find / -xdev -type f '(' -name pip.conf -o -name '*.whl' -o -path '/root/.c*' ')'"
    found = run("sh", "-c", left, options=("--network=none", "--user=0:0")).split()
    base = ("/python-wheels/", "/ensurepip/")  # what its venv module brings
    assert [path for path in found if not any(part in path for part in base)] == []


def test_it_stays_small(settings):
    assert settings["Size"] < 2.0e9

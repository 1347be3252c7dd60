"""dvc.yaml: its stages name all the code that decides what they write, and their outputs."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from xstilts.study.plan import PHASES
from xstilts.tasks.formats import FORMATS

ROOT = Path(__file__).parents[2]
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# What says how a stage runs, and not what it writes
AROUND = {
    "components/__init__.py",
    "components/stage.py",
    "xstilts/__init__.py",
    "xstilts/errors.py",
    "xstilts/files.py",
    "xstilts/observe/figures.py",
    "xstilts/observe/logs.py",
    "xstilts/observe/metrics.py",
    "xstilts/observe/subject.py",
    "xstilts/observe/work.py",
    "xstilts/process.py",
    "xstilts/warm.py",
    "xstilts/study/params.py",
    "xstilts/study/plan.py",
}
# What refuses wrong input, and changes nothing else
CHECKS = {"xstilts/data/checks.py", "xstilts/tasks/check.py"}
# Mining is scored by the same function as what is trained, but is itself never trained
MINING = {"xstilts/evaluation/mining.py"}
# An estimate asks how large a backbone is, and makes none
MAKING = {
    "xstilts/models/body.py",
    "xstilts/models/generative.py",
    "xstilts/models/pretraining.py",
}
NOT_REACHED = {"intermediate": MINING, "finetune": MINING, "publish": MINING | MAKING}
# Imported only for some entries of params.yaml: those name them under `needs`
NEEDED = {"prepare": ("xstilts/world/",), "backbone": ("xstilts/world/",)}


def definition(phase: str) -> dict:
    return GRAPH[phase].get("do", GRAPH[phase])


def imports(path: Path) -> set[Path]:
    """The project's files that a file imports at run time, also inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    files = (ROOT / name.replace(".", "/") for name in names)
    return {
        file
        for base in files
        for file in (base.with_suffix(".py"), base / "__init__.py")
        if file.is_file() and file.stat().st_size > 200  # not the packages' docstrings
    }


def used_code(phase: str) -> set[str]:
    waiting, found = [ROOT / "components" / phase / "__main__.py"], set()
    while waiting:
        file = waiting.pop()
        name = file.relative_to(ROOT).as_posix()
        if name in found or name in AROUND | CHECKS | NOT_REACHED.get(phase, set()):
            continue
        if name.startswith(NEEDED.get(phase, ("-",))):
            continue
        found.add(name)
        waiting += imports(file)
    return {name for name in found if not name.startswith("components/")}


@pytest.mark.parametrize("phase", PHASES)
def test_a_stage_depends_on_the_code_it_imports(phase):
    declared = definition(phase)["deps"]
    missing = [
        name
        for name in sorted(used_code(phase))
        if not any(name == dep or name.startswith(f"{dep}/") for dep in declared)
    ]
    assert missing == []


@pytest.mark.parametrize("phase", ["intermediate", "finetune", "evaluate"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_stage_depends_on_the_code_of_its_format(phase, name):
    """Formats are imported by name, so no import shows them; some share code with others."""
    declared = definition(phase)["deps"]
    wanted, found = {ROOT / f"xstilts/tasks/{name}.py"}, set()
    while wanted:
        file = wanted.pop()
        found.add(file)
        wanted |= {f for f in imports(file) if f.parent.name == "tasks"} - found
    names = {file.relative_to(ROOT).as_posix() for file in found} - CHECKS
    if phase == "intermediate" and name in ("retrieval", "mining"):
        return  # they are not trained
    own = "xstilts/tasks/${item.task.format}.py"
    dynamic = {f"xstilts/tasks/{name}.py"} if own in declared else set()
    assert sorted(names - set(declared) - dynamic) == []


@pytest.mark.parametrize("phase", PHASES)
def test_a_stage_names_no_code_that_is_not_there(phase):
    for dep in definition(phase)["deps"]:
        pattern = re.sub(r"\$\{.*?\}", "*", dep)
        if pattern.startswith("xstilts/"):
            assert list(ROOT.glob(pattern)), dep


@pytest.mark.parametrize("phase", PHASES)
def test_a_stage_writes_where_the_plan_says(phase):
    written = definition(phase)["outs"]
    wanted = PHASES[phase].output.replace("{key}", "${key}").replace("{study}", "${study.name}")
    assert written == [wanted]
    inputs = [f"${{item.{name}}}" for name in PHASES[phase].inputs]
    assert definition(phase)["deps"][: len(inputs)] == inputs

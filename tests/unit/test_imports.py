"""Imports point one way, and what has to start quickly loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "xstilts": {"components", "pipelines"},
    "components": {"pipelines"},
    "pipelines": set(),
}
PHASES = sorted(path.parent.name for path in (ROOT / "components").glob("*/__main__.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not imported(path) & FORBIDDEN[package], path


def test_the_task_table_imports_nothing_above_it():
    for path in (ROOT / "xstilts" / "tasks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xstilts."):
                package = node.module.split(".")[1]
                assert package in ("tasks", "errors", "files"), f"{path} imports {node.module}"


def test_there_is_a_component_for_every_phase_for_several_nodes_and_for_both_ends():
    from xstilts.study.plan import PHASES as KNOWN

    assert set(PHASES) == {"plan", *KNOWN, "trainjob", "finish"}


@pytest.mark.parametrize("module", ["xstilts.cli", *(f"components.{phase}" for phase in PHASES)])
def test_help_loads_nothing_heavy(module):
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{module!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as error:\n"
        "    assert not error.code, error.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'deepspeed', 'pandas', 'sklearn', 'dvc',\n"
        "'altair', 'vl_convert'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout

"""Kubeflow components: short, described, and with the arguments that their programs take."""

import ast
import importlib
from pathlib import Path

import pytest

import components.finish.__main__
import components.plan.__main__
import components.pod
import components.trainjob.__main__

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "components").glob("*/component.py"))
NAMES = [path.parent.name for path in FILES]
PROGRAMS = {
    "plan": (["python", "-m", "components.plan"], components.plan.__main__),
    "finish": (["python", "-m", "components.finish"], components.finish.__main__),
    "trainjob": (["python", "-m", "components.trainjob"], components.trainjob.__main__),
}
STAGE = (["xstilts-stage"], components.pod)
LONGEST = 10  # lines of a component, without its description


def component(name):
    module = importlib.import_module(f"components.{name}.component")
    return getattr(module, name)


def test_every_component_has_one():
    programs = {path.parent.name for path in (ROOT / "components").glob("*/__main__.py")}
    assert set(NAMES) == programs


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_component_is_an_image_and_its_arguments(path):
    (function,) = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    description = function.body[0]
    total = function.end_lineno - function.decorator_list[0].lineno + 1
    assert total - (description.end_lineno - description.lineno + 1) <= LONGEST


@pytest.mark.parametrize("name", NAMES)
def test_all_is_described(name):
    specification = component(name).component_spec
    assert specification.description
    for part in (specification.inputs, specification.outputs):
        for field, value in (part or {}).items():
            assert value.description, field
            assert "\n" not in value.description, "KFP shows a line break as a paragraph"


@pytest.mark.parametrize("name", NAMES)
def test_the_arguments_are_what_the_program_takes(name):
    specification = component(name).component_spec
    container = specification.implementation.container
    command, module = PROGRAMS.get(name, STAGE)
    words = [*container.command, *(str(word) for word in container.args or [])]
    assert words[: len(command)] == command
    options = vars(module._parser().parse_args(words[len(command) :]))
    outputs = options.pop("outputs", None)
    assert outputs == ("{{$}}" if specification.outputs else None)
    # Each input goes to the option of its name, and every option is given
    assert options == {field: f"{{{{$.inputs.parameters['{field}']}}}}" for field in options}
    assert set(options) == set(specification.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_image_is_set_when_the_pipeline_is_compiled(name):
    assert component(name).component_spec.implementation.container.image == "xstilts"


def test_the_plan_has_the_outputs_that_its_program_writes():
    from components.plan.pools import Chosen
    from xstilts.study.fanout import pods

    outputs = component("plan").component_spec.outputs
    parameters = {name for name, value in outputs.items() if not value.type.startswith("system.")}
    assert parameters == {"run", *pods([], ()).outputs(), *Chosen().outputs()}
    assert set(outputs) - parameters == {"summary"}


def test_phases_show_what_pods_hand_over():
    from components.shown import _NUMBERS, PUBLISHED

    for name in set(NAMES) - set(PROGRAMS):
        outputs = set(component(name).component_spec.outputs)
        shown = {"metrics"} if name in _NUMBERS else set()
        pages = set(PUBLISHED) if name == "publish" else set()
        assert outputs == {"receipt"} | shown | pages, name

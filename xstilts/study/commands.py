"""What `xstilts run`, `plan` and `study` do, in the project's folder."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from xstilts.errors import UserError
from xstilts.study.check import find_study
from xstilts.study.devices import DEVICES
from xstilts.study.grid import languages, tuned_on
from xstilts.study.memory_table import memory_table
from xstilts.study.params import NAME, read_params, write_params
from xstilts.study.plan import Params, Stage, descendants, output, stages
from xstilts.study.profiles import study_names, study_page
from xstilts.study.record import ENGLISH_ALONE, Recipe, Study
from xstilts.study.resolve import resolve
from xstilts.study.run import cores, exclusive, run
from xstilts.study.state import changes
from xstilts.tasks.table import members

STUDIES = Path("pipelines/studies")
ROOT = Path()


def run_study(name: str | None, mirror: str | None, from_scratch: bool, jobs: int | None) -> int:
    """Resolve a study and bring all its stages up to date; returns the exit code."""
    from xstilts.publish.page.index import write_index

    console = Console()
    with exclusive(ROOT):
        params = select(name, mirror, from_scratch, console)
        code = run(ROOT, stages(params), jobs or cores(), console)
    page = output("publish", "", params) / "index.html"
    if code == 0:
        write_index(page.parents[1])
        console.print(f"Report: {page.resolve()}", highlight=False, soft_wrap=True)
    return code


def use_study(name: str | None, mirror: str | None, from_scratch: bool) -> int:
    """Write a study to `params.yaml`, for `dvc repro` and for later commands."""
    with exclusive(ROOT):
        select(name, mirror, from_scratch, Console())
    return 0


def show_plan(
    name: str | None, mirror: str | None, from_scratch: bool, device: str | None = None
) -> int:
    """Print every stage with its state, and how many have to run.

    With the name of a `device` also what training needs of its memory, and which ZeRO stage.
    """
    console = Console()
    params = resolve(named_study(name, mirror, from_scratch))
    if not _is_current(params):
        with exclusive(ROOT):
            select(name, mirror, from_scratch, console)
    plan = stages(params)
    changed = changes(ROOT)
    waiting = descendants(plan, changed)
    table = Table("stage", "state", box=None)
    for stage in plan:
        table.add_row(stage.name, _state(stage, changed, waiting))
    console.print(table)
    fresh = len(plan) - len(waiting)
    console.print(
        f"{len(plan)} stages: {fresh} up to date, {len(changed)} to run, "
        f"{len(waiting) - len(changed)} to run if what they depend on changes.",
        highlight=False,
    )
    if device:
        console.print(memory_table(params, plan, DEVICES[device]), highlight=False)
    return 0


def list_studies() -> int:
    """Print name and question of every study; the one in use is marked."""
    current = _current()
    table = Table("", "study", "question", box=None)
    for name in study_names(STUDIES):
        page = study_page(name, STUDIES).value
        question = page.get("question", "") if isinstance(page, dict) else ""
        table.add_row("*" if name == current else "", name, str(question))
    Console().print(table)
    return 0


def show_study(name: str | None, mirror: str | None, from_scratch: bool) -> int:
    """Print what a study compares, and what it runs for that."""
    study = named_study(name, mirror, from_scratch)
    params = resolve(study)
    table = Table(box=None, show_header=False)
    recipes = [f"{recipe} ({' + '.join(body.tasks)}{_spoken(body)})" if body.tasks else recipe
               for recipe, body in study.recipes.items()]  # fmt: skip
    for label, text in (
        ("study", study.name),
        ("question", study.question),
        ("benchmark", study.benchmark),
        ("data", f"{study.source} {study.mirror or ''}".strip()),
        ("models", ", ".join(params["backbone"])),
        ("recipes", ", ".join(recipes)),
        ("baseline", study.baseline),
        *(
            ("compares", f"{_side(study, one)} with {_side(study, other)}")
            for one, other in study.comparisons
        ),
        ("seeds", ", ".join(map(str, study.seeds))),
        ("stages", str(len(stages(params)))),
    ):
        table.add_row(label, text)
    targets = Table("target", "fine-tuned on", "languages", box=None)
    for target in study.targets:
        beyond = "" if target in members(study.benchmark) else f" (beyond {study.benchmark})"
        trained = " then ".join(tuned_on(study, target)) or "–"
        targets.add_row(f"{target}{beyond}", trained, " ".join(languages(study, target)))
    Console().print(table, "", targets)
    return 0


def _side(study: Study, name: str) -> str:
    """A side of a comparison; behind a group its recipes."""
    return f"{name} ({', '.join(study.groups[name])})" if name in study.groups else name


def _spoken(recipe: Recipe) -> str:
    foreign = recipe.languages != ENGLISH_ALONE
    return f" in {' '.join(recipe.languages)}" if foreign else ""


def _state(stage: Stage, changed: dict[str, list[str]], waiting: set[str]) -> str:
    if stage.name in changed:
        return f"to run: {', '.join(changed[stage.name])}"
    return "to run if what it depends on changes" if stage.name in waiting else "up to date"


def named_study(name: str | None, mirror: str | None, from_scratch: bool = False) -> Study:
    """The study of that name, or the one in `params.yaml`; raises `UserError` for a wrong one."""
    name = name or current_study()
    return find_study(name, STUDIES, mirror=mirror, from_scratch=from_scratch)


def current_study() -> str:
    """The name of the study in `params.yaml`; raises `UserError` where there is none."""
    name = _current()
    if name is None:
        raise UserError(f"{NAME} names no study: give one of {', '.join(study_names(STUDIES))}.")
    return name


def _current() -> str | None:
    """The name of the study in `params.yaml`."""
    return str(read_params(Path(NAME))["study"]["name"]) if Path(NAME).exists() else None


def _is_current(params: Params) -> bool:
    return Path(NAME).exists() and read_params(Path(NAME)) == params


def select(name: str | None, mirror: str | None, from_scratch: bool, console: Console) -> Params:
    """Resolve a study into `params.yaml`; the caller holds the run lock."""
    params = resolve(named_study(name, mirror, from_scratch))
    if write_params(Path(NAME), params):
        console.print(f"{NAME} now holds the study {params['study']['name']}.", highlight=False)
    return params

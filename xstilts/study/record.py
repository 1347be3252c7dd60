"""What a study is, and how its file is read: every problem at once, with its line."""

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xstilts.study import reading
from xstilts.study.comparisons import GAINS, read_asks, read_comparisons, read_groups
from xstilts.study.gate import USUAL, Gate, read_gate
from xstilts.study.page import Keys, Page, unknown
from xstilts.study.settings import PRETRAINING, SETTINGS, Setting, read_settings
from xstilts.study.task_choice import TaskChoice, read_choices, read_languages, read_sizes
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import SPLITS
from xstilts.tasks.table import BENCHMARKS, TASKS, members

PROFILES = "profiles"  # the field with the same question at other sizes
SOURCES = ("world", "mirror", "hub")
CONTROLS = ("untrained",)
ENGLISH_ALONE = ("en",)
HPARAM_SETS = ("paper", "xtreme")
_NAME = re.compile(r"[a-z0-9_]+")  # no dash: it separates the parts of a stage's key
_STUDY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Intermediate tasks, trained on together; none of them for the baseline.

    `languages` are those of the training rows, and of the dev rows that it selects on.
    """

    tasks: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ENGLISH_ALONE


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question and the grid that answers it: models x recipes x targets x seeds.

    Settings of a training run come from, each overriding the one before: the task's
    record, `training`, the phase (`intermediate` or `finetune`), the task, the recipe
    (intermediate phase only). `sizes` are rows per language that the world makes.
    `from_scratch` pretrains the shipped backbones anew, as `pretraining` says: on the
    world's stories, or on the texts of `text` (task -> splits) when the rows are real.
    `translations` is a folder with intermediate tasks in languages that the source lacks.
    `asks` is what the first sentence of the answer is about; `groups` are recipes that belong
    together, and `comparisons` pairs of groups or recipes, the first against the second.
    `gate` is what a run must show to become champion.
    `commits` is the lock of data sets on the hub, which no study's file holds.
    """

    name: str
    question: str
    benchmark: str
    source: str
    mirror: str | None
    models: tuple[str, ...]
    recipes: dict[str, Recipe]
    baseline: str
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    controls: tuple[str, ...] = ()
    languages: tuple[str, ...] | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    hparams: str = "paper"
    from_scratch: bool = False
    text: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pretraining: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    intermediate: dict[str, Any] = field(default_factory=dict)
    finetune: dict[str, Any] = field(default_factory=dict)
    tasks: dict[str, TaskChoice] = field(default_factory=dict)
    translations: str | None = None
    asks: str = GAINS
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    comparisons: tuple[tuple[str, str], ...] = ()
    gate: Gate = USUAL
    commits: dict[str, dict[str, str]] = field(default_factory=dict)

    def choice(self, task: str) -> TaskChoice:
        """What the study changes about `task`."""
        return self.tasks.get(task, TaskChoice())

    def trained_task(self, target: str) -> str:
        """The task whose English training data serves `target`."""
        return self.choice(target).train_from or TASKS[target].train_from or target


_NOT_IN_FILES = ("mirror", "commits")  # see `source`, and the lock
FIELDS = (*(item.name for item in fields(Study) if item.name not in _NOT_IN_FILES), PROFILES)
_REQUIRED = ("name", "question", "source", "models", "recipes", "baseline", "targets", "seeds")


def parse_study(page: Page, models: tuple[str, ...]) -> Study:
    """The study of a page, without what is wrong; that goes to the page's problems."""
    values = reading.mapping(page, (), page.value)
    reading.check_keys(page, (), values, FIELDS)
    for name in _REQUIRED:
        if name not in values:
            page.problem((), f"the field {name!r} is missing.")
    kind, mirror = _source(page, values.get("source"))
    recipes = _recipes(page, values)
    groups = read_groups(page, values.get("groups"), recipes)
    return Study(
        name=_study_name(page, values.get("name")),
        question=reading.text(page, ("question",), values.get("question")),
        benchmark=_benchmark(page, values.get("benchmark", "xtreme")),
        source=kind,
        mirror=mirror,
        models=reading.names(
            page, ("models",), values.get("models", []), models, "model", needed=True
        ),
        recipes=recipes,
        baseline=_baseline(page, values.get("baseline"), recipes),
        targets=_targets(page, values),
        seeds=_seeds(page, values.get("seeds", [])),
        controls=reading.names(
            page, ("controls",), values.get("controls", []), CONTROLS, "control"
        ),
        languages=read_languages(page, ("languages",), values.get("languages")),
        sizes=read_sizes(page, ("sizes",), values.get("sizes", {})),
        hparams=reading.one_of(page, ("hparams",), values.get("hparams", "paper"), HPARAM_SETS),
        from_scratch=reading.yes_no(page, ("from_scratch",), values.get("from_scratch", False)),
        text=_text_splits(page, values.get("text", {})),
        pretraining=read_settings(
            page,
            ("pretraining",),
            reading.mapping(page, ("pretraining",), values.get("pretraining")),
            PRETRAINING,
        ),
        training=_settings(page, "training", values),
        intermediate=_settings(page, "intermediate", values),
        finetune=_settings(page, "finetune", values),
        tasks=read_choices(page, values.get("tasks", {})),
        translations=_folder(page, ("translations",), values.get("translations")),
        asks=read_asks(page, values),
        groups=groups,
        comparisons=read_comparisons(page, values.get("comparisons", []), groups, recipes),
        gate=read_gate(page, values.get("gate")),
    )


def _study_name(page: Page, value: Any) -> str:
    name = reading.text(page, ("name",), value)
    if name and not _STUDY_NAME.fullmatch(name):
        page.problem(("name",), f"name {name!r} may hold lower-case letters, digits, - and _.")
    elif name and name != (page.stem or name):
        page.problem(("name",), f"name {name!r} differs from the file's name; make them equal.")
    return name


def _benchmark(page: Page, value: Any) -> str:
    return reading.one_of(page, ("benchmark",), value, BENCHMARKS)


def _source(page: Page, value: Any) -> tuple[str, str | None]:
    """`source: world`, `source: hub` or `source: {kind: mirror, path: FOLDER}`."""
    values = (
        {"kind": value} if isinstance(value, str) else reading.mapping(page, ("source",), value)
    )
    reading.check_keys(page, ("source",), values, ("kind", "path"))
    if not values:
        return "world", None
    where: Keys = ("source", "kind") if ("source", "kind") in page.lines else ("source",)
    if not reading.is_name(values.get("kind"), SOURCES):
        page.problem(where, unknown("source", values.get("kind"), SOURCES))
        return "world", None
    path = _folder(page, ("source", "path"), values.get("path"))
    if path and values["kind"] != "mirror":
        page.problem(("source", "path"), f"the source {values['kind']} has no path.")
    return values["kind"], path


def _folder(page: Page, keys: Keys, value: Any) -> str | None:
    """A folder's path, written the one way by which all who name it know it again."""
    found = reading.text(page, keys, value)
    return str(Path(found)) if found else None


def _targets(page: Page, values: dict[str, Any]) -> tuple[str, ...]:
    """Task names, or `all`: every task of the benchmark. Beside them `all` may stand in a list."""
    benchmark = str(values.get("benchmark", "xtreme"))
    every = members(benchmark) if benchmark in BENCHMARKS else ()
    targets = values.get("targets", [])
    if targets == "all":
        return every
    if isinstance(targets, list) and "all" in targets:
        others = reading.names(page, ("targets",), targets, ("all", *TASKS), "task")
        return tuple(dict.fromkeys([*every, *(name for name in others if name != "all")]))
    return reading.names(page, ("targets",), targets, TASKS, "task", needed=True)


def _seeds(page: Page, value: Any) -> tuple[int, ...]:
    items = value if isinstance(value, list) else [value]
    check = Setting(int, 0, 2**31 - 1)
    for item in items:
        if problem := check.problem(item):
            page.problem(("seeds",), f"a seed {problem}, not {item!r}.")
    if value == []:
        page.problem(("seeds",), "seeds is empty: name at least one, e.g. seeds: [0].")
    if len(set(map(str, items))) < len(items):
        page.problem(("seeds",), "a seed stands twice in seeds.")
    return tuple(dict.fromkeys(item for item in items if check.problem(item) is None))


def _text_splits(page: Page, value: Any) -> dict[str, tuple[str, ...]]:
    found = {}
    for task, splits in reading.mapping(page, ("text",), value).items():
        if task in TASKS:
            found[task] = reading.names(page, ("text", task), splits, SPLITS, "split")
        else:
            page.problem(("text", task), unknown("task", task, TASKS))
    return found


def _settings(page: Page, name: str, values: dict[str, Any]) -> dict[str, Any]:
    return read_settings(page, (name,), reading.mapping(page, (name,), values.get(name)), SETTINGS)


def _recipes(page: Page, values: dict[str, Any]) -> dict[str, Recipe]:
    found = {}
    for name, value in reading.mapping(page, ("recipes",), values.get("recipes")).items():
        keys: Keys = ("recipes", name)
        if not _NAME.fullmatch(str(name)):
            page.problem(keys, f"recipe {name!r} may hold lower-case letters, digits and _.")
            continue
        body = {"tasks": value} if isinstance(value, list) else reading.mapping(page, keys, value)
        listed = keys if isinstance(value, list) else (*keys, "tasks")
        tasks = reading.names(page, listed, body.get("tasks", []), TASKS, "task")
        found[name] = Recipe(
            tasks=tasks,
            settings=read_settings(page, keys, body, SETTINGS, besides=("tasks", "languages")),
            languages=_recipe_languages(page, (*keys, "languages"), body),
        )
    return found


def _recipe_languages(page: Page, keys: Keys, body: dict[str, Any]) -> tuple[str, ...]:
    if "languages" not in body:
        return ENGLISH_ALONE
    given = reading.names(page, keys, body["languages"], LANGUAGES, "language", needed=True)
    return given or ENGLISH_ALONE


def _baseline(page: Page, value: Any, recipes: dict[str, Recipe]) -> str:
    if reading.is_name(value, recipes):
        return str(value)
    if ("baseline",) in page.lines:
        page.problem(("baseline",), unknown("recipe", value, recipes))
    return next(iter(recipes), "")

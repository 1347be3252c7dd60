"""What a study is, and how its file is read: every problem at once, with its line."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xstilts.errors import raise_if_any
from xstilts.study.page import Keys, Page, read_page, unknown
from xstilts.study.settings import PRETRAINING, SETTINGS, Setting, read_settings
from xstilts.tasks.languages import LANGUAGES
from xstilts.tasks.record import SPLITS, Source
from xstilts.tasks.table import BENCHMARKS, TASKS, members

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
class TaskChoice:
    """What a study changes about one task."""

    settings: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    languages: tuple[str, ...] | None = None
    train_from: str | None = None
    source: dict[str, Any] = field(default_factory=dict)  # fields of `tasks.record.Source`


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question and the grid that answers it: models x recipes x targets x seeds.

    Settings of a training run come from, each overriding the one before: the task's
    record, `training`, the phase (`intermediate` or `finetune`), the task, the recipe
    (intermediate phase only). `sizes` are rows per language that the world makes.
    `from_scratch` pretrains the shipped backbones anew, as `pretraining` says: on the
    world's stories, or on the texts of `text` (task -> splits) when the rows are real.
    `translations` is a folder with intermediate tasks in languages that the source lacks.
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
    commits: dict[str, dict[str, str]] = field(default_factory=dict)

    def choice(self, task: str) -> TaskChoice:
        """What the study changes about `task`."""
        return self.tasks.get(task, TaskChoice())

    def trained_task(self, target: str) -> str:
        """The task whose English training data serves `target`."""
        return self.choice(target).train_from or TASKS[target].train_from or target


_NOT_IN_FILES = ("mirror", "commits")  # see `source`, and the lock
FIELDS = tuple(item.name for item in fields(Study) if item.name not in _NOT_IN_FILES)
_REQUIRED = ("name", "question", "source", "models", "recipes", "baseline", "targets", "seeds")


def read_study(path: Path, models: Iterable[str]) -> Study:
    """Read a study's file; `models` are the names that it may use.

    Raises `UserError` with every problem of the file, each with its line.
    """
    page = read_page(path)
    study = parse_study(page, tuple(models))
    raise_if_any(page.problems)
    return study


def parse_study(page: Page, models: tuple[str, ...]) -> Study:
    """The study of a page, without what is wrong; that goes to the page's problems."""
    values = _mapping(page, (), page.value)
    _check_keys(page, (), values, FIELDS)
    for name in _REQUIRED:
        if name not in values:
            page.problem((), f"the field {name!r} is missing.")
    kind, mirror = _source(page, values.get("source"))
    recipes = _recipes(page, values)
    return Study(
        name=_study_name(page, values.get("name")),
        question=_text(page, ("question",), values.get("question")),
        benchmark=_benchmark(page, values.get("benchmark", "xtreme")),
        source=kind,
        mirror=mirror,
        models=_names(page, ("models",), values.get("models", []), models, "model"),
        recipes=recipes,
        baseline=_baseline(page, values.get("baseline"), recipes),
        targets=_targets(page, values),
        seeds=_seeds(page, values.get("seeds", [])),
        controls=_names(page, ("controls",), values.get("controls", []), CONTROLS, "control"),
        languages=_languages(page, ("languages",), values.get("languages")),
        sizes=_sizes(page, ("sizes",), values.get("sizes", {})),
        hparams=_one_of(page, ("hparams",), values.get("hparams", "paper"), HPARAM_SETS),
        from_scratch=_yes_no(page, ("from_scratch",), values.get("from_scratch", False)),
        text=_text_splits(page, values.get("text", {})),
        pretraining=read_settings(
            page,
            ("pretraining",),
            _mapping(page, ("pretraining",), values.get("pretraining")),
            PRETRAINING,
        ),
        training=_settings(page, "training", values),
        intermediate=_settings(page, "intermediate", values),
        finetune=_settings(page, "finetune", values),
        tasks=_tasks(page, values.get("tasks", {})),
        translations=_text(page, ("translations",), values.get("translations")) or None,
    )


def _mapping(page: Page, keys: Keys, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    page.problem(keys, f"{_called(keys)} must be a mapping (name: value), not {value!r}.")
    return {}


def _called(keys: Keys) -> str:
    return ".".join(map(str, keys)) or "the study"


def _check_keys(page: Page, keys: Keys, values: dict[str, Any], known: Iterable[str]) -> None:
    for name in values:
        if name not in known:
            page.problem((*keys, name), unknown("field", name, known))


def _text(page: Page, keys: Keys, value: Any) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if keys in page.lines:
        page.problem(keys, f"{_called(keys)} must be a text, not {value!r}.")
    return ""


def _is_name(value: Any, known: Iterable[str]) -> bool:
    return isinstance(value, str) and value in known


def _one_of(page: Page, keys: Keys, value: Any, known: Iterable[str]) -> str:
    if not _is_name(value, known):
        page.problem(keys, unknown(str(keys[-1]), value, known))
        return next(iter(known))
    return str(value)


def _yes_no(page: Page, keys: Keys, value: Any) -> bool:
    if not isinstance(value, bool):
        page.problem(keys, f"{_called(keys)} must be true or false, not {value!r}.")
    return value is True


def _names(page: Page, keys: Keys, value: Any, known: Iterable[str], what: str) -> tuple[str, ...]:
    """A list of distinct names out of `known`; a single name counts as a list of one."""
    items = value if isinstance(value, list) else [value]
    found: list[str] = []
    for position, item in enumerate(items):
        where = (*keys, position) if isinstance(value, list) else keys
        if not _is_name(item, known):
            page.problem(where, unknown(what, item, known))
        elif item in found:
            page.problem(where, f"{what} {item!r} stands twice in {_called(keys)}.")
        else:
            found.append(item)
    if value == [] and keys in page.lines and keys[-1] in _REQUIRED:
        page.problem(keys, f"{_called(keys)} is empty: name at least one {what}.")
    return tuple(found)


def _study_name(page: Page, value: Any) -> str:
    name = _text(page, ("name",), value)
    if name and not _STUDY_NAME.fullmatch(name):
        page.problem(("name",), f"name {name!r} may hold lower-case letters, digits, - and _.")
    elif name and name != (page.stem or name):
        page.problem(("name",), f"name {name!r} differs from the file's name; make them equal.")
    return name


def _benchmark(page: Page, value: Any) -> str:
    return _one_of(page, ("benchmark",), value, BENCHMARKS)


def _source(page: Page, value: Any) -> tuple[str, str | None]:
    """`source: world`, `source: hub` or `source: {kind: mirror, path: FOLDER}`."""
    values = {"kind": value} if isinstance(value, str) else _mapping(page, ("source",), value)
    _check_keys(page, ("source",), values, ("kind", "path"))
    if not values:
        return "world", None
    where: Keys = ("source", "kind") if ("source", "kind") in page.lines else ("source",)
    if not _is_name(values.get("kind"), SOURCES):
        page.problem(where, unknown("source", values.get("kind"), SOURCES))
        return "world", None
    path = _text(page, ("source", "path"), values.get("path")) or None
    if path and values["kind"] != "mirror":
        page.problem(("source", "path"), f"the source {values['kind']} has no path.")
    return values["kind"], path


def _targets(page: Page, values: dict[str, Any]) -> tuple[str, ...]:
    """Task names, or `all`: every task of the benchmark. Beside them `all` may stand in a list."""
    benchmark = str(values.get("benchmark", "xtreme"))
    every = members(benchmark) if benchmark in BENCHMARKS else ()
    targets = values.get("targets", [])
    if targets == "all":
        return every
    if isinstance(targets, list) and "all" in targets:
        others = _names(page, ("targets",), targets, ("all", *TASKS), "task")
        return tuple(dict.fromkeys([*every, *(name for name in others if name != "all")]))
    return _names(page, ("targets",), targets, TASKS, "task")


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


def _languages(page: Page, keys: Keys, value: Any) -> tuple[str, ...] | None:
    return None if value is None else _names(page, keys, value, LANGUAGES, "language")


def _sizes(page: Page, keys: Keys, value: Any) -> dict[str, int]:
    values = _mapping(page, keys, value)
    _check_keys(page, keys, values, SPLITS)
    check = Setting(int, 1)
    for split, size in values.items():
        if problem := check.problem(size):
            page.problem((*keys, split), f"the number of {split} rows {problem}, not {size!r}.")
    return {s: n for s, n in values.items() if s in SPLITS and check.problem(n) is None}


def _text_splits(page: Page, value: Any) -> dict[str, tuple[str, ...]]:
    found = {}
    for task, splits in _mapping(page, ("text",), value).items():
        if task in TASKS:
            found[task] = _names(page, ("text", task), splits, SPLITS, "split")
        else:
            page.problem(("text", task), unknown("task", task, TASKS))
    return found


def _settings(page: Page, name: str, values: dict[str, Any]) -> dict[str, Any]:
    return read_settings(page, (name,), _mapping(page, (name,), values.get(name)), SETTINGS)


def _recipes(page: Page, values: dict[str, Any]) -> dict[str, Recipe]:
    found = {}
    for name, value in _mapping(page, ("recipes",), values.get("recipes")).items():
        keys: Keys = ("recipes", name)
        if not _NAME.fullmatch(str(name)):
            page.problem(keys, f"recipe {name!r} may hold lower-case letters, digits and _.")
            continue
        body = {"tasks": value} if isinstance(value, list) else _mapping(page, keys, value)
        listed = keys if isinstance(value, list) else (*keys, "tasks")
        tasks = _names(page, listed, body.get("tasks", []), TASKS, "task")
        found[name] = Recipe(
            tasks=tasks,
            settings=read_settings(page, keys, body, SETTINGS, besides=("tasks", "languages")),
            languages=_recipe_languages(page, (*keys, "languages"), body),
        )
    return found


def _recipe_languages(page: Page, keys: Keys, body: dict[str, Any]) -> tuple[str, ...]:
    if "languages" not in body:
        return ENGLISH_ALONE
    if body["languages"] == []:
        page.problem(keys, f"{_called(keys)} is empty: name at least one language.")
    return _names(page, keys, body["languages"], LANGUAGES, "language") or ENGLISH_ALONE


def _baseline(page: Page, value: Any, recipes: dict[str, Recipe]) -> str:
    if _is_name(value, recipes):
        return str(value)
    if ("baseline",) in page.lines:
        page.problem(("baseline",), unknown("recipe", value, recipes))
    return next(iter(recipes), "")


def _source_fields(page: Page, keys: Keys, value: Any) -> dict[str, Any]:
    values = _mapping(page, keys, value)
    known = [item.name for item in fields(Source)]
    _check_keys(page, keys, values, known)
    found = {}
    for name in known:
        if name in values:
            if problem := _source_problem(name, values[name]):
                page.problem((*keys, name), f"{name} must be {problem}, not {values[name]!r}.")
            else:
                found[name] = values[name]
    return found


def _source_problem(name: str, value: Any) -> str | None:
    """What a field of a source must be, if `value` is not that."""
    if name in ("splits", "columns", "language_codes"):
        texts = [*value.keys(), *value.values()] if isinstance(value, dict) else [None]
        return None if all(isinstance(text, str) for text in texts) else "a mapping of texts"
    if name in ("labels", "drop_labels", "clean"):
        good = isinstance(value, list) and all(isinstance(item, str | int) for item in value)
        return None if good else "a list"
    optional = name not in ("hub", "config")
    return None if isinstance(value, str) or (value is None and optional) else "a text"


_CHOICE: dict[str, Callable[[Page, Keys, Any], Any]] = {
    "sizes": _sizes,
    "languages": _languages,
    "train_from": lambda page, keys, value: _one_of(page, keys, value, TASKS),
    "source": _source_fields,
}


def _tasks(page: Page, value: Any) -> dict[str, TaskChoice]:
    found = {}
    for task, item in _mapping(page, ("tasks",), value).items():
        keys: Keys = ("tasks", task)
        if task not in TASKS:
            page.problem(keys, unknown("task", task, TASKS))
            continue
        body = _mapping(page, keys, item)
        own = {
            name: read(page, (*keys, name), body[name])
            for name, read in _CHOICE.items()
            if name in body
        }
        values = read_settings(page, keys, body, SETTINGS, besides=_CHOICE)
        found[task] = TaskChoice(settings=values, **own)
    return found

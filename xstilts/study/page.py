"""A YAML file read with its line numbers, and the problems found in it so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from xstilts.errors import UserError

Keys = tuple[str | int, ...]  # the way to a value: names of mappings, positions in lists


@dataclass
class Page:
    """The plain values of a YAML file (version 1.2), the line of each, and its problems."""

    name: str
    value: Any
    lines: dict[Keys, int]
    problems: list[str] = field(default_factory=list)
    stem: str | None = None  # the file's name without its ending; None for a text without file

    def problem(self, keys: Keys, text: str) -> None:
        """Note a problem with the value at `keys` (or with its nearest ancestor's line)."""
        while keys not in self.lines:
            keys = keys[:-1]
        self.problems.append(f"{self.name}, line {self.lines[keys]}: {text}")


def read_page(path: Path) -> Page:
    """Read `path`; raises `UserError` for a file that is missing, not UTF-8 or not YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8."
        ) from error
    return text_page(text, str(path), path.stem)


def text_page(text: str, name: str, stem: str | None = None) -> Page:
    """The page of a text that is called `name` in problems; raises `UserError` if not YAML."""
    try:
        document = YAML().load(text)  # round trip: the only mode that keeps the lines
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{name}{where}: not valid YAML: {error.problem}.") from error
    except YAMLError as error:
        raise UserError(f"{name}: not valid YAML: {error}") from error
    lines: dict[Keys, int] = {(): 1}
    return Page(name, _plain(document, (), lines), lines, stem=stem)


def _plain(value: Any, keys: Keys, lines: dict[Keys, int]) -> Any:
    if isinstance(value, dict):
        marks: Any = value
        for name in value:
            if name in marks.lc.data:  # keys merged from an anchor have no line here
                lines[(*keys, name)] = marks.lc.key(name)[0] + 1
        return {_scalar(name): _plain(item, (*keys, name), lines) for name, item in value.items()}
    if isinstance(value, list):
        marks = value
        for position in range(len(value)):
            lines[(*keys, position)] = marks.lc.item(position)[0] + 1
        return [_plain(item, (*keys, position), lines) for position, item in enumerate(value)]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """The built-in value behind ruamel's scalars, which remember how they were written."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def unknown(what: str, value: Any, known: Iterable[str]) -> str:
    """`unknown task 'xnly': did you mean xnli?`, or the list of what there is."""
    names = [str(name) for name in known]
    near = get_close_matches(str(value), names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(names)}."
    return f"unknown {what} {str(value)!r}: {hint}"

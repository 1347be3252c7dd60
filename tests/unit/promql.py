"""A reader of PromQL, as far as the project's rules and dashboards use it.

It raises `ValueError` with the place of what is not PromQL, and says which metrics, labels and
functions an expression uses. Grammar: prometheus.io/docs/prometheus/latest/querying.
"""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\s*(?:(?P<duration>(?:\d+(?:ms|[smhdwy]))+)(?![\w.])"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])"
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<name>[A-Za-z_:][\w:]*)"
    r"|(?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\[\],]))"
)
_AGGREGATIONS = {"avg", "count", "max", "min", "stddev", "sum"}
# Function -> kinds of its arguments: of an instant vector, of a range, of a number
_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "avg_over_time": ("range",),
    "increase": ("range",),
    "max_over_time": ("range",),
    "rate": ("range",),
    "time": (),
    "vector": ("scalar",),
}
_RESULTS = {"time": "scalar"}
# From the weakest to the strongest
_OPERATORS = (("or",), ("and", "unless"), ("==", "!=", "<=", ">=", "<", ">"), ("+", "-"),
              ("*", "/", "%"))  # fmt: skip
_SETS = {"and", "or", "unless"}
_MATCHERS = {"=", "!=", "=~", "!~"}


@dataclass
class Query:
    """What an expression uses: metric -> its matchers, as label, operator and value."""

    selectors: list[tuple[str, list[tuple[str, str, str]]]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)  # of by, on, group_left and the like

    @property
    def metrics(self) -> set[str]:
        return {name for name, _ in self.selectors}


def read(text: str) -> Query:
    """What `text` uses; raises `ValueError` if it is not PromQL."""
    reader = _Reader(text)
    reader.expression()
    reader.expect("")
    return reader.query


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = [*_tokens(text), ("end", "")]
        self.place, self.query = 0, Query()

    @property
    def next(self) -> str:
        return self.tokens[self.place][1]

    def take(self, kind: str) -> str:
        found, text = self.tokens[self.place]
        if found != kind:
            raise ValueError(f"token {self.place}: {text!r} is no {kind}")
        self.place += 1
        return text

    def expect(self, text: str) -> None:
        if self.next != text:
            raise ValueError(f"token {self.place}: {self.next!r} where {text!r} has to be")
        self.place += 1

    def accept(self, text: str) -> bool:
        if self.next == text and text:
            self.place += 1
            return True
        return False

    def expression(self, level: int = 0) -> str:
        """The kind of the value: scalar, vector or range."""
        if level == len(_OPERATORS):
            return self.operand()
        kind = self.expression(level + 1)
        while self.next in _OPERATORS[level]:
            operator = self.take("name" if self.next in _SETS else "sign")
            is_bool = operator not in _SETS and self.accept("bool")
            self.matching()
            kinds = {kind, self.expression(level + 1)}
            if "range" in kinds or (operator in _SETS and "scalar" in kinds):
                raise ValueError(f"{operator!r} does not go with {' and '.join(sorted(kinds))}")
            if level == 2 and kinds == {"scalar"} and not is_bool:
                raise ValueError(f"{operator!r} of two numbers needs bool")
            kind = "vector" if "vector" in kinds else "scalar"
        return kind

    def matching(self) -> None:
        if self.next not in ("on", "ignoring"):
            return
        self.take("name")
        self.label_list()
        if self.next in ("group_left", "group_right"):
            self.take("name")
            if self.next == "(" and self.tokens[self.place + 1][0] == "name":
                self.label_list()

    def label_list(self) -> None:
        self.expect("(")
        while self.next != ")":
            self.query.labels.add(self.take("name"))
            if not self.accept(","):
                break
        self.expect(")")

    def operand(self) -> str:
        kind, text = self.tokens[self.place]
        if kind == "number":
            self.place += 1
            return "scalar"
        if self.accept("("):
            found = self.expression()
            self.expect(")")
            return found
        if kind != "name":
            raise ValueError(f"token {self.place}: {text!r} begins nothing")
        if text in _AGGREGATIONS:
            return self.aggregation()
        if self.tokens[self.place + 1][1] == "(":
            return self.call()
        return self.selector()

    def aggregation(self) -> str:
        self.query.functions.add(self.take("name"))
        grouped = self.next in ("by", "without")
        if grouped:
            self.take("name")
            self.label_list()
        self.expect("(")
        if (kind := self.expression()) != "vector":
            raise ValueError(f"an aggregation of a {kind}")
        self.expect(")")
        if not grouped and self.next in ("by", "without"):
            self.take("name")
            self.label_list()
        return "vector"

    def call(self) -> str:
        name = self.take("name")
        if name not in _FUNCTIONS:
            raise ValueError(f"{name} is no function that is known here")
        self.query.functions.add(name)
        self.expect("(")
        for place, wanted in enumerate(_FUNCTIONS[name]):
            if place:
                self.expect(",")
            if (kind := self.expression()) != wanted:
                raise ValueError(f"{name} of a {kind}: it takes a {wanted}")
        self.expect(")")
        return _RESULTS.get(name, "vector")

    def selector(self) -> str:
        name = self.take("name")
        matchers = []
        if self.accept("{"):
            while self.next != "}":
                label, operator = self.take("name"), self.take("sign")
                if operator not in _MATCHERS:
                    raise ValueError(f"{label} {operator}: that is no matcher")
                value = self.take("string")[1:-1]
                if operator in ("=~", "!~"):
                    re.compile(value)
                matchers.append((label, operator, value))
                if not self.accept(","):
                    break
            self.expect("}")
        self.query.selectors.append((name, matchers))
        if self.accept("["):
            self.take("duration")
            self.expect("]")
            return "range"
        return "vector"


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"character {place}: {text[place : place + 10]!r} is no PromQL")
        assert match.lastgroup
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found

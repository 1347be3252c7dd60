"""What a doctor found, and the table that shows it."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xstilts.errors import USER_ERROR_EXIT_CODE

OK, NOTE, PROBLEM = "ok", "note", "problem"
_COLOURS = {OK: "green", NOTE: "yellow", PROBLEM: "red"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, with what to do about it where there is something.

    `state` is `OK`, `NOTE` or `PROBLEM`; unless it is given, a remedy makes it a problem.
    """

    name: str
    text: str
    remedy: str = ""
    state: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", self.state or (PROBLEM if self.remedy else OK))


def show(findings: Iterable[Finding]) -> int:
    """Print every finding; returns 0 when none is a problem, 2 otherwise."""
    code = 0
    table = Table(box=None, show_header=False)
    for _ in ("state", "name", "text"):
        table.add_column(overflow="fold")  # a long path is shown whole
    for finding in findings:
        colour = _COLOURS[finding.state]
        table.add_row(f"[{colour}]{finding.state}[/]", finding.name, escape(finding.text))
        if finding.remedy:
            table.add_row("", "", f"→ {escape(finding.remedy)}")
        code = USER_ERROR_EXIT_CODE if finding.state == PROBLEM else code
    Console().print(table)
    return code

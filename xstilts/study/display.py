"""What a person sees while a study runs, and at its end."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from xstilts.study.jobs import Job, last_lines
from xstilts.study.plan import PHASES, Stage


def clock(seconds: float) -> str:
    """`8.2 s`, `3:05`, `1:02:03`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Overview:
    """The running study: a live panel on a terminal, one line per stage elsewhere.

    It has no thread of its own; `refresh` draws. (A second thread would make it unsafe to
    run our code between fork and exec of a stage.)
    """

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.done = 0
        self.failed = 0
        self.started = time.monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> "Overview":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def finished(self, stage: Stage, seconds: float, note: str = "") -> None:
        """Report a stage that ran well."""
        self.done += 1
        self._line(f"[{self._count()}] {stage.name}  {clock(seconds)}  {note}")

    def unchanged(self) -> None:
        """Count a stage that need not run, because what it depends on came out the same."""
        self.done += 1

    def failure(
        self, stage: Stage, seconds: float, lines: list[str], log: Path, skipped: int
    ) -> None:
        """Report a stage that failed, with the end of its log."""
        self.done += 1 + skipped
        self.failed += 1
        self._line(f"[{self._count()}] {stage.name} FAILED after {clock(seconds)}", "bold red")
        for line in lines:
            self._line(f"    {line}")
        later = f"; stages left out because they depend on it: {skipped}" if skipped else ""
        self._line(f"    whole log: {log}{later}")

    def _count(self) -> str:
        return f"{self.done:{len(str(self.total))}}/{self.total}"

    def _line(self, text: str, style: str | None = None) -> None:
        self.console.print(
            text.rstrip(), style=style, highlight=False, markup=False, soft_wrap=True
        )

    def refresh(self, running: Iterable[Job], left: float) -> None:
        """Draw the panel anew, `left` being the seconds expected until the end.

        Nothing happens where there is no terminal.
        """
        if not self.console.is_terminal:
            return
        now = time.monotonic()
        table = Table.grid(padding=(0, 2))
        for job in running:
            lines = last_lines(job.log, 1)
            table.add_row(
                Text(job.stage.name, "bold"),
                clock(now - job.started),
                Text(lines[0] if lines else "", "dim", overflow="ellipsis", no_wrap=True),
            )
        head = Table.grid(padding=(0, 2))
        counts = f"{self.done}/{self.total} stages" + (
            f", {self.failed} failed" if self.failed else ""
        )
        bar = ProgressBar(total=max(self.total, 1), completed=self.done, width=30)
        spent = clock(now - self.started)
        head.add_row(counts, bar, f"{spent}, about {clock(left)} left")
        self._live.update(Group(head, table), refresh=True)


def wall_times(plan: Sequence[Stage], seconds: Mapping[str, float]) -> Group:
    """The wall time of every stage that ran, by phase, with the phase's sum."""
    parts: list[Text | Padding] = [Text("Wall time per stage", "bold")]
    for phase in PHASES:
        ran = [stage for stage in plan if stage.phase == phase and stage.name in seconds]
        if not ran:
            continue
        total = sum(seconds[stage.name] for stage in ran)
        noun = "stage" if len(ran) == 1 else "stages"
        parts.append(Text(f"{phase}: {len(ran)} {noun}, {clock(total)}"))
        cells = [f"{stage.key or stage.name} {clock(seconds[stage.name])}" for stage in ran]
        parts.append(Padding(Columns(cells, padding=(0, 3)), (0, 0, 0, 2)))
    return Group(*parts)

"""What is seen while a model trains: a bar on a terminal, a record now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from xstilts.observe import logs

SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """Steps done, loss, sub-words per second and time left."""

    def __init__(self, title: str, steps: int, *, shown: bool = True) -> None:
        self.title, self.steps = title, steps
        self._started = self._last_line = time.monotonic()
        self._shown = shown
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._shown and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._job = self._bar.add_task(self.title, total=self.steps, note="")
        return self

    def update(self, step: int, loss: float, tokens: int) -> None:
        """Show that `step` steps and `tokens` sub-words are done."""
        if not self._shown:
            return
        elapsed = max(time.monotonic() - self._started, 1e-9)
        speed = tokens / elapsed
        note = f"loss {loss:.4f} · {speed:,.0f} tokens/s"
        if self._bar is not None:
            self._bar.update(self._job, completed=step, note=note)
        elif time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            left = elapsed / step * (self.steps - step)
            text = f"step {step}/{self.steps} · {note} · {left:.0f} s left"
            self.say(text, step=step, loss=loss, tokens_per_second=round(speed, 1))
            self._last_line = time.monotonic()

    def say(self, text: str, **numbers: float) -> None:
        """Print one line above the bar, or record it with `numbers`."""
        if not self._shown:
            return
        if self._bar is not None:
            self._bar.console.print(f"{self.title}: {text}", highlight=False)
        else:
            logs.say(f"{self.title}: {text}", **numbers)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

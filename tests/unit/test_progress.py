"""What a person sees of a training run."""

import io
import sys

import pytest

from xstilts.training import progress
from xstilts.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _run(steps: int = 3, **settings: bool) -> None:
    with Progress("finetune x", steps, **settings) as bar:
        for step in range(1, steps + 1):
            bar.update(step, loss=0.5, tokens=100 * step)
        bar.say("best 90.00 at 2")


def test_without_a_terminal_lines_are_rare(capsys: pytest.CaptureFixture[str]):
    _run()
    assert capsys.readouterr().err == "finetune x: best 90.00 at 2\n"


def test_a_line_tells_loss_speed_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with Progress("finetune x", 4) as bar:
        for step in range(1, 4):
            now += 10.0
            bar.update(step, loss=1 / step, tokens=20000 * step)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["finetune x: step 2/4 · loss 0.5000 · 2,000 tokens/s · 20 s left"]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    _run()
    shown = terminal.getvalue()
    assert "finetune x" in shown
    assert "3/3" in shown
    assert "loss 0.5000" in shown
    assert "tokens/s" in shown
    assert "best 90.00 at 2" in shown


def test_other_processes_show_nothing(capsys: pytest.CaptureFixture[str]):
    _run(shown=False)
    assert capsys.readouterr() == ("", "")

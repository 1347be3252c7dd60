"""What a person sees of a training run."""

import io
import json
import sys

import pytest

from xstilts.observe.logs import FORMAT, configure
from xstilts.training import progress
from xstilts.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _records(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    configure()


def _run(steps: int = 3, **settings: bool) -> None:
    with Progress("finetune x", steps, **settings) as bar:
        for step in range(1, steps + 1):
            bar.update(step, loss=0.5, tokens=100 * step)
        bar.say("best 90.00 at 2")


def test_without_a_terminal_lines_are_rare(capsys: pytest.CaptureFixture[str]):
    _run()
    assert capsys.readouterr().out == "finetune x: best 90.00 at 2\n"


def test_a_line_tells_loss_speed_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with Progress("finetune x", 4) as bar:
        for step in range(1, 4):
            now += 10.0
            bar.update(step, loss=1 / step, tokens=20000 * step)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["finetune x: step 2/4 · loss 0.5000 · 2,000 tokens/s · 20 s left"]


def test_a_collector_gets_the_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(FORMAT, "json")
    configure()
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with Progress("finetune x", 4) as bar:
        now += 20.0
        bar.update(1, loss=float("nan"), tokens=20000)
        now += 20.0
        bar.update(2, loss=0.5, tokens=40000)
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert "loss" not in first  # JSON has no such number
    assert (second["step"], second["loss"], second["tokens_per_second"]) == (2, 0.5, 1000.0)


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

"""Trainings as TensorBoard's files: every row of the CSV files is a point."""

import os
import struct

import pytest
from tensorboardX.proto.event_pb2 import Event

from pipelines.compile import STUDIES
from xstilts.cli import main
from xstilts.publish.files.tensorboard import write_curves
from xstilts.study.check import find_study
from xstilts.study.params import write_params
from xstilts.study.resolve import resolve

TUNED = "mini-encoder-mnli-panx-0"
STEPS = """\
step,loss,lr,grad_norm,tokens,seconds
1,2.5,0.001,1.5,64,0.5
2,1.25,0.0005,0.75,60,1.5
"""
EVALS = "step,score,best,seconds\n2,61.5,61.5,2.0\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The smallest study, of which one model is trained."""
    write_params(tmp_path / "params.yaml", resolve(find_study("smoke", STUDIES)))
    folder = tmp_path / "models" / "finetune" / TUNED
    folder.mkdir(parents=True)
    for name, text in (("steps.csv", STEPS), ("evals.csv", EVALS)):
        (folder / name).write_text(text)
        os.utime(folder / name, (1_800_000_000, 1_800_000_000))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(folder):
    """(tag, step, value, time) of all points in a folder with one file."""
    (path,) = folder.iterdir()
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        data = data[12 + length + 4 :]  # behind each length and record stands a checksum
        found += [(value.tag, event.step, value.simple_value, event.wall_time)
                  for value in event.summary.value]  # fmt: skip
    return found


def test_every_row_is_a_point(project, capsys):
    write_curves(project / "board")
    assert "board holds 1 of 5 trainings: tensorboard --logdir" in capsys.readouterr().out
    assert [path.name for path in (project / "board").iterdir()] == ["finetune"]
    found = events(project / "board" / "finetune" / TUNED)
    end = 1_800_000_000
    assert [point for point in found if point[0] in ("loss", "dev_score")] == [
        ("loss", 1, 2.5, end - 1),
        ("loss", 2, 1.25, end),
        ("dev_score", 2, 61.5, end),
    ]
    assert {tag for tag, *_ in found} == {"loss", "learning_rate", "gradient_norm", "dev_score"}


def test_a_folder_that_holds_something_stays_as_it_is(project, monkeypatch, capsys):
    (project / "board").mkdir()
    (project / "board" / "notes.txt").write_text("mine")
    monkeypatch.setattr("xstilts.cli._root", lambda: project)
    assert main(["curves", "board"]) == 2
    assert "board is there and not empty: name a new folder." in capsys.readouterr().err
    assert (project / "board" / "notes.txt").read_text() == "mine"


def test_no_training_is_said(project, monkeypatch, capsys):
    (project / "models" / "finetune" / TUNED / "steps.csv").unlink()
    monkeypatch.setattr("xstilts.cli._root", lambda: project)
    assert main(["curves", "board"]) == 2
    assert "no training of the study smoke is here: run it" in capsys.readouterr().err
    assert not (project / "board").exists()

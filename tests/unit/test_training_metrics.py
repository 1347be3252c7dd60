"""Figures of a training on a port: what Prometheus reads is what the run's files say."""

import csv
import importlib.util
import re
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prometheus_client.parser import text_string_to_metric_families
from tiny_bodies import tiny_body
from tiny_entry import tiny_entry
from tiny_models import pair_task, tiny_model, tiny_tokenizer
from tiny_rows import pair_rows

from xstilts.errors import UserError
from xstilts.models.checkpoint import load_model
from xstilts.observe import figures as module
from xstilts.observe.figures import COUNTER, METRICS, Figures, values
from xstilts.observe.logs import configure
from xstilts.observe.metrics import INFO, PORT, served
from xstilts.observe.subject import about
from xstilts.observe.work import Work, peak, work_of
from xstilts.study.devices import CPU, DEVICES
from xstilts.tasks.formats import format_of
from xstilts.training.config import TrainConfig
from xstilts.training.loop import TrainingSet, train
from xstilts.training.run import run_training

OWN = {"study": "small", "stage": "finetune@tiny"}
_TOLD = re.compile(r"metrics are served on port (\d+)")


def _scrape(port: int) -> dict[str, tuple[dict[str, str], float]]:
    """Name -> labels and value of every sample."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {s.name: (s.labels, s.value) for family in families for s in family.samples}


def _train(folder: Path, dev_score: Any, **settings: Any) -> Any:
    task, tokenizer = pair_task(), tiny_tokenizer()
    encode = format_of(task).encode
    rows, dev = pair_rows(48), pair_rows(8, seed=1)
    part = TrainingSet(
        task,
        encode(rows, tokenizer, task, train=True),
        dev,
        encode(dev, tokenizer, task, train=False),
    )
    settings = {"learning_rate": 1e-3, "epochs": 2, "batch_size": 8, "evals": 2} | settings
    model = tiny_model(task, dropout=0.1)
    config = TrainConfig(**settings)
    return train(model, {"pairs": part}, config, folder, pad_id=1, dev_score=dev_score)


def test_what_is_scraped_is_what_the_files_say(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(PORT, "0")  # whichever is free
    configure()
    scraped: list[dict[str, tuple[dict[str, str], float]]] = []
    ports: list[int] = []

    def score(*_: Any) -> float:
        ports.extend(int(port) for port in _TOLD.findall(capsys.readouterr().out))
        scraped.append(_scrape(ports[0]))
        return 40.0 - len(scraped)

    with about(OWN["study"], OWN["stage"], waited=75.0):
        _train(tmp_path, score)
    first, second = scraped
    steps = list(csv.DictReader((tmp_path / "steps.csv").open()))
    labels, steps_done = second["xstilts_training_steps_total"]
    assert labels == OWN
    found = {name.removeprefix("xstilts_training_"): value for name, (_, value) in second.items()}
    assert steps_done == found["planned_steps"] == len(steps) == 14
    assert found["tokens_total"] == sum(int(row["tokens"]) for row in steps)
    assert found["loss"] == pytest.approx(float(steps[-1]["loss"]), abs=1e-6)
    assert found["learning_rate"] == pytest.approx(float(steps[-1]["lr"]), rel=1e-3)
    assert found["gradient_norm"] == pytest.approx(float(steps[-1]["grad_norm"]), abs=1e-4)
    assert (found["dev_score"], found["best_dev_score"]) == (39.0, 39.0)  # of the first time
    assert found["queue_wait_seconds"] == 75
    assert found["start_time_seconds"] == pytest.approx(found["checkpoint_time_seconds"], abs=1)
    peak_of_all = DEVICES[CPU].fp32 * torch.get_num_threads()
    speed = found["operations_total"] / found["tokens_total"] * found["tokens_per_second"]
    assert found["mfu_ratio"] == pytest.approx(speed / peak_of_all, rel=0.2)
    assert "xstilts_training_dev_score" not in first
    assert second[INFO][0] == OWN | {
        "device": "cpu", "precision": "fp32", "processes": "1", "zero_stage": "0",
    }  # fmt: skip
    assert {INFO, *(metric.name for metric in METRICS)} == second.keys()
    with pytest.raises(urllib.error.URLError):
        _scrape(ports[0])  # it ends with the training


def test_no_weight_and_no_score_depends_on_it(tmp_path, monkeypatch):
    run_training(tiny_entry(tmp_path), tmp_path / "without")
    monkeypatch.setenv(PORT, "0")
    run_training(tiny_entry(tmp_path), tmp_path / "with")
    one, other = (load_model(tmp_path / name)[0].state_dict() for name in ("without", "with"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    for name, column in (("steps.csv", "loss"), ("evals.csv", "score")):
        read = [
            [row[column] for row in csv.DictReader((tmp_path / run / name).open())]
            for run in ("without", "with")
        ]
        assert read[0] == read[1] != []


def test_a_port_that_is_taken_does_not_end_a_training(monkeypatch, capsys):
    configure()
    with socket.create_server(("0.0.0.0", 0)) as other:
        monkeypatch.setenv(PORT, str(other.getsockname()[1]))
        with served(Figures(1), {}):
            pass
    assert "warning: this training has no metrics: port" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["x", "-1", "70000", "80.5"])
def test_what_is_no_port_is_a_mistake(monkeypatch, text):
    monkeypatch.setenv(PORT, text)
    with pytest.raises(UserError, match=f"{PORT}={text} is no port"), served(Figures(1), {}):
        pass


def test_a_missing_library_is_a_mistake(monkeypatch):
    monkeypatch.setenv(PORT, "0")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"pip install 'xstilts\[metrics\]'"):
        served(Figures(1), {}).__enter__()


def test_names_are_as_prometheus_wants_them():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"xstilts_training_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == COUNTER)
        assert metric.help.endswith(".")
        assert metric.field in Figures.__dataclass_fields__


def test_figures_are_of_the_time_that_was_trained_in(monkeypatch):
    found = Figures(planned_steps=10, peak=1000.0, waited=None)
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    found.evaluated(0.0, 0.0)  # the clock begins here
    found.dev_score = found.best_score = None
    assert {metric.field for metric in values(found)} == {
        "planned_steps", "at_start", "at_checkpoint", "steps", "tokens", "operations",
    }  # fmt: skip
    now += 4.0
    found.progress([30, 10], operations=2000.0, loss=0.5, rate=1e-3, norm=float("nan"))
    assert (found.tokens_per_second, found.utilisation) == pytest.approx((10.0, 0.5))
    now += 60.0
    found.evaluated(70.0, 72.0)
    now += 2.0
    found.progress([40], operations=1000.0, loss=0.4, rate=1e-3, norm=1.0)
    assert (found.tokens_per_second, found.utilisation) == pytest.approx((20.0, 0.5))
    assert (found.steps, found.tokens, found.operations) == (3, 80, 3000.0)


def test_the_work_is_what_torch_counts():
    """A training is three times a forward pass; torch counts what the matrices do."""
    from torch.utils.flop_counter import FlopCounterMode

    body = tiny_model(pair_task(), width=32).body
    lengths = (12, 40)
    counted = 0
    for length in lengths:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            body(input_ids=torch.full((1, length), 5))
        counted += counter.get_total_flops()
    positions = 66 * 32  # looked up, but counted as parameters of the body
    own = work_of(body, adapters=False).of(lengths) - 6 * positions * sum(lengths)
    assert own == pytest.approx(3 * counted, rel=0.05)


def test_adapters_need_two_thirds_and_of_two_halves_one_reads():
    body = tiny_body("mt5")
    whole = work_of(body, adapters=False)
    lighter = work_of(body, adapters=True)
    assert (3 * lighter.per_token, 3 * lighter.per_pair) == (
        2 * whole.per_token,
        2 * whole.per_pair,
    )
    both = sum(parameter.numel() for parameter in body.parameters())
    assert 0 < whole.per_token < 6 * both / 2


@pytest.mark.parametrize(
    ("name", "precision", "expected"),
    [
        ("NVIDIA A100-SXM4-40GB", "bf16", 4 * 312e12),
        ("NVIDIA H200", "fp32", 4 * 67e12),
        ("cpu", "fp32", 4 * DEVICES[CPU].fp32),
        ("Wonder 9000", "bf16", None),
    ],
)
def test_the_peak_is_the_makers(name, precision, expected):
    assert peak(name, precision, devices=4) == expected


def test_lengths_of_numpy_do_not_overflow():
    lengths = np.full(4, 2**14, dtype=np.int32)
    assert Work(6e9, 1e6).of(lengths) == pytest.approx(4 * 2**14 * (6e9 + 1e6 * 2**14))

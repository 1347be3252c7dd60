"""What Kubeflow shows of finished stages, from the small files among their outputs."""

import json

import pytest

from components import shown as module
from components.shown import shown

FILES = {
    "training.json": {"dev_score": 61.5, "steps": 90, "seconds": 12.0, "best_step": None},
    "scores.json": {"target": "xnli", "languages": {"en": {"value": 70}, "de": {"value": 60}}},
    "metrics.json": {"best": 55.0, "average/m/mnli": 55.0, "delta/m/mnli": 5.0},
    "index.html": "<html>Größe</html>",
    "scores.md": "| recipe |\n",
}


@pytest.fixture(autouse=True)
def _store(monkeypatch):
    """A store whose only outputs are these files."""

    def read(_store, _entry, name):
        content = FILES[name]
        return (content if isinstance(content, str) else json.dumps(content)).encode()

    monkeypatch.setattr(module.lookup, "output_file", read)


class Desk:
    store = None


def test_publish_shows_numbers_report_and_tables():
    assert shown(Desk(), [("publish", {})], "done") == {
        "parameters": {"receipt": "done"},
        "metrics": {"metrics": FILES["metrics.json"]},
        "files": {"report": FILES["index.html"], "scores": FILES["scores.md"]},
    }


def test_a_training_shows_what_it_has():
    found = shown(Desk(), [("finetune", {})], "done")
    assert found["metrics"] == {"metrics": {"dev_score": 61.5, "steps": 90, "seconds": 12.0}}
    assert "files" not in found


def test_an_evaluation_shows_its_languages_and_their_mean():
    found = shown(Desk(), [("finetune", {}), ("evaluate", {})], "done")
    assert found["metrics"]["metrics"] == {
        **{"dev_score": 61.5, "steps": 90, "seconds": 12.0},
        **{"xnli": 65.0, "xnli en": 70.0, "xnli de": 60.0},
    }


def test_a_phase_without_numbers_shows_its_receipt():
    assert shown(Desk(), [("prepare", {})], "done") == {"parameters": {"receipt": "done"}}

"""The end of a run on Kubeflow: it is published, and challenges the champion that it names."""

import json

import pytest
from entrants import entrant
from memory_store import LOCATION, use_memory

from components import announce as module
from components.announce import announce
from components.desk import Desk
from xstilts.errors import UserError
from xstilts.registry import champion as champions
from xstilts.registry.champion import read_history
from xstilts.store import fragments
from xstilts.study.plan import Stage

FEW = {"tasks": ("xnli",), "languages": ("en", "de"), "count": 200}
RUNS = {name: entrant(name, level, noise=1, **FEW) for name, level in (("a", 0.4), ("b", 0.7))}
PUBLISH = Stage("publish", "publish", "", "", ())


@pytest.fixture
def store(monkeypatch):
    """A store in memory, to which a run is published by name only."""
    found = use_memory(monkeypatch)
    published = []

    def read(_location, study, run):
        assert (study, run) in published, "the gate must read what is published"
        return RUNS[run]

    monkeypatch.setattr(module, "published_entrant", read)
    monkeypatch.setattr(champions, "published_entrant", read)
    monkeypatch.setattr(module.dvc_steps, "results", lambda *_: None)
    monkeypatch.setattr(module.fragments, "read_all", lambda *_: {})
    monkeypatch.setattr(module, "publish_results", lambda *own: published.append(own[1:3]))
    return found


def announced(store, run, **plan):
    """Announce a run whose plan says so."""
    folder = fragments.run_folder(LOCATION, "study", run)
    store.objects[folder.key("plan.json")] = json.dumps({"stages": {}, **plan}).encode()
    store.objects[folder.key("params.yaml")] = b"study: {name: study}\n"
    desk = Desk(folder, LOCATION, None, {"study": {"name": "study"}}, {"publish": PUBLISH})
    return announce(desk, PUBLISH, {})


@pytest.mark.parametrize("plan", [{}, {"champion": ""}])
def test_a_run_that_challenges_nobody(store, plan):
    assert announced(store, "a", **plan) is None
    assert not [key for key in store.objects if "/models/" in key]


def test_the_first_one_and_a_better_one(store):
    first = announced(store, "a", champion="transfer")
    assert first == {
        "name": "transfer",
        "promoted": True,
        "reason": "There was no champion before it.",
        "against": None,
    }
    second = announced(store, "b", champion="transfer")
    assert second["promoted"] is True
    assert second["against"] == "study/a"
    assert [entry.run for entry in read_history(LOCATION, "transfer")] == ["a", "b"]


def test_a_refusal_is_no_failure_and_the_pod_may_come_again(store):
    announced(store, "b", champion="transfer")
    for _ in range(2):
        found = announced(store, "a", champion="transfer")
        assert found["promoted"] is False
        assert "does not clear" in found["reason"]
    assert [entry.run for entry in read_history(LOCATION, "transfer")] == ["b"]


def test_a_winner_whose_pod_comes_again_says_so(store):
    announced(store, "a", champion="transfer")
    found = announced(store, "a", champion="transfer")
    assert "It is champion already" in found["reason"]
    assert (found["promoted"], found["against"]) == (True, None)


def test_a_damaged_record_is_an_error(store):
    store.objects[LOCATION.key("models", "transfer", "champion.json")] = b"{"
    with pytest.raises(UserError):
        announced(store, "a", champion="transfer")

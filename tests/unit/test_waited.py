"""How long a stage was ready and not begun with: from the times in the run's folder."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from components import pod
from xstilts.observe.subject import waited
from xstilts.store import fragments, objects
from xstilts.store.location import Location

RUN = Location("bucket", "p/studies/small/r1")
START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WRITTEN = {  # seconds after the start
    "params.yaml": 0,
    "lock/prepare@a.yaml": 60,
    "lock/backbone@b.yaml": 90,
    "lock/finetune@other.yaml": 500,
    "receipts/evaluate@x.json": 300,
}


@pytest.fixture
def _bucket(monkeypatch):
    """A server that lists the run's folder, in two pages."""
    entries = [
        {
            "Key": f"{RUN.prefix}/{name}",
            "LastModified": START.replace(minute=s // 60, second=s % 60),
        }
        for name, s in WRITTEN.items()
    ]

    def paginate(Bucket, Prefix):  # as boto3 names them
        assert (Bucket, Prefix) == ("bucket", f"{RUN.prefix}/")
        return [{"Contents": entries[:2]}, {"Contents": entries[2:]}, {}]

    client = SimpleNamespace(get_paginator=lambda _name: SimpleNamespace(paginate=paginate))
    monkeypatch.setattr(objects, "connect", lambda _location: client)


@pytest.mark.usefixtures("_bucket")
@pytest.mark.parametrize(
    ("stage", "deps", "seconds"),
    [
        ("finetune@x", ("prepare@a", "backbone@b"), 90),  # the last of its inputs
        ("evaluate@x", ("prepare@a",), 300),  # an earlier try of its own
        ("prepare@c", (), 0),  # the plan
    ],
)
def test_a_stage_is_ready_with_the_last_of_its_inputs(stage, deps, seconds):
    assert fragments.ready(RUN, stage, deps) == START.timestamp() + seconds


@pytest.mark.usefixtures("_bucket")
def test_names_are_as_before():
    assert objects.names(RUN) == list(WRITTEN)
    assert objects.written(RUN)["params.yaml"] == START.timestamp()


@pytest.mark.parametrize(("clock", "expected"), [(100.0, 35.0), (60.0, 0.0)])
def test_the_first_stage_of_a_pod_has_waited_and_knows_it(monkeypatch, clock, expected):
    """Until the process began, 5 s ago; never less than nothing, whatever the clocks say."""
    monkeypatch.setattr(pod, "age", lambda: 5.0)
    monkeypatch.setattr(pod.time, "time", lambda: clock)
    monkeypatch.setattr(pod.fragments, "ready", lambda *_: 60.0)
    known = []
    monkeypatch.setattr(pod, "_bring_up_to_date", lambda *_: known.append(waited()))
    desk = SimpleNamespace(run=RUN, params={"study": {"name": "small"}})
    chosen = [SimpleNamespace(name=name, deps=()) for name in ("a", "b")]
    visits = pod.visit_all(desk, chosen, make=None)
    assert [visit.waited for visit in visits] == [expected, None]
    assert known == [expected, None]

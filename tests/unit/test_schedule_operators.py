"""Several operators apply a schedule at the same time: one recurring run stays."""

import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recurring_server import Recurrings

from pipelines import api
from pipelines.schedule.recurring import Server, Wanted, mark, put, recurring
from xstilts.errors import UserError

PLACE = Server(api.Endpoint("http://kubeflow.example"), None)


def wanted(kind):
    """A schedule with one of several contents."""
    digest = f"{kind:x}" * 64
    return Wanted("nightly", digest, {"display_name": "nightly", "description": mark(digest)})


class Stage:
    """Operators that make one request at a time, in the order that `turns` says.

    `breaks` are the numbers of requests whose answer is lost; the server did what they asked.
    """

    def __init__(self, server, ticks, breaks):
        self.server, self.ticks, self.breaks = server, ticks, breaks
        self.count = 0
        self.me = threading.local()

    def call(self, _endpoint, path, body=None, method=None):
        """In place of `api.call`."""
        if (own := getattr(self.me, "operator", None)) is not None:
            own.arrived.release()
            own.go.acquire()
            self.server.clock += self.ticks[self.count % len(self.ticks)]
            self.count += 1
        parts = urlsplit(f"/apis/{path}")
        query = {key: found[0] for key, found in parse_qs(parts.query).items()}
        method = method or ("GET" if body is None else "POST")
        status, content = self.server.answer(method, parts.path, query, body)
        if own is not None and self.count in self.breaks:
            raise api.Unreachable("the connection broke")
        if status != 200:
            raise api.Refused("no", status)
        return content

    def play(self, kinds, turns):
        """Let operators with these schedules work; returns what each of them ended with."""
        operators = [Operator(self, kind) for kind in kinds]
        for operator in operators:
            operator.thread.start()
            operator.arrived.acquire()
        for turn in [*turns, *range(1000)]:
            going = [operator for operator in operators if not operator.ended]
            if not going:
                break
            chosen = going[turn % len(going)]
            chosen.go.release()
            chosen.arrived.acquire()
        for operator in operators:
            operator.thread.join(10)
        return [operator.ended for operator in operators]


class Operator:
    """One `put` in a thread of its own, which waits for its turn before each request."""

    def __init__(self, stage, kind):
        self.stage, self.kind, self.ended = stage, kind, ""
        self.go, self.arrived = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        self.stage.me.operator = self
        try:
            self.ended = put(PLACE, wanted(self.kind))
        except UserError as error:
            self.ended = str(error)
        finally:
            self.ended = self.ended or "died"
            self.arrived.release()


KINDS = st.lists(st.integers(1, 3), min_size=2, max_size=4)
TURNS = st.lists(st.integers(0, 11), max_size=40)
TICKS = st.lists(st.integers(0, 1), min_size=1, max_size=8)  # several requests in one second
IDS = st.permutations([f"id-{number}" for number in range(12)])


def opened(ids, ticks, breaks=()):
    server = Recurrings()
    server.ids = iter(ids)
    return Stage(server, ticks, breaks)


def play(stage, kinds, turns):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "call", stage.call)
        ended = stage.play(kinds, turns)
        return ended, [own.digest[0] for own in recurring(PLACE)]


@settings(max_examples=60, deadline=None)
@given(kinds=KINDS, turns=TURNS, ticks=TICKS, ids=IDS)
def test_one_schedule_stays(kinds, turns, ticks, ids):
    stage = opened(ids, ticks)
    ended, left = play(stage, kinds, turns)
    assert len(left) == 1
    for kind, end in zip(kinds, ended, strict=True):
        assert end in ("created", "replaced", "unchanged") or "somebody else changed" in end
        if "somebody else" not in end and len(set(kinds)) == 1:
            assert left == [f"{kind:x}"]
    # Whoever has what stays was told that all is well
    assert any(f"{kind:x}" == left[0] and "somebody" not in end
               for kind, end in zip(kinds, ended, strict=True))  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(kinds=KINDS, turns=TURNS, ticks=TICKS, ids=IDS, breaks=st.sets(st.integers(1, 20)))
def test_broken_connections_are_mended_by_the_next_one(kinds, turns, ticks, ids, breaks):
    stage = opened(ids, ticks, breaks)
    play(stage, kinds, turns)
    stage.breaks = ()
    stage.server.clock += 1
    _, left = play(stage, [3], [])
    assert left == ["3"]


def test_the_same_twice_at_once_is_no_mistake():
    # Both look before either makes one
    ended, left = play(opened(["b", "a"], [0]), [1, 1], [0, 1, 0, 1])
    assert left == ["1"]
    assert ended == ["created", "created"]

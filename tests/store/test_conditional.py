"""Conditional writes against a real S3 server: one winner, nothing lost, no dishonest server."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from xstilts.errors import UserError
from xstilts.store import conditional, objects


@contextmanager
def ignoring(location, header: str) -> Iterator[None]:
    """Have the server behave like one that has never heard of a condition."""
    events = objects.connect(location).meta.events

    def drop(params, **_rest):
        params["headers"].pop(header, None)

    events.register("before-call.s3.PutObject", drop)
    try:
        yield
    finally:
        events.unregister("before-call.s3.PutObject", drop)


def test_what_is_there_is_not_created_again(store):
    assert conditional.create(store, b"first", "a", "x.json") is True
    assert conditional.create(store, b"second", "a", "x.json") is False
    assert objects.read(store, "a", "x.json") == b"first"


def test_only_who_has_seen_the_content_replaces_it(store):
    assert conditional.read_tagged(store, "x") is None
    assert conditional.replace(store, b"new", "0" * 32, "x") is False  # it is not there
    conditional.create(store, b"1", "x")
    content, tag = conditional.read_tagged(store, "x")
    assert content == b"1"
    assert '"' not in tag
    assert conditional.replace(store, b"2", tag, "x") is True
    assert conditional.replace(store, b"3", tag, "x") is False
    assert objects.read(store, "x") == b"2"


@pytest.mark.parametrize("round_", range(5))
def test_of_many_at_once_one_creates_and_one_replaces(store, round_):
    name = f"raced-{round_}"
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda i: conditional.create(store, b"%d" % i, name), range(8)))
        assert created.count(True) == 1
        content, tag = conditional.read_tagged(store, name)
        assert content == b"%d" % created.index(True)
        replaced = list(
            pool.map(lambda i: conditional.replace(store, b"new %d" % i, tag, name), range(8))
        )
    assert replaced.count(True) == 1
    assert objects.read(store, name) == b"new %d" % replaced.index(True)


def test_of_many_changes_at_once_none_is_lost(store):
    def add(number: int) -> list[int]:
        def edit(before: bytes | None) -> bytes:
            return json.dumps(sorted({*json.loads(before or b"[]"), number})).encode()

        return json.loads(conditional.change(store, edit, "numbers.json"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(40)))
    assert json.loads(objects.read(store, "numbers.json")) == list(range(40))
    assert all(number in answer for number, answer in enumerate(answers))


def test_an_edit_may_leave_things_as_they_are(store):
    assert conditional.change(store, lambda before: before, "x") is None
    assert conditional.change(store, lambda _before: b"1", "x") == b"1"
    assert conditional.change(store, lambda _before: None, "x") == b"1"


def test_a_change_that_always_loses_gives_up_and_says_so(store, monkeypatch):
    monkeypatch.setattr(conditional, "_ATTEMPTS", 5)
    rounds = []

    def edit(_before: bytes | None) -> bytes:
        rounds.append(None)
        objects.write(store, b"other %d" % len(rounds), "x")
        return b"own"

    with pytest.raises(UserError, match=r"/x was changed by others 5 times .* try again"):
        conditional.change(store, edit, "x")
    assert len(rounds) == 5


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("manifest.json", None, "application/json"),
        ("index.html", None, "text/html; charset=utf-8"),
        ("x.json", "text/plain", "text/plain"),
    ],
)
def test_the_content_type_follows_from_the_name(s3, store, name, given, expected):
    conditional.create(store, b"x", name, content_type=given)
    head = s3.client().head_object(Bucket=store.bucket, Key=store.key(name))
    assert head["ContentType"] == expected


def test_an_honest_server_passes_and_nothing_stays_behind(store):
    conditional.probe(store)
    assert objects.names(store) == []


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("If-None-Match", "overwrites an object that is to be created only once"),
        ("If-Match", "overwrites an object that was changed in between"),
    ],
)
def test_a_server_that_ignores_conditions_is_refused(store, header, problem):
    with ignoring(store, header), pytest.raises(UserError, match=problem):
        conditional.probe(store)
    assert objects.names(store) == []


def test_ceph_breaks_its_promise_in_a_bucket_with_versions(s3, store):
    s3.client().put_bucket_versioning(
        Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    with pytest.raises(UserError, match="with Ceph a bucket without versioning"):
        conditional.probe(store)


def test_a_server_s_refusals_are_explained(s3, store):
    s3.deny(store.bucket, "s3:PutObject")
    with pytest.raises(UserError, match="may not write in"):
        conditional.create(store, b"x", "x")

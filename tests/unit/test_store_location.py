"""The address of a store: read, written, and refused with all that is wrong with it."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xstilts.errors import UserError
from xstilts.store.location import Location, parse

HOST = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]{1,8}){0,3}", fullmatch=True)
ENDPOINT = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(("http", "https")),
    HOST | st.just("[::1]"),
    st.just("") | st.integers(1, 65535).map(":{}".format),
    st.sampled_from(("", "/s3", "/a/b")),
)
SEGMENT = st.text("abcXYZ019!_.*'()@=+:,~-", min_size=1, max_size=12).filter(
    lambda part: part not in (".", "..")
)
LOCATION = st.builds(
    Location,
    bucket=st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True),
    prefix=st.lists(SEGMENT, max_size=4).map("/".join),
    endpoint=st.none() | ENDPOINT,
    region=st.none() | st.sampled_from(("us-east-1", "eu-central-2", "RegionOne", "default")),
    profile=st.none() | st.sampled_from(("default", "lab", "my lab", "a@b", "x+y", "ä&=?/")),
)


@given(LOCATION)
def test_what_is_written_is_read_back(location):
    assert parse(str(location)) == location
    settings = {name: getattr(location, name) for name in ("endpoint", "region", "profile")}
    assert parse(location.url, **settings) == location


@given(st.text())
@example("s3://[")
@example("s3://bucket?endpoint=http://[")
@example("s3://bucket?endpoint=http://host:99999")
@example("s3://bucket?endpoint=http://host:port")
@example("s3://bucket?%")
def test_any_text_is_read_or_refused_in_words(text):
    for candidate in (text, f"s3://{text}", f"s3://bucket/{text}", f"s3://bucket?endpoint={text}"):
        problems: list[str] = []
        try:
            location = parse(candidate)
            assert parse(str(location)) == location
        except UserError as error:
            problems = error.problems
            if not problems:
                raise
        assert all(problem.endswith(".") for problem in problems)


def test_the_parts_of_a_location():
    location = parse("s3://bucket/a/b/?region=us-east-1&endpoint=http%3A%2F%2Flocalhost%3A80%2F")
    assert location == Location("bucket", "a/b", "http://localhost:80", "us-east-1")
    assert str(location) == (
        "s3://bucket/a/b?endpoint=http%3A%2F%2Flocalhost%3A80&region=us-east-1"
    )
    assert location.url == "s3://bucket/a/b"
    assert location.key("runs", "x.json") == "a/b/runs/x.json"
    assert location.below("runs", "7") == Location(
        "bucket", "a/b/runs/7", "http://localhost:80", "us-east-1"
    )


def test_the_root_of_a_bucket():
    assert parse("s3://bucket") == parse("s3://bucket/") == Location("bucket")
    assert str(Location("bucket")) == "s3://bucket"
    assert Location("bucket").key() == ""
    assert Location("bucket").key("x") == "x"
    assert Location("bucket").below("x").url == "s3://bucket/x"


def test_what_is_given_beside_the_url_wins_over_its_query():
    url = "s3://bucket?endpoint=http%3A%2F%2Fold&region=old&profile=old"
    new = parse(url, endpoint="http://new", region="new", profile="new")
    assert new == Location("bucket", "", "http://new", "new", "new")
    assert parse(url, endpoint="", region=None, profile="") == parse(url)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is no place for a store: give it as s3://BUCKET or s3://BUCKET/PREFIX."),
        ("bucket/a", "'bucket/a' is no place for a store: give it as s3://BUCKET"),
        ("gs://bucket/a", "'gs://bucket/a' is no place for a store"),
        ("s3:bucket", "'s3:bucket' is no place for a store"),
        ("s3://", "The store's URL names no bucket"),
        ("s3:///a", "The store's URL names no bucket"),
        ("s3://ab", "'ab' is no name for a bucket: 3 to 63 lower-case letters"),
        ("s3://Bucket", "'Bucket' is no name for a bucket"),
        ("s3://my_bucket", "'my_bucket' is no name for a bucket"),
        ("s3://a..b", "'a..b' is no name for a bucket"),
        ("s3://127.0.0.1", "'127.0.0.1' is no name for a bucket"),
        ("s3://bucket:80", "'bucket:80' is no name for a bucket"),
        ("s3://bucket/a//b", "The store's prefix 'a//b' has the part ''"),
        ("s3://bucket/../b", "The store's prefix '../b' has the part '..'"),
        ("s3://bucket/a b", "The store's prefix 'a b' has the part 'a b'"),
        ("s3://bucket/a%20b", "The store's prefix 'a%20b' has the part 'a%20b'"),
        ("s3://bucket/ä", "The store's prefix 'ä' has the part 'ä'"),
        ("s3://bucket/a#b", "The store's URL has a '#'"),
        (" s3://bucket", "has spaces or control characters; remove them."),
        ("s3://bucket/a\n", "has spaces or control characters; remove them."),
        ("s3://bucket?zone=x", "has the setting 'zone'; known are endpoint, region, profile."),
        ("s3://bucket?region=a&region=b", "gives 'region' more than once; give it once."),
        ("s3://bucket?region=", "The store's region '' is no name of a region"),
        ("s3://bucket?region=us_east", "The store's region 'us_east' is no name of a region"),
        ("s3://bucket?profile=a]b", "The store's profile 'a]b' is no name of a profile"),
        ("s3://bucket?endpoint=localhost:80", "'localhost:80' is no http:// or https:// address"),
        ("s3://bucket?endpoint=http://", "'http://' is no http:// or https:// address"),
        ("s3://bucket?endpoint=http://h:0", "'http://h:0' has a wrong port"),
        ("s3://bucket?endpoint=http://h:99999", "'http://h:99999' has a wrong host or port"),
        ("s3://bucket?endpoint=http://a_b", "has a host that is neither a name nor an address"),
        ("s3://bucket?endpoint=http://h/%3Fx", "'http://h/' has a '?' or a '#'"),
    ],
)
def test_what_cannot_be_a_store(text, problem):
    with pytest.raises(UserError) as raised:
        parse(text)
    assert len(raised.value.problems) == 1
    assert problem in raised.value.problems[0]


def test_all_problems_come_together():
    with pytest.raises(UserError) as raised:
        parse(
            "s3://My_Bucket/a//b?zone=x",
            endpoint="localhost:9000",
            region="us east",
            profile="[lab]",
        )
    subjects = [re.split(r" (?:is|has|in)\b", text)[0] for text in raised.value.problems]
    assert subjects == [
        "'My_Bucket'",
        "The store's prefix 'a//b'",
        "The store's URL",
        "The store's endpoint 'localhost:9000'",
        "The store's region 'us east'",
        "The store's profile '[lab]'",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "s3://KEY:hush@bucket/a"},
        {"text": "s3://KEY:hush/hush@bucket/a"},
        {"text": "https://KEY:hush@host/bucket"},
        {"text": "s3://bucket", "endpoint": "https://KEY:hush/hush@host"},
        {"text": "s3://bucket?secret=hush"},
        {"text": "s3://bucket", "endpoint": "https://KEY:hush@host"},
        {"text": "s3://bucket", "endpoint": "KEY:hush@host"},
        {"text": "s3://bucket", "endpoint": "https://host?X-Amz-Signature=hush"},
        {"text": "s3://bucket", "endpoint": "https://KEY:hush@host:99999"},
        {"text": "https://host/bucket?X-Amz-Signature=hush"},
    ],
)
def test_a_secret_in_a_url_is_not_repeated(arguments):
    with pytest.raises(UserError) as raised:
        parse(**arguments)
    assert "hush" not in str(raised.value)

"""Cron expressions: what they mean to Kubeflow, and when they fire in a time zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.schedule.cron import FIELDS, parse, words
from pipelines.schedule.times import fires, first, same_clock, times, upsets

BERLIN, KOLKATA, NEW_YORK = map(ZoneInfo, ("Europe/Berlin", "Asia/Kolkata", "America/New_York"))
ADELAIDE = ZoneInfo("Australia/Lord_Howe")  # whose clocks change by half an hour
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def cron(text):
    found, problems = parse(text)
    assert not problems
    return found


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("*/20 * * * *", "minutes", {0, 20, 40}),
        ("5/20 * * * *", "minutes", {5, 25, 45}),
        ("1-9/4 * * * *", "minutes", {1, 5, 9}),
        ("1,3,1-2 * * * *", "minutes", {1, 2, 3}),
        ("0 ? * * *", "hours", set(range(24))),
        ("0 0 * jan-Mar,DEC *", "months", {1, 2, 3, 12}),
        ("0 0 * * sun,FRI-sat", "weekdays", {0, 5, 6}),
    ],
)
def test_values(text, field, values):
    assert getattr(cron(text), field) == values


def test_kubeflow_gets_seconds():
    assert cron(" 30  1 * *   1 ").kubeflow == "0 30 1 * * 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 3 * *", "has 4 fields; it takes 5: minute, hour"),
        ("0 0 3 * * *", "has 6 fields"),
        ("@daily", "has 1 fields"),
        ("TZ=UTC 0 3 * * *", "has 6 fields"),
        ("60 3 * * *", "minute: '60' is not 0 to 59"),
        ("0 24 * * *", "hour: '24' is not 0 to 23"),
        ("0 3 0 * *", "day of the month: '0' is not 1 to 31"),
        ("0 3 * 13 *", "month: '13' is not 1 to 12 or jan to dec"),
        ("0 3 * * 7", "weekday: '7' is not 0 to 6 or sun to sat"),
        ("0 3 * * fri-mon", "weekday: 'fri-mon' begins after it ends"),
        ("*/0 3 * * *", "minute: '*/0' has a step of 0"),
        ("1-2-3 3 * * *", "'1-2-3' is no value, range, or step"),
        ("1,,2 3 * * *", "'' is no value"),
        ("-1 3 * * *", "'-1' is no value"),
        ("٣ 3 * * *", "'٣' is no value"),
        ("0 0 31 2,4 *", "never fires: no such day stands in the calendar"),
    ],
)
def test_nonsense(text, expected):
    found, problems = parse(text)
    assert found is None
    assert expected in "\n".join(problems)


def test_all_problems_at_once():
    assert len(parse("60 24 32 13 8")[1]) == 5


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 13 * *", [13]),
        ("0 0 * * 5", [6, 13, 20, 27]),
        ("0 0 13 * 5", [6, 13, 20, 27]),  # both restricted: one is enough
        ("0 0 */2 * 5", [13, 27]),  # a star: both have to match
        ("0 0 1-7 * 0", [1, 2, 3, 4, 5, 6, 7, 8, 15, 22, 29]),
        ("0 0 29 2 *", []),
    ],
)
def test_days_of_a_month(text, days):
    november = [date(2026, 11, day) for day in range(1, 31)]
    assert [day.day for day in november if cron(text).matches(day)] == days


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 1 * * 1,4", "at 01:30, on Monday and Thursday"),
        ("0 3,15 * * *", "at 03:00 and 15:00, every day"),
        ("0 3 1 * *", "at 03:00, on day 1 of the month"),
        ("0 3 1,15 1,7 *", "at 03:00, on days 1 and 15 of the month, in January and July"),
        ("0 3 1 * 1", "at 03:00, on day 1 of the month, or on Monday"),
        ("0 3 */3 * 1", "at 03:00, on 11 days of the month, if that is on Monday"),
        ("*/10 9-17 * * *", "54 times a day, every day"),
    ],
)
def test_in_words(text, expected):
    assert words(cron(text)) == expected


def test_a_time_stays_the_same_on_the_clock():
    found = first(cron("0 3 28 * *"), BERLIN, datetime(2026, 9, 1, tzinfo=UTC), 3)
    assert [f"{moment:%m-%d %H:%M %Z}" for moment in found] == [
        "09-28 03:00 CEST", "10-28 03:00 CET", "11-28 03:00 CET",
    ]  # fmt: skip
    assert [moment.astimezone(UTC).hour for moment in found] == [1, 2, 2]


def test_clock_changes():
    nightly = cron("30 2 * * *")
    assert upsets(nightly, BERLIN, NOON) == [
        "2027-03-28 02:30 in Europe/Berlin does not exist: no run.",
        "2027-10-31 02:30 in Europe/Berlin comes twice: two runs.",
    ]
    spring = first(nightly, BERLIN, datetime(2027, 3, 27, tzinfo=UTC), 2)
    assert [moment.day for moment in spring] == [27, 29]
    autumn = first(nightly, BERLIN, datetime(2027, 10, 30, 12, tzinfo=UTC), 2)
    assert [f"{moment:%d %H:%M %Z}" for moment in autumn] == ["31 02:30 CEST", "31 02:30 CET"]
    assert upsets(cron("30 1 * * *"), BERLIN, NOON) == []
    assert upsets(nightly, KOLKATA, NOON) == []


def test_the_same_clock():
    assert same_clock(BERLIN, ZoneInfo("Europe/Paris"), NOON)
    assert same_clock(ZoneInfo("UTC"), ZoneInfo("Etc/GMT"), NOON)
    assert not same_clock(ZoneInfo("Europe/London"), ZoneInfo("UTC"), NOON)  # equal in November
    assert not same_clock(KOLKATA, ZoneInfo("UTC"), NOON)


def part(field):
    value = st.integers(field.low, field.high)
    span = st.tuples(value, value).map(sorted).map("{0[0]}-{0[1]}".format)
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 9)).map("{0[0]}/{0[1]}".format)
    return st.one_of(st.just("*"), value.map(str), span, step)


FIELD_TEXTS = [st.lists(part(field), min_size=1, max_size=2).map(",".join) for field in FIELDS]


@settings(max_examples=25, deadline=None)
@given(
    texts=st.tuples(*FIELD_TEXTS),
    zone=st.sampled_from([BERLIN, KOLKATA, NEW_YORK, ADELAIDE]),
    start=st.sampled_from(
        [
            datetime(2027, 3, 14),
            datetime(2027, 3, 27, 12),
            datetime(2027, 4, 3),
            datetime(2027, 10, 30),
        ]
    ),
)
def test_every_minute_of_two_days(texts, zone, start):
    found, problems = parse(" ".join(texts))
    if problems:
        assert found is None
        return
    after = start.replace(tzinfo=UTC)
    until = after + timedelta(days=2)
    minutes = (after + timedelta(minutes=number) for number in range(1, 2 * 24 * 60 + 1))
    expected = [minute for minute in minutes if fires(found, zone, minute)]
    shown = takewhile(lambda moment: moment <= until, times(found, zone, after))
    assert [moment.astimezone(UTC) for moment in shown] == expected

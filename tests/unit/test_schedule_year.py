"""A year of a schedule, simulated: clock changes, outages, failures, long runs, a new schedule.

The controller is Kubeflow's, written anew after its source: the cron library that walks the clock
field by field, no catching up, one run at a time.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recurring_server import Recurrings

from pipelines import api
from pipelines.schedule.cron import parse
from pipelines.schedule.recurring import Server, Wanted, mark, put
from pipelines.schedule.times import times
from xstilts.errors import UserError

PLACE = Server(api.Endpoint("http://kubeflow.example"), None)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")]
START, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
CRONS = ["30 1 * * 1,4", "30 2 * * *", "0 */6 * * *", "0 3 1 * *", "10 23 * * 0", "0 0 1-7 * 1"]


def library_next(cron, zone, moment):
    """The next time after `moment` as github.com/robfig/cron 1.2 finds it."""
    now = later(moment, zone, minutes=1)  # all of ours are at second 0
    while True:
        added = False
        while now.month not in cron.months or not cron.matches(now.date()):
            now = midnight(now, zone, 1)
            added = True
        before = now.date()
        while now.hour not in cron.hours and now.date() == before:
            now = later(now if added else now.replace(minute=0), zone, hours=1)
            added = True
        if now.date() != before:
            continue
        while now.minute not in cron.minutes:
            now = later(now, zone, minutes=1)
            if now.minute == 0:
                break
        if now.minute in cron.minutes and now.hour in cron.hours and cron.matches(now.date()):
            return now.astimezone(UTC)


def midnight(moment, zone, days):
    """Midnight some days later, by the clock."""
    day = moment.date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def later(moment, zone, **lapse):
    """So much later in truth, whatever the clock shows."""
    return (moment.astimezone(UTC) + timedelta(**lapse)).astimezone(zone)


@dataclass
class Run:
    due: datetime
    start: datetime
    end: datetime
    schedule: str  # id of the recurring run


class Year:
    """Kubeflow over a year; `down` are its outages, `hours` how long its runs take in turn."""

    def __init__(self, zone, down, hours):
        self.server = Recurrings()
        self.zone, self.down, self.hours = zone, down, hours
        self.now = START
        self.last = {}  # id -> when its last run was due
        self.next = {}  # id -> when its next run is due
        self.runs = []

    def call(self, _endpoint, path, body=None, method=None):
        self.server.clock = int(self.now.timestamp())
        parts = urlsplit(f"/apis/{path}")
        query = {key: found[0] for key, found in parse_qs(parts.query).items()}
        method = method or ("GET" if body is None else "POST")
        status, content = self.server.answer(method, parts.path, query, body)
        if status != 200:
            raise api.Refused("no", status)
        return content

    def is_up(self):
        return not any(start <= self.now < end for start, end in self.down)

    def next_event(self):
        """When something can happen next."""
        moments = [*self.next.values(), *(run.end for run in self.runs), *sum(self.down, ())]
        return min((moment for moment in moments if moment > self.now), default=END)

    def step(self):
        """What happens in one look of the controller."""
        for run, known in zip(self.runs, reversed(self.server.runs), strict=True):
            if run.end <= self.now:
                known["state"] = "FAILED" if run.start.day % 3 == 0 else "SUCCEEDED"
        if self.is_up():
            for own in list(self.server.there.values()):
                self.sync(own)

    def sync(self, own):
        """Start a run of a recurring run if one is due and none goes on, as the controller does."""
        key = own["recurring_run_id"]
        cron = parse(own["trigger"]["cron_schedule"]["cron"].removeprefix("0 "))[0]
        if key not in self.next:
            created = datetime.fromisoformat(own["created_at"])
            self.next[key] = library_next(cron, self.zone, created)
        going = any(run.schedule == key and run.end > self.now for run in self.runs)
        if own["status"] != "ENABLED" or going or self.next[key] > self.now:
            return
        due = self.next[key]
        while (after := library_next(cron, self.zone, due)) <= self.now:
            due = after  # no catching up: only the last one
        length = timedelta(hours=self.hours[len(self.runs) % len(self.hours)])
        self.runs.append(Run(due, self.now, self.now + length, key))
        self.server.run(key, "RUNNING", due.isoformat())
        self.next[key] = after


def wanted(text):
    digest = f"{CRONS.index(text):x}" * 64
    trigger = {"cron_schedule": {"cron": parse(text)[0].kubeflow}}
    body = {"display_name": "x", "description": mark(digest), "trigger": trigger}
    return Wanted("x", digest, body)


def simulate(year, first, second, change):
    """Apply `first` at the start and `second` from `change` on, daily until it is taken."""
    applied = []  # (when, cron, id)
    asked = [(START, first), (change, second)]
    while year.now < END:
        if asked and year.now >= asked[0][0]:
            moment, text = asked[0]
            if is_applied(text):
                (own,) = year.server.there
                applied.append((year.now, text, own))
                del asked[0]
            else:
                asked[0] = (moment + timedelta(days=1), text)
        year.step()
        year.now = min([year.next_event(), *(moment for moment, _ in asked)])
    return applied


def is_applied(text):
    """Apply a schedule; not while a run goes on."""
    try:
        put(PLACE, wanted(text))
    except UserError as error:
        if "goes on and would end with it" not in str(error):
            raise
        return False
    return True


def due_times(text, zone, start, end):
    found = takewhile(lambda moment: moment < end, times(parse(text)[0], zone, start))
    return [moment.astimezone(UTC) for moment in found]


OUTAGES = st.lists(
    st.tuples(st.integers(0, 364 * 24), st.sampled_from([1, 5, 30, 24 * 9])).map(
        lambda pair: (START + timedelta(hours=pair[0]), START + timedelta(hours=sum(pair)))
    ),
    max_size=6,
)


@settings(max_examples=12, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    first=st.sampled_from(CRONS),
    second=st.sampled_from(CRONS),
    change=st.integers(1, 360).map(lambda days: START + timedelta(days=days, hours=5)),
    down=OUTAGES,
    hours=st.lists(st.sampled_from([0.5, 3, 20, 80]), min_size=1, max_size=5),
)
def test_a_year(zone, first, second, change, down, hours):
    year = Year(zone, down, hours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "call", year.call)
        applied = simulate(year, first, second, change)
    assert year.server.killed == []
    ends = [*(moment for moment, *_ in applied[1:]), END]
    if len(applied) > 1 and applied[0][2] == applied[1][2]:  # nothing had changed
        applied, ends = applied[:1], [END]
    for run, after in zip(year.runs, year.runs[1:], strict=False):
        assert run.end <= after.start, "two runs at the same time"
    for (start, text, own), end in zip(applied, ends, strict=True):
        due = due_times(text, zone, start, end)
        runs = [run for run in year.runs if run.schedule == own]
        assert len({run.due for run in runs}) == len(runs), "one time, two runs"
        for run in runs:
            # Each run is of the last time that was due when it started
            assert due[bisect_right(due, run.start) - 1] == run.due
        started = {run.due for run in runs}
        for moment in due:
            busy = any(run.start < moment < run.end for run in year.runs)
            year.now = moment
            if year.is_up() and not busy:
                assert moment in started, "a run is missing"


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("text", CRONS)
def test_the_library_and_we_agree(zone, text):
    cron = parse(text)[0]
    expected = due_times(text, zone, START, END)
    found, moment = [], START
    while (moment := library_next(cron, zone, moment)) < END:
        found.append(moment)
    assert found == expected


def test_a_year_without_trouble_in_berlin(monkeypatch):
    year = Year(ZONES[0], [], [3])
    monkeypatch.setattr(api, "call", year.call)
    simulate(year, "30 2 * * *", "30 2 * * *", START)
    # 28 March has no 02:30, and 31 October has it twice; the second is due while the first run goes
    days = [run.due.astimezone(ZONES[0]).date() for run in year.runs]
    assert len(days) == 365
    assert datetime(2027, 3, 28).date() not in days
    assert days.count(datetime(2027, 10, 31).date()) == 2

"""When a cron expression fires in a time zone, and what clock changes do to it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from pipelines.schedule.cron import DAY, Cron


def times(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments after `after` (an aware time) at which it fires, in `zone`, without an end.

    They are those at which the clock in `zone` shows a matching time: a time that is left out when
    clocks go forward has none, one that comes twice when they go back has two.
    """
    for day in cron.dates(after.astimezone(zone).date()):
        moments = {
            moment for local in _locals(cron, day) for moment in (_moments(local, zone)) if moment
        }
        yield from (m.astimezone(zone) for m in sorted(moments) if m > after)


def upsets(cron: Cron, zone: ZoneInfo, after: datetime, days: int = 366) -> list[str]:
    """What clock changes in the next `days` days do to it, each as a sentence."""
    found = []
    start = after.astimezone(zone).date()
    for day in cron.dates(start):
        if day > start + days * DAY:
            break
        for local in _locals(cron, day):
            count = len(_moments(local, zone))
            if count != 1:
                happens = "does not exist: no run" if count == 0 else "comes twice: two runs"
                found.append(f"{local:%Y-%m-%d %H:%M} in {zone.key} {happens}.")
    return found


def same_clock(first: ZoneInfo, second: ZoneInfo, after: datetime) -> bool:
    """Whether clocks in two zones show the same time, for two years from `after` on."""
    if first.key == second.key:
        return True
    moments = (after + number * timedelta(hours=6) for number in range(4 * 731))
    return all(
        moment.astimezone(first).utcoffset() == moment.astimezone(second).utcoffset()
        for moment in moments
    )


def _locals(cron: Cron, day: date) -> Iterator[datetime]:
    for hour in sorted(cron.hours):
        for minute in sorted(cron.minutes):
            yield datetime(day.year, day.month, day.day, hour, minute)


def _moments(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """The moments, in UTC, at which the clock in `zone` shows `local`: none, one or two."""
    found = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(m for m in found if m.astimezone(zone).replace(tzinfo=None, fold=0) == local)


def first(cron: Cron, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """The next `count` moments after `after`."""
    return list(islice(times(cron, zone, after), count))


def fires(cron: Cron, zone: ZoneInfo, moment: datetime) -> bool:
    """Whether it fires in the minute of `moment`, an aware time."""
    local = moment.astimezone(zone)
    return cron.matches(local.date()) and local.hour in cron.hours and local.minute in cron.minutes

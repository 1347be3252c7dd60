"""Cron expressions as Kubeflow's controller reads them.

KFP parses them with github.com/robfig/cron (version 1): six fields, of which the first are the
seconds. A schedule of ours has the usual five and starts on the minute. What differs from crontab:
Sunday is 0 only, `N/5` is `N-59/5`, and a day has to match both day fields if one of them begins
with a star, else one of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_PART = re.compile(
    r"(?:(?P<star>[*?])|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?", re.ASCII
)
DAY = timedelta(days=1)
_SHOWN = 6  # times or days that are named
_LIMIT = 5 * 366  # days without a match, after which KFP gives up, too


@dataclass(frozen=True)
class Field:
    """One of the five: its name, its least and greatest value, and names of values."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()  # of the values from `low` on


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, tuple(_MONTHS)),
    Field("weekday", 0, 6, tuple(_WEEKDAYS)),
)


@dataclass(frozen=True)
class Cron:
    """When a schedule fires: the values of each field, and what they were read from.

    `either` says that a day need match only one of `days` and `weekdays` (0: Sunday).
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    @property
    def kubeflow(self) -> str:
        """The expression with its six fields, as KFP wants it."""
        return f"0 {self.text}"

    def dates(self, start: date) -> Iterator[date]:
        """The matching days from `start` on; ends when there is none for five years."""
        day, idle = start, 0
        while idle < _LIMIT:
            idle += 1
            if self.matches(day):
                idle = 0
                yield day
            day += DAY

    def matches(self, day: date) -> bool:
        """Whether it fires on this day."""
        if day.month not in self.months:
            return False
        found = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return any(found) if self.either else all(found)


def parse(text: str) -> tuple[Cron | None, list[str]]:
    """The expression of five fields, or None and everything that is wrong with it."""
    words = text.split()
    if len(words) != len(FIELDS):
        names = ", ".join(field.name for field in FIELDS)
        return None, [f"cron {text!r} has {len(words)} fields; it takes 5: {names}."]
    problems: list[str] = []
    values = [_values(field, word, problems) for field, word in zip(FIELDS, words, strict=True)]
    if problems:
        return None, [f"cron {text!r}: {problem}" for problem in problems]
    either = not any(_starred(word) for word in (words[2], words[4]))
    minutes, hours, days, months, weekdays = values
    found = Cron(" ".join(words), minutes, hours, days, months, weekdays, either)
    if next(found.dates(date(2024, 1, 1)), None) is None:
        return None, [f"cron {text!r} never fires: no such day stands in the calendar."]
    return found, []


def words(cron: Cron) -> str:
    """The expression in words, such as `at 01:30, on Monday and Thursday`."""
    parts = [_clock(cron)]
    days, weekdays = _day_words(cron)
    if days and weekdays:
        parts.append(f"{days}, {'or' if cron.either else 'if that is'} {weekdays}")
    else:
        parts.append(days or weekdays or "every day")
    if len(cron.months) < 12:
        parts.append("in " + _listed([f"{date(2024, m, 1):%B}" for m in sorted(cron.months)]))
    return ", ".join(parts)


def _values(field: Field, word: str, problems: list[str]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        try:
            found |= _range(field, part)
        except ValueError as error:
            problems.append(f"{field.name}: {error}.")
    return frozenset(found)


def _range(field: Field, part: str) -> set[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is no value, range, or step such as */2")
    step = int(match["step"] or 1)
    if step == 0:
        raise ValueError(f"{part!r} has a step of 0")
    if match["star"]:
        return set(range(field.low, field.high + 1, step))
    low = _value(field, match["low"])
    high = _value(field, match["high"]) if match["high"] else field.high if match["step"] else low
    if low > high:
        raise ValueError(f"{part!r} begins after it ends")
    return set(range(low, high + 1, step))


def _value(field: Field, word: str) -> int:
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.low
    if not word.isdecimal() or not field.low <= int(word) <= field.high:
        names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
        raise ValueError(f"{word!r} is not {field.low} to {field.high}{names}")
    return int(word)


def _starred(word: str) -> bool:
    return any(part[:1] in ("*", "?") for part in word.split(","))


def _clock(cron: Cron) -> str:
    count = len(cron.hours) * len(cron.minutes)
    if count > _SHOWN:
        return f"{count} times a day"
    found = [f"{hour:02}:{minute:02}" for hour in cron.hours for minute in cron.minutes]
    return "at " + _listed(sorted(found))


def _day_words(cron: Cron) -> tuple[str, str]:
    """The days of the month and the weekdays, each empty if all of them match."""
    days, weekdays = "", ""
    if len(cron.days) < 31:
        days = _days_of_month(sorted(cron.days))
    if len(cron.weekdays) < 7:
        names = [f"{date(2023, 1, 1) + number * DAY:%A}" for number in sorted(cron.weekdays)]
        weekdays = "on " + _listed(names)
    return days, weekdays


def _days_of_month(days: list[int]) -> str:
    if len(days) > _SHOWN:
        return f"on {len(days)} days of the month"
    return f"on day{'s' * (len(days) > 1)} {_listed([str(day) for day in days])} of the month"


def _listed(items: list[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last

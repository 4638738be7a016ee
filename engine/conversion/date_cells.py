"""Dates and times, cell by cell. Two readings of one date are never settled here: the problem names both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone

from engine.conversion.cells import Problem

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_SHORT_YEAR = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{2})")
_FAR_YEAR = re.compile(r"(?:-[0-9]{4,7}|[0-9]{5,7})-[0-9]{2}-[0-9]{2}(?:[T ].*)?")
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[ .-]+([A-Za-z]{3,9})[ .,-]+([0-9]{4})")
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})[ .-]+([0-9]{1,2})(?:st|nd|rd|th)?[ ,.-]+([0-9]{4})")
_SERIAL = re.compile(r"[2-8][0-9]{4}")
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?"
_ZONE = r"(?:(Z|z)|([+-])([0-9]{2}):?([0-9]{2})?)?"
_DATED_CLOCK = re.compile(rf"(.*?[0-9])(?:[Tt]| +|, +){_CLOCK}{_ZONE}")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(_CLOCK)
_LOOSE_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: *([AaPp])\.?[Mm]\.?)?")

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_NUMBERS = {name[:size]: number for number, name in enumerate(_MONTHS, 1) for size in (3, len(name))} | {
    "sept": 9
}

_NOT_DATE = "{label} is not a date: write it as year-month-day, for example {example}."
_NO_SUCH_DAY = "{label} names a day that the calendar does not have: correct it."
_AMBIGUOUS = "{label} can be read as two dates: write it as year-month-day, or say which order this file uses."
_SHORT = "{label} has a year of two digits: write all four, for example {example}."
_OTHER_ORDER = (
    "{label} does not fit the order of day and month that was chosen for this file: write it as year-month-day."
)
_FAR = "{label} is out of range: the year must be between 0001 and 9999."
_HAS_TIME = "{label} is a date with a time of day: write the date alone, for example {example}."
_NOT_DATETIME = "{label} is not a date with a time: write year-month-day, T and the time, for example {example}."
_NOT_TIME = "{label} is not a time of day: write hours, minutes and seconds as two digits each, for example {example}."
_FINE = "{label} has more than six digits after the seconds: round it to microseconds."


def read_date(text: str, day_first: bool | None = None) -> date | Problem:
    """The date, where ``text`` has only one reading under the order declared (``day_first``)."""
    dated = _DATED_CLOCK.fullmatch(text)
    if dated and _ISO_DATE.fullmatch(dated[1]):
        day = read_date(dated[1])
        is_midnight = not any((part or "").strip("0") for part in (*dated.groups()[1:5], *dated.groups()[7:]))
        return day if is_midnight or isinstance(day, Problem) else Problem("value.type", _HAS_TIME, day.isoformat())
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[3], found[4])
    if found := _COMPACT.fullmatch(text):
        return _day(*found.groups())
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(found[1], found[2], found[3], found[4], day_first)
    if found := _DAY_MONTH.fullmatch(text):
        return _named_month(found[3], found[2], found[1])
    if found := _MONTH_DAY.fullmatch(text):
        return _named_month(found[3], found[1], found[2])
    return _unread_date(text)


def read_datetime(text: str) -> datetime | Problem:
    """The instant in UTC; without a zone the text is taken as UTC."""
    dated = _DATED_CLOCK.fullmatch(text)
    if not dated or not _ISO_DATE.fullmatch(dated[1]):
        return _unread_datetime(text, dated)
    day, clock = read_date(dated[1]), _time(dated[2], dated[3], dated[4], dated[5])
    if isinstance(day, Problem):
        return day
    if isinstance(clock, Problem):
        return Problem(clock.code, clock.message, clock.suggestion and f"{day}T{clock.suggestion}{_zone_text(dated)}")
    offset = _offset(dated[7], dated[8], dated[9])
    if clock is None or offset is None:
        return Problem("value.type", _NOT_DATETIME)
    try:
        return datetime.combine(day, clock, offset).astimezone(UTC)
    except OverflowError:
        return Problem("value.range", _FAR)


def read_time(text: str) -> time | Problem:
    """The time of day, to the microsecond."""
    found = _TIME.fullmatch(text)
    clock = _time(*found.groups()) if found else None
    if clock is not None:
        return clock
    loose = _loose_time(text)
    return Problem("value.type", _NOT_TIME, loose.isoformat() if loose else None)


def _day(year: str, month: str | int, day: str) -> date | Problem:
    if int(year) == 0:
        return Problem("value.range", _FAR)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return Problem("value.type", _NO_SUCH_DAY)


def _named_month(year: str, month: str, day: str) -> date | Problem:
    number = _MONTH_NUMBERS.get(month.lower())
    return _day(year, number, day) if number else Problem("value.type", _NOT_DATE)


def _year_last(first: str, mark: str, second: str, year: str, day_first: bool | None) -> date | Problem:
    day_month, month_day = _day(year, second, first), _day(year, first, second)
    if mark == ".":
        return day_month
    if day_first is not None:
        declared, other = (day_month, month_day) if day_first else (month_day, day_month)
        if isinstance(declared, Problem) and isinstance(other, date):
            return Problem("value.type", _OTHER_ORDER, other.isoformat())
        return declared
    readings = _distinct([month_day, day_month])
    if len(readings) == 2:
        return Problem("value.ambiguous_date", _AMBIGUOUS, _texts(readings))
    return readings[0] if readings else day_month


def _unread_date(text: str) -> Problem:
    if found := _SHORT_YEAR.fullmatch(text):
        return _short_year(found[1], found[2], found[3], found[4])
    if found := _FAR_YEAR.fullmatch(text):
        return Problem("value.range", _FAR)
    if _SERIAL.fullmatch(text):
        counted = date(1899, 12, 30) + timedelta(days=int(text))
        message = "{label} is a number: if a spreadsheet counted the days, write the date as year-month-day."
        return Problem("value.type", message, counted.isoformat())
    return Problem("value.type", _NOT_DATE)


def _short_year(first: str, mark: str, second: str, third: str) -> Problem:
    readings = [_day(_century(third), second, first)]
    if mark != ".":
        readings += [_day(_century(third), first, second)]
    if mark == "-":
        readings += [_day(_century(first), second, third)]
    found = sorted(_distinct(readings))
    return Problem("value.ambiguous_date", _SHORT, _texts(found)) if found else Problem("value.type", _NO_SUCH_DAY)


def _century(year: str) -> str:
    return ("19" if int(year) >= 70 else "20") + year.zfill(2)


def _distinct(readings: Iterable[date | Problem]) -> list[date]:
    return list(dict.fromkeys(reading for reading in readings if isinstance(reading, date)))


def _texts(days: list[date]) -> str:
    return " or ".join(day.isoformat() for day in days)


def _time(hour: str, minute: str, second: str | None, fraction: str | None) -> time | Problem | None:
    digits = (fraction or "").rstrip("0")
    try:
        clock = time(int(hour), int(minute), int(second or 0), int(digits[:6].ljust(6, "0")))
    except ValueError:
        return None
    return Problem("value.precision", _FINE, clock.isoformat()) if len(digits) > 6 else clock


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timezone | None:
    if sign is None:
        return UTC
    if int(hours or 0) > 15 or int(minutes or 0) > 59:
        return None
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(ahead if sign == "+" else -ahead)


def _zone_text(dated: re.Match[str]) -> str:
    return f"{dated[7]}{dated[8]}:{dated[9] or '00'}" if dated[7] else "Z"


def _unread_datetime(text: str, dated: re.Match[str] | None) -> Problem:
    """What a date without a time, or a date in another form, may be meant as."""
    if _FAR_YEAR.fullmatch(text):
        return Problem("value.range", _FAR)
    day_text, clock = (dated[1], _time(*dated.groups()[1:5])) if dated else (text, time())
    if dated is None and (split := re.fullmatch(r"(.*?[0-9]),? +([0-9]{1,2}:.*)", text)):
        day_text, clock = split[1], _loose_time(split[2])
    day = read_date(day_text)
    if not isinstance(clock, time) or (isinstance(day, Problem) and not day.suggestion):
        return Problem("value.type", _NOT_DATETIME)
    days = (day.suggestion or "").split(" or ") if isinstance(day, Problem) else [day.isoformat()]
    code = day.code if isinstance(day, Problem) else "value.type"
    zone = _zone_text(dated) if dated else "Z"
    return Problem(code, _NOT_DATETIME, " or ".join(f"{each}T{clock.isoformat()}{zone}" for each in days))


def _loose_time(text: str) -> time | None:
    """A clock time written as 9:05 or 1:30 PM; only ever suggested."""
    found = _LOOSE_TIME.fullmatch(text)
    if not found:
        return None
    hour, half = int(found[1]), (found[4] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    clock = _time(str(hour % 12 + (12 if half == "p" else 0) if half else hour), found[2], found[3], None)
    return clock if isinstance(clock, time) else None

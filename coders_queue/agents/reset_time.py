"""When a limit ends, from the words that the tools tell it by.

All spellings of all tools: epoch seconds, ISO dates, clock times with and without a date and a
zone, and how long it still takes. What is relative to the look, or says no zone, needs to know
when and where that was; without it only what is absolute is given.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

#: What leads to a time: ``resets at``, ``try again in``, ``will reset after``, ``available at``.
_LEAD = (
    r"(?:\bresets?\b|\btry (?:it )?again\b|\bavailable(?: again)?\b|\bretry(?: after)?\b"
    r"|\breset (?:time|date):|\blimit reached\|)"
)
_WORDS = re.compile(rf"{_LEAD}(?P<rest>.{{1,80}})", re.IGNORECASE | re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_START = r"\s*(?:·\s*)?(?:at|on|in|after|by)?:?\s*"
_EPOCH = re.compile(rf"{_START}(?P<number>1\d{{9}})(?P<milliseconds>\d{{3}})?\b", re.IGNORECASE)
_ISO = re.compile(
    rf"{_START}(?P<date>\d{{4}}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?"
    r" ?(?P<zone>Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_DATE = (
    r"(?:(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? "
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?,?(?: (?P<year>\d{4}),?)?(?: at)? )?"
)
_CLOCK = re.compile(
    rf"{_START}{_DATE}(?P<hour>\d{{1,2}})(?::(?P<minute>\d\d))?(?::\d\d)? ?(?P<half>[ap]\.?m\b)?"
    r" ?\(?(?P<zone>[A-Za-z]+/[A-Za-z_/+-]+|(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d\d)?)?"
    r"|[PMCE][SD]T)?\)?",
    re.IGNORECASE,
)
_UNIT = r"(\d+(?:\.\d+)?) ?(d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?|ms)\b"
_UNITS = re.compile(_UNIT.replace(r"\b", r"(?![a-z])"), re.IGNORECASE)
_SPAN = re.compile(
    r"\s*(?:in|after):?\s*(?:about |less than |~)?"
    rf"(?P<span>(?:{_UNITS.pattern}[ ,]*(?:and )?)+|an? (?:minute|hour|day)\b)",
    re.IGNORECASE,
)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_ZONES = {
    "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4,
}  # fmt: skip
#: A clock time is the next one; one that was just now is of a picture that is not fresh.
_STALE = timedelta(hours=2)
#: Seconds; no limit lasts a year.
_FARTHEST = 366 * 86400.0


def resets_at(text: str, at: float | None = None, zone: tzinfo | None = None) -> float | None:
    """Epoch seconds, or None when the text does not tell.

    ``at`` is when the text was on the screen, epoch seconds; ``zone`` the one that a clock time is
    meant in that names none, by default this machine's.
    """
    for lead in _WORDS.finditer(text):
        rest = " ".join(lead["rest"].split()) if "\n" in lead["rest"] else lead["rest"]
        try:
            found = _time(rest, at, zone)
        except (ValueError, OverflowError, OSError):
            continue  # 25 o'clock, a zone that there is not
        if found is not None and (at is None or found < at + _FARTHEST):
            return found
    return None


def _time(rest: str, at: float | None, zone: tzinfo | None) -> float | None:
    if match := _EPOCH.match(rest):
        return float(match["number"])
    if match := _ISO.match(rest):
        return _iso(match, at, zone)
    if match := _SPAN.match(rest):
        return None if at is None else at + _span(match["span"])
    match = _CLOCK.match(rest)
    # a bare number is no time of day
    if match and (match["minute"] or match["half"]):
        return _clock(match, at, zone)
    return None


def _iso(match: re.Match[str], at: float | None, zone: tzinfo | None) -> float | None:
    moment = datetime.fromisoformat(f"{match['date']}T{match['time']}")
    named = match["zone"]
    if named is None:
        return None if at is None else _local(moment, zone).timestamp()
    if named.upper() in ("Z", "UTC", "GMT"):
        return moment.replace(tzinfo=UTC).timestamp()
    return datetime.fromisoformat(f"{moment.isoformat()}{named}").timestamp()


def _span(text: str) -> float:
    parts = _UNITS.findall(text)
    if not parts:  # an hour
        return _SECONDS[text.split()[-1][0].lower()]
    return sum(
        float(number) * (0.001 if unit.lower() == "ms" else _SECONDS[unit[0].lower()])
        for number, unit in parts
    )


def _clock(match: re.Match[str], at: float | None, zone: tzinfo | None) -> float | None:
    named = _named(match["zone"])
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    month = match["month"] and _MONTHS.index(match["month"][:3].lower()) + 1
    if at is None:
        if not (month and match["year"] and named):
            return None
        return datetime(
            int(match["year"]), month, int(match["day"]), hour, minute, tzinfo=named
        ).timestamp()
    now = datetime.fromtimestamp(at, named or zone)
    if month:
        moment = datetime(int(match["year"] or now.year), month, int(match["day"]), hour, minute)
        fixed = _local(moment, named or zone)
        if match["year"] is None and fixed.timestamp() < at - 86400:
            fixed = _local(moment.replace(year=now.year + 1), named or zone)
        return fixed.timestamp()
    today = datetime(now.year, now.month, now.day, hour, minute)
    fixed = _local(today, named or zone)
    if fixed.timestamp() < at - _STALE.total_seconds():
        fixed = _local(today + timedelta(days=1), named or zone)
    return fixed.timestamp()


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()


def _named(zone: str | None) -> tzinfo | None:
    if not zone:
        return None
    if "/" in zone:
        try:
            return ZoneInfo(zone)
        except (KeyError, OSError):  # ZoneInfoNotFoundError is a KeyError
            raise ValueError(zone) from None
    name = zone.upper()
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name]))
    offset = re.fullmatch(r"(?:UTC|GMT)(?:([+-])(\d{1,2})(?::?(\d\d))?)?", name)
    if offset is None or offset[1] is None:
        return UTC
    span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    return timezone(-span if offset[1] == "-" else span)

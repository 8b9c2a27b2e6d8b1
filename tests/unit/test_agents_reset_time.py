"""When a limit ends, in the words of every tool."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from coders_queue.agents.reset_time import resets_at

#: A Sunday, 20:15 UTC.
NOW = datetime(2026, 11, 22, 20, 15, tzinfo=UTC).timestamp()


def _utc(*moment: int) -> float:
    return datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Claude AI usage limit reached|1793390400", 1793390400.0),
        ("usage limit, resets at 1793390400000", 1793390400.0),
        ("quota will reset at 2026-11-23T04:00:00Z", _utc(2026, 11, 23, 4)),
        ("resets 2026-11-23 04:00 +01:00", _utc(2026, 11, 23, 3)),
        ("try again at Nov 23rd, 2026 4:10 PM (UTC)", _utc(2026, 11, 23, 16, 10)),
    ],
)
def test_an_absolute_time_needs_no_look(text: str, expected: float) -> None:
    """Epoch seconds, ISO dates with a zone, and whole dates with a zone stand for themselves."""
    assert resets_at(text) == expected
    assert resets_at(text, NOW, UTC) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You've hit your session limit · resets 11pm (UTC)", _utc(2026, 11, 22, 23)),
        ("5-hour limit reached ∙ resets 3am", _utc(2026, 11, 23, 3)),
        ("Claude usage limit reached. Your limit will reset at 9:30pm", _utc(2026, 11, 22, 21, 30)),
        ("resets 11pm (Europe/Prague)", _utc(2026, 11, 22, 22)),
        ("Weekly limit reached · resets Nov 25, 3pm (UTC)", _utc(2026, 11, 25, 15)),
        ("resets Jan 2 at 9am", _utc(2027, 1, 2, 9)),
        ("You've hit your usage limit. Try again at 9:10 PM.", _utc(2026, 11, 22, 21, 10)),
        ("or try again at Nov 24th, 2026 4:10 PM.", _utc(2026, 11, 24, 16, 10)),
        ("Try again in 2 days 3 hours 5 minutes.", NOW + 2 * 86400 + 3 * 3600 + 300),
        ("Please try again in 1.242s.", NOW + 1.242),
        ("try again in 2h 5m", NOW + 7500),
        ("try again in\n  2h 5m", NOW + 7500),
        ("Try again in an hour", NOW + 3600),
        ("Your quota will reset after 18h6m10s.", NOW + 18 * 3600 + 6 * 60 + 10),
        ("Access resets at 1:00 PM PST.", _utc(2026, 11, 22, 21)),
        ("Access resets at 10:00 PM GMT+1.", _utc(2026, 11, 22, 21)),
        ("Access resets at 22:05", _utc(2026, 11, 22, 22, 5)),
        ("Access resets at 12:30 AM", _utc(2026, 11, 23, 0, 30)),
        ("resets 8pm", _utc(2026, 11, 22, 20)),  # of a quarter of an hour ago
    ],
)
def test_a_clock_is_read_by_the_time_of_the_look(text: str, expected: float) -> None:
    """Clock times are the next ones; spans count from the look. Without it nothing is said."""
    assert resets_at(text, NOW, UTC) == pytest.approx(expected)
    assert resets_at(text) is None


def test_a_clock_without_a_zone_is_in_the_zone_of_the_look() -> None:
    """11pm in Prague is not 11pm in New York."""
    prague = resets_at("resets 11pm", NOW, ZoneInfo("Europe/Prague"))
    new_york = resets_at("resets 11pm", NOW, ZoneInfo("America/New_York"))
    assert (prague, new_york) == (_utc(2026, 11, 22, 22), _utc(2026, 11, 23, 4))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resets",
        "resets soon",
        "resets 25:00",
        "resets 3pm (Nowhere/Land)",
        "resets Feb 31, 3pm",
        "try again",
        "try again in a moment",
        "try again at 4",
        "attempt 3/10",
        "resets 9999-99-99T99:99:99Z",
        "try again in " + "9" * 60 + " days",
    ],
)
def test_what_is_no_time_gives_none(text: str) -> None:
    """Nonsense is left alone."""
    assert resets_at(text, NOW, UTC) is None

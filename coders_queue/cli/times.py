"""Times and spans for people, and the spans that people type."""

from __future__ import annotations

import time

from coders_queue import errors
from coders_queue.clock import seconds_of


def parse_span(text: str) -> float:
    """Seconds of ``90``, ``1.5s``, ``10m``, ``2h``, ``1d`` or sums like ``1h30m``."""
    seconds = seconds_of(text)
    if seconds is None:
        raise errors.UsageError(
            f"{text!r} is not a span of time", "write seconds, or a number with s, m, h or d: 10m"
        )
    return seconds


def span(seconds: float) -> str:
    """A span in its two largest units: ``0.4 s``, ``12 s``, ``3m05s``, ``2h10m``, ``4d02h``."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def ago(then: float | None, now: float) -> str:
    """How long ago an instant was, or ``-`` when there is none."""
    if then is None:
        return "-"
    # another machine's clock may be ahead of ours
    seconds = max(0.0, now - then)
    if seconds < 1:
        return "now"
    return f"{int(seconds)} s ago" if seconds < 60 else f"{span(seconds)} ago"


def instant(then: float | None) -> str:
    """An instant in local time, or ``-`` when there is none."""
    return "-" if then is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(then))

"""Time, so that a test can hold it still, and spans of it as people write them.

Wall-clock times are seconds since the epoch (UTC) as ``float``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

#: Anything that tells the time in epoch seconds.
Clock = Callable[[], float]

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str) -> float | None:
    """Seconds of ``90``, ``1.5s``, ``10m``, ``2h``, ``1d`` or sums like ``1h30m``; None for what is
    no span of time, or nothing of one."""
    seconds = 0.0
    rest = text
    while rest:
        match = _SPAN.match(rest)
        if match is None or (not match[2] and match.end() != len(rest)):
            return None
        seconds += float(match[1]) * _SECONDS[match[2]]
        rest = rest[match.end() :]
    return seconds or None


def system_clock() -> float:
    """The machine's wall clock, epoch seconds."""
    return time.time()


def overdue(since: float, patience: float, now: float) -> bool:
    """Whether ``patience`` seconds went by. A time that lies ahead counts as long gone:
    the clock was set back meanwhile, and nobody waits until it has caught up."""
    return not 0.0 <= now - since < patience


class ManualClock:
    """A clock for tests: it moves only when told to."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        """The time it was set to."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``."""
        self.now += seconds

"""Time, so that a test can hold it still.

Wall-clock times are seconds since the epoch (UTC) as ``float``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Anything that tells the time in epoch seconds.
Clock = Callable[[], float]


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

"""A clock that no change of the machine's time moves.

A machine that sets its clock forward by an hour must not make every agent look stuck. Inside, times
are epoch seconds as they would be had nobody touched the clock; what is told outside is in the
machine's own time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds by which the two may differ without being told apart: the clock is slewed all the time.
_SLACK = 1.0


class SteadyClock:
    """Epoch seconds that only run forward, at one speed."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()

    def now(self) -> float:
        """The time in here."""
        return self._steady() + self._offset

    def correction(self) -> float:
        """Seconds to add to a time in here to have it in the machine's time."""
        difference = self._wall() - self.now()
        return difference if abs(difference) > _SLACK else 0.0

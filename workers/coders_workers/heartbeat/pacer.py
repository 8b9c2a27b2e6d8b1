"""Something done at start + n * period, on a thread of its own.

By the monotonic clock, so that no change of the machine's time moves it, and without drift: a turn
that came late makes the next one no later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

#: The part of a period by which a turn may be late without counting as late.
LATE = 0.5


class Pacer:
    """Calls ``action`` with the number of the turn, 0 first."""

    def __init__(
        self,
        name: str,
        period: float,
        action: Callable[[int], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._period, self._action, self._clock = name, period, action, clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        #: Turns that came more than half a period late.
        self.late = 0
        #: Turns left out, because the ones before took until then.
        self.missed = 0

    def start(self) -> None:
        """Begin; the first turn is at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the turn at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        began, number = self._clock(), 0
        while not self._stopping.wait(max(0.0, began + number * self._period - self._clock())):
            self._turn(number, self._clock() - (began + number * self._period))
            after = max(number + 1, int((self._clock() - began) / self._period))
            self.missed += after - number - 1
            number = after

    def _turn(self, number: int, delay: float) -> None:
        if delay > LATE * self._period:
            self.late += 1
            log.warning("turn_late", duty=self._name, seconds=round(delay, 3))
        try:
            self._action(number)
        except Exception:
            log.exception("duty_failed", duty=self._name)

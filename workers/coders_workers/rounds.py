"""The worker's regular duties: its lease, its announcement, its sweeps, its deadlines.

One thread, one short step at a time; each duty that fails is tried again at its next turn, and the
worker counts as degraded as long as its lease cannot be renewed for want of a broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from coders_queue import errors

log = structlog.get_logger(__name__)


@dataclass
class Duty:
    """Something done again and again."""

    name: str
    every: float
    """Seconds between two turns."""
    action: Callable[[], object]
    due: float = 0.0
    """When it is its turn, on the monotonic clock."""


class Rounds:
    """Runs duties on a thread of its own."""

    def __init__(self, name: str, duties: list[Duty]) -> None:
        self._duties = duties
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        #: Names of the duties that found the broker out of reach at their last turn.
        self.failing: set[str] = set()
        #: When a turn last began, on the monotonic clock.
        self.turned_at = time.monotonic()

    def start(self) -> None:
        """Begin; each duty has its first turn at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the duty at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            now = self.turned_at = time.monotonic()
            for duty in self._duties:
                if duty.due <= now:
                    self._turn(duty)
                    duty.due = time.monotonic() + duty.every
            soonest = min(duty.due for duty in self._duties)
            self._stopping.wait(max(0.05, soonest - time.monotonic()))

    def _turn(self, duty: Duty) -> None:
        try:
            duty.action()
        except errors.Unavailable as error:
            if duty.name not in self.failing:
                log.warning("duty_failed", duty=duty.name, cause=str(error))
            self.failing.add(duty.name)
        except Exception:
            log.exception("duty_failed", duty=duty.name)
        else:
            self.failing.discard(duty.name)
